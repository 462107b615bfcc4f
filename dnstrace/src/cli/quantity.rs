//! Durations and sizes as people type them.

use std::time::Duration;

/// Longest first, so that `ms` is not taken for `s`. Nanoseconds.
const TIME_UNITS: [(&str, f64); 7] =
    [("min", 60e9), ("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("h", 3600e9)];

/// Longest first, so that `MiB` is not taken for `B`.
const SIZE_UNITS: [(&str, u64); 7] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("B", 1)];

/// Longer than anybody watches: more is a mistyped unit.
const DURATION_MAX: Duration = Duration::from_hours(31 * 24);

/// `100ms`, `1.5s`, `10min`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let unit = TIME_UNITS.iter().find(|(unit, _)| text.ends_with(unit)).or(text.ends_with('m').then_some(&("m", 60e9)));
    let Some((unit, nanoseconds)) = unit else {
        return Err("a time needs a unit: 250us, 100ms, 30s, 5m, 1h".to_owned());
    };
    let number = text.strip_suffix(unit).unwrap_or(text);
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 =
        plain.then(|| number.parse().ok()).flatten().ok_or_else(|| format!("'{number}' is not a number"))?;
    let duration = Duration::try_from_secs_f64(number * nanoseconds / 1e9).unwrap_or(Duration::MAX);
    if duration > DURATION_MAX {
        return Err("longer than 31 days".to_owned());
    }
    if duration.is_zero() { Err("must be more than zero".to_owned()) } else { Ok(duration) }
}

/// `8MiB`, `512K`, `65536`.
pub(super) fn size(text: &str) -> Result<u32, String> {
    large_size(text).and_then(|size| size.try_into().map_err(|_too_large| "larger than 4 GiB".to_owned()))
}

/// The same without a bound.
pub(super) fn large_size(text: &str) -> Result<u64, String> {
    let (unit, bytes) = SIZE_UNITS.iter().find(|(unit, _)| text.ends_with(unit)).copied().unwrap_or(("", 1));
    let number = text.strip_suffix(unit).unwrap_or(text);
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("a size is a number of bytes, or like 512KiB, 8MiB".to_owned());
    }
    let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(bytes));
    size.ok_or_else(|| "larger than there is room for anywhere".to_owned())
}

/// `812 B`, `4.2 MiB`.
pub(super) fn shown_size(bytes: u64) -> String {
    let unit = ["KiB", "MiB", "GiB", "TiB"].into_iter().zip([10, 20, 30, 40]).rfind(|(_, shift)| bytes >> shift != 0);
    match unit {
        None => format!("{bytes} B"),
        Some((unit, shift)) => format!("{}.{} {unit}", bytes >> shift, (bytes >> (shift - 10) & 0x3ff) * 10 / 1024),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_typed() {
        for (text, micros) in [
            ("250us", 250),
            ("100ms", 100_000),
            ("30s", 30_000_000),
            ("1.5s", 1_500_000),
            ("5m", 300_000_000),
            ("2min", 120_000_000),
            ("1h", 3_600_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn wrong_durations_say_what_is_wrong() {
        for (text, reason) in [
            ("30", "a time needs a unit"),
            ("", "a time needs a unit"),
            ("s", "'' is not a number"),
            ("-1s", "'-1' is not a number"),
            ("1e3s", "'1e3' is not a number"),
            ("1.2.3s", "'1.2.3' is not a number"),
            ("infs", "'inf' is not a number"),
            ("0s", "must be more than zero"),
            ("9999999h", "longer than 31 days"),
        ] {
            let error = duration(text).unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_as_typed() {
        assert_eq!(size("65536"), Ok(65_536));
        assert_eq!(size("8MiB"), Ok(8 << 20));
        assert_eq!(size("512K"), Ok(512 << 10));
        assert_eq!(size("64B"), Ok(64));
        assert_eq!(large_size("4GiB"), Ok(4 << 30));
        for wrong in ["", "MiB", "-1", "8 MiB", "8MB", "1.5MiB", "4GiB", "99999999999"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (4_404_019, "4.1 MiB"), (3 << 40, "3.0 TiB")]
        {
            assert_eq!(shown_size(bytes), text);
        }
    }
}
