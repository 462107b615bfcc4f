//! A lookup as glibc makes it in a pod: A and AAAA of each name of its search list at once, from one port, until one is found.

use super::Random;
use super::asked::{A, AAAA, Answer, Asked};

/// What kubelet writes, with the domain of a site behind it; `ndots:5` has all of it tried first.
const SEARCH: [&str; 4] = ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "site.example"];

/// Parts of a hundred of all lookups: what is asked for, the entry of the search list with which it is found, answers.
const MIX: [(u64, What, usize, [Answer; 2]); 3] = [
    // A Service of the pod's own namespace.
    (40, What::Own, 0, [ONE, Answer::NoData]),
    // One of another namespace.
    (35, What::Other, 1, [ONE, Answer::NoData]),
    // A name of the Internet: as it is, behind the whole list.
    (25, What::Outside, SEARCH.len(), [ALIAS, ALIAS]),
];
const ONE: Answer = Answer::Addresses { aliases: 0, count: 1 };
const ALIAS: Answer = Answer::Addresses { aliases: 1, count: 2 };

#[derive(Clone, Copy)]
enum What {
    Own,
    Other,
    Outside,
}

/// Names that the pods of a node ask for; some are asked for often.
const NAMES: u64 = 1_000;

/// Pairs of queries, one after the other.
pub(super) fn any(random: &mut Random) -> Vec<[Asked; 2]> {
    let &(_, what, found_at, answers) = random.one_of(&MIX, |(parts, ..)| *parts);
    let often = random.below(NAMES) + 1;
    let number = random.below(often);
    let base = match what {
        What::Own => format!("api-{number}"),
        What::Other => format!("api-{number}.team-{}", number % 16),
        What::Outside => format!("www-{number}.example.com"),
    };
    let names = SEARCH.iter().map(|domain| format!("{base}.{domain}")).chain([base.clone()]);
    let steps = names.enumerate().take(found_at + 1).map(|(step, name)| {
        let [a, aaaa] = if step == found_at { answers } else { [Answer::NoName; 2] };
        [(A, a), (AAAA, aaaa)].map(|(qtype, answer)| Asked::new(&name, qtype, answer, false, random))
    });
    steps.collect()
}
