//! Response times to percentiles.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Percentiles are exact to 1 %: a third digit would cost ten times the memory, and nobody decides by it.
const DIGITS: u8 = 2;
/// Beyond the timeouts of all stub resolvers. Up to it, a histogram grows to 10 KiB; up to 5 ms it has 3.5.
const LONGEST: Duration = Duration::from_mins(1);

/// Response times, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct ResponseTimes {
    /// Made with the first time: who gets no response needs none.
    histogram: Option<Histogram<u32>>,
    longest: Duration,
}

impl ResponseTimes {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        self.longest = self.longest.max(time);
        if self.histogram.is_none() {
            // It fails for a number of digits that there is not.
            self.histogram = Histogram::new(DIGITS).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            let micros = u64::try_from(time.min(LONGEST).as_micros()).unwrap_or(u64::MAX);
            // It grows as it must; it could not grow beyond `LONGEST` only.
            let _ = histogram.record(micros.max(1));
        }
    }

    /// The time that a share of all is not above, 0.5 for the median; `None` without any.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let micros = self.histogram.as_ref()?.value_at_quantile(share);
        // It gives the upper end of a step, which may be above all that was added.
        Some(Duration::from_micros(micros).min(self.longest))
    }

    /// The longest; `None` without any.
    #[must_use]
    pub fn longest(&self) -> Option<Duration> {
        self.histogram.as_ref().map(|_| self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_one_percent() {
        let mut times = ResponseTimes::default();
        assert_eq!((times.quantile(0.5), times.longest()), (None, None));
        (1..=1_000).for_each(|millis| times.add(Duration::from_millis(millis)));
        for (share, millis) in [(0.5, 500), (0.99, 990), (1.0, 1_000)] {
            let quantile = times.quantile(share).unwrap();
            let exact = Duration::from_millis(millis);
            assert!(quantile >= exact && quantile <= exact + exact / 100, "{share}: {quantile:?}");
        }
    }

    #[test]
    fn longest_is_exact_and_bounds_the_rest() {
        let mut times = ResponseTimes::default();
        times.add(Duration::from_nanos(1_400));
        assert_eq!(times.quantile(0.99), Some(Duration::from_micros(1)));
        times.add(Duration::from_micros(4_003_537));
        assert_eq!(times.quantile(0.99), Some(Duration::from_micros(4_003_537)));
        times.add(Duration::from_hours(1));
        assert_eq!(times.longest(), Some(Duration::from_hours(1)));
        assert!(times.quantile(1.0).unwrap() >= LONGEST);
    }
}
