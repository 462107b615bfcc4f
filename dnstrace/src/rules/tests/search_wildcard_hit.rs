//! `search-wildcard-hit`: fires, and does not.

use super::*;

/// `name` with the search list of the cluster, then found below `corp.test`.
fn hijacked(at: u64, name: &str, address: &str) -> Vec<Ask> {
    let [a, aaaa] = pair(at + 6, WEB, &format!("{name}.corp.test"));
    let found = [a.found(address), aaaa.nodata("corp.test")];
    missed(at, WEB, name).into_iter().chain(found).collect()
}

fn all(names: &[(&str, &str)]) -> Vec<Ask> {
    (0..).step_by(20).zip(names).flat_map(|(at, (name, address))| hijacked(at, name, address)).collect()
}

#[test]
fn one_address_for_three_domains_is_a_wildcard() {
    let names = ["a.example.com", "b.example.org", "c.example.net"].map(|name| (name, "198.51.100.9"));
    check(Scene::cluster().asks(all(&names)), &["search-wildcard-hit certain corp.test 1"]);
    check(Scene::unknown().asks(all(&names)), &["search-wildcard-hit certain corp.test 1"]);
}

/// The responses for A and AAAA come in any order.
#[test]
fn addresses_of_both_families_are_one_wildcard() {
    let of = |at: u64, name: &str| {
        let [a, aaaa] = pair(at + 6, WEB, &format!("{name}.corp.test"));
        let mut found = [a.found("198.51.100.9"), aaaa.found("2001:db8::9")];
        if at == 20 {
            found.reverse();
        }
        missed(at, WEB, name).into_iter().chain(found).collect::<Vec<_>>()
    };
    let names = (0..).step_by(20).zip(["a.example.com", "b.example.org", "c.example.net"]);
    let scene = Scene::unknown().asks(names.flat_map(|(at, name)| of(at, name)));
    check(scene, &["search-wildcard-hit certain corp.test 1"]);
}

#[test]
fn names_of_one_domain_or_of_the_site_are_no_proof() {
    let one = ["a.example.com", "b.example.com", "c.example.com"].map(|name| (name, "198.51.100.9"));
    check(Scene::cluster().asks(all(&one)), &[]);
    let site = ["a.apps", "b.apps", "c.infra"].map(|name| (name, "198.51.100.9"));
    check(Scene::cluster().asks(all(&site)), &[]);
}

#[test]
fn records_of_their_own_are_no_wildcard() {
    let names =
        [("a.example.com", "198.51.100.1"), ("b.example.org", "198.51.100.2"), ("c.example.net", "198.51.100.3")];
    check(Scene::cluster().asks(all(&names)), &[]);
}
