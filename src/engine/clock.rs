//! The engine's clock: `1h ago` means an hour before its now, not before ours.

use std::time::SystemTime;

use super::Engine;
use super::budget::Budget;
use super::error::EngineError;

/// `Date` counts whole seconds: a smaller difference is none.
const RESOLUTION: i128 = 2_000_000_000;

impl Engine {
    /// Now, in nanoseconds since 1970, by the engine's clock. Touches no object.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn now(&self, budget: &Budget) -> Result<i128, EngineError> {
        let answer = self.wire.get(budget, "/_ping", &[]).await?;
        let ours = ours();
        let theirs = answer.date().and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        // Something in between may have no clock at all: then ours is the best there is.
        let skew = theirs.map_or(0, |at| at.timestamp().as_nanosecond() - ours);
        Ok(if skew.abs() < RESOLUTION { ours } else { ours + skew })
    }
}

fn ours() -> i128 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
}

/// A moment as the engine's queries take it: seconds, a dot, nanoseconds.
#[must_use]
pub fn query(nanos: i128) -> String {
    // 0 would mean that no moment is given.
    let nanos = nanos.max(1);
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// `2026-01-31T12:00:00.123Z`, for people.
#[must_use]
pub fn show(nanos: i128) -> String {
    match jiff::Timestamp::from_nanosecond(nanos) {
        Ok(at) => format!("{at:.3}"),
        Err(_) => String::new(),
    }
}

/// The reverse, for what the engine itself wrote.
#[must_use]
pub fn read(stamp: &str) -> Option<i128> {
    stamp.parse::<jiff::Timestamp>().ok().map(|at| at.as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_travel() {
        assert_eq!(query(1_700_000_000_000_000_005), "1700000000.000000005");
        assert_eq!(query(-5), "0.000000001");
        let at = read("2023-11-14T22:13:20.500000000Z").unwrap();
        assert_eq!(at, 1_700_000_000_500_000_000);
        assert_eq!(show(at), "2023-11-14T22:13:20.500Z");
        let date = jiff::fmt::rfc2822::parse("Tue, 14 Nov 2023 22:13:20 GMT").unwrap();
        assert_eq!(date.timestamp().as_second(), 1_700_000_000);
    }
}
