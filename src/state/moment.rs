//! A moment that another process can measure from, also when somebody sets the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment by two clocks: the wall's, and the time since the machine came up, which runs on while it sleeps and which
/// nobody can set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// Milliseconds since the machine came up, and which coming up that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    up: Option<(u64, String)>,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { unix_ms: millis(wall), up: up() }
    }

    /// How long ago it was, by the clock that nobody sets; by the wall's where the machine came up anew since.
    #[must_use]
    pub fn age(&self, now: &Self) -> Duration {
        Duration::from_millis(self.by_uptime(now).unwrap_or_else(|| now.unix_ms.saturating_sub(self.unix_ms)))
    }

    /// It is longer ago than that by either clock, or nobody can tell how long ago it was.
    #[must_use]
    pub fn is_over(&self, ttl: Duration, now: &Self) -> bool {
        let ttl = millis(ttl);
        match (self.by_uptime(now), now.unix_ms.checked_sub(self.unix_ms)) {
            (Some(up), wall) => up > ttl || wall.is_some_and(|wall| wall > ttl),
            (None, wall) => wall.is_none_or(|wall| wall > ttl),
        }
    }

    fn by_uptime(&self, now: &Self) -> Option<u64> {
        let ((then, boot), (up, same)) = (self.up.as_ref()?, now.up.as_ref()?);
        if boot == same { up.checked_sub(*then) } else { None }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn up() -> Option<(u64, String)> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some((millis(Duration::try_from_secs_f64(seconds).ok()?), boot.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_clock_alone_is_believed() {
        let at =
            |unix_ms, up: Option<(u64, &str)>| Moment { unix_ms, up: up.map(|(ms, b)| (ms, b.to_owned())) };
        let ttl = Duration::from_millis(100);
        let made = at(1_000, Some((50, "a")));
        for (now, over, age) in [
            (at(1_050, Some((100, "a"))), false, 50),
            (at(1_050, Some((200, "a"))), true, 150), // the wall clock was set back
            (at(9_000, Some((60, "a"))), true, 10),   // ... or on
            (at(10, Some((60, "a"))), false, 10),     // ... before the moment itself
            (at(1_050, Some((3, "b"))), false, 50),   // the machine came up anew
            (at(1_200, Some((3, "b"))), true, 200),
            (at(10, Some((3, "b"))), true, 0), // ... and nobody can tell
            (at(1_200, None), true, 200),
        ] {
            assert_eq!(made.is_over(ttl, &now), over, "{now:?}");
            assert_eq!(made.age(&now), Duration::from_millis(age), "{now:?}");
        }
        let (one, other) = (Moment::now(), Moment::now());
        assert!(one.up.is_some() && !one.is_over(ttl, &other));
    }
}
