//! Where queries without a response were last seen.

use super::Observed;
use super::page::{Cell, Column, Table, Tone, name, number};
use super::servers::address;
use crate::capture::{Hook, Point};
use crate::rules::report::{LastSeen, Place, most_missed};
use crate::sink::text;

const COLUMNS: [Column; 4] = [number("no", "response"), number("still", "open"), name("asked"), name("and last seen")];

/// A capture may not say where it was made.
const HERE: &str = "where this was captured";

/// `None` when every query has its response.
pub(super) fn table(observed: &Observed) -> Option<Table> {
    let places = &observed.report.last_seen;
    let mut table = Table::new(&COLUMNS, &most_missed(places), |(place, seen)| row(observed, place, seen));
    table.rows.extend(places.others().map(|others| counted(others, ["others", "elsewhere"].map(str::to_owned))));
    (!table.rows.is_empty()).then_some(table)
}

fn row(observed: &Observed, place: &Place, seen: &LastSeen) -> Vec<Cell> {
    let Point { hook, ifindex, .. } = place.point;
    if hook == Hook::Device && ifindex == 0 && observed.interfaces.name(place.point).is_none() {
        return counted(seen, [address(place.server), HERE.to_owned()]);
    }
    let words = text::last_seen(place.point, &seen.server_socket, &observed.interfaces);
    let words = words.strip_prefix("last seen ").unwrap_or(&words).to_owned();
    counted(seen, [address(place.server), words])
}

fn counted(seen: &LastSeen, [server, place]: [String; 2]) -> Vec<Cell> {
    vec![
        Cell::count(seen.no_response, Tone::Bad),
        Cell::count(seen.outstanding, Tone::Warn),
        Cell::new(server, Tone::Plain),
        Cell::new(place, Tone::Plain),
    ]
}
