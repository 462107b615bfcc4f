//! Times and durations to text. Times are UTC in every format, so that a replay gives the same bytes everywhere.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::capture::WallTime;
use crate::decode::presentation::push_number;

const NANOSECONDS: u64 = 1_000_000_000;
const DAY_SECONDS: u64 = 86_400;

/// `2026-11-24T14:03:22.512345678Z` (RFC 3339).
pub(super) fn rfc3339(wall: WallTime) -> String {
    let date = Offset::UTC.to_datetime(timestamp(wall)).date();
    let mut text = String::with_capacity("2026-11-24T14:03:22.512345678Z".len());
    push_number(&mut text, date.year().unsigned_abs().into(), 4);
    for number in [date.month(), date.day()] {
        text.push('-');
        push_number(&mut text, number.unsigned_abs().into(), 2);
    }
    text.push('T');
    push_time_of_day(&mut text, wall);
    push_number(&mut text, wall.0 % 1_000_000, 6);
    text.push('Z');
    text
}

/// `2026-11-24 14:03:22`.
pub(super) fn date_and_time(wall: WallTime) -> String {
    format!("{}", timestamp(wall).strftime("%Y-%m-%d %H:%M:%S"))
}

/// `20261124140322`, for names of files.
pub(super) fn digits(wall: WallTime) -> String {
    timestamp(wall).strftime("%Y%m%d%H%M%S").to_string()
}

/// Appends `14:03:22.512`.
pub(super) fn push_time_of_day(text: &mut String, wall: WallTime) {
    let second = wall.0 / NANOSECONDS % DAY_SECONDS;
    let parts = [(second / 3600, 2, ':'), (second / 60 % 60, 2, ':'), (second % 60, 2, '.')];
    for (number, width, separator) in parts {
        push_number(text, number, width);
        text.push(separator);
    }
    push_number(text, wall.0 % NANOSECONDS / 1_000_000, 3);
}

/// Appends `14:03:22.512345`: sightings of one message are microseconds apart.
pub(super) fn push_time_of_day_micros(text: &mut String, wall: WallTime) {
    push_time_of_day(text, wall);
    push_number(text, wall.0 % 1_000_000 / 1_000, 3);
}

/// Appends a duration as precise as a person needs it: `85 µs`, `2.2 ms`, `412 ms`, `1.25 s`.
pub(super) fn push_duration(text: &mut String, duration: Duration) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let (whole, fraction, unit) = match micros {
        0..1_000 => (micros, None, " µs"),
        1_000..100_000 => (micros / 1_000, Some((micros % 1_000 / 100, 1)), " ms"),
        100_000..1_000_000 => (micros / 1_000, None, " ms"),
        _ => (micros / 1_000_000, Some((micros % 1_000_000 / 10_000, 2)), " s"),
    };
    push_number(text, whole, 1);
    if let Some((fraction, width)) = fraction {
        text.push('.');
        push_number(text, fraction, width);
    }
    text.push_str(unit);
}

/// What was configured, without a fraction it does not have: `5 s`, `1500 ms`.
pub(super) fn limit(limit: Duration) -> String {
    match limit.as_millis() {
        millis if millis % 1_000 == 0 => format!("{} s", millis / 1_000),
        millis => format!("{millis} ms"),
    }
}

fn timestamp(wall: WallTime) -> Timestamp {
    // A `u64` of nanoseconds ends in the year 2554, well within what a timestamp can be.
    Timestamp::from_nanosecond(i128::from(wall.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(push: impl FnOnce(&mut String)) -> String {
        let mut text = String::new();
        push(&mut text);
        text
    }

    #[test]
    fn times_are_utc_with_all_their_digits() {
        let wall = WallTime(1_795_442_602_512_345_678);
        assert_eq!(rfc3339(wall), "2026-11-23T14:03:22.512345678Z");
        assert_eq!(pushed(|text| push_time_of_day(text, wall)), "14:03:22.512");
        assert_eq!(pushed(|text| push_time_of_day_micros(text, wall)), "14:03:22.512345");
        assert_eq!(date_and_time(wall), "2026-11-23 14:03:22");
        assert_eq!(rfc3339(WallTime(1)), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(rfc3339(WallTime(u64::MAX)), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn durations_keep_two_or_three_digits() {
        for (micros, text) in [
            (0, "0 µs"),
            (85, "85 µs"),
            (999, "999 µs"),
            (2_240, "2.2 ms"),
            (99_999, "99.9 ms"),
            (412_000, "412 ms"),
            (1_256_000, "1.25 s"),
            (75_000_000, "75.00 s"),
        ] {
            assert_eq!(pushed(|text| push_duration(text, Duration::from_micros(micros))), text);
        }
        assert_eq!(limit(Duration::from_secs(5)), "5 s");
        assert_eq!(limit(Duration::from_millis(1500)), "1500 ms");
    }
}
