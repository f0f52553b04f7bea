//! The clocks of one call, as every request of it sees them.

use std::time::Duration;

use tokio::time::Instant;

/// How long the requests of one call may take. The deadline is absolute: a call of three requests has one total.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Name look-up, connection, TLS.
    pub connect: Duration,
    /// From the request to the first line of the answer.
    pub headers: Duration,
    /// Between two pieces of the answer; none for streams that may be silent.
    pub idle: Option<Duration>,
    /// When the whole call ends.
    pub deadline: Instant,
    /// How long that was, for the error's `limit_ms`.
    pub total: Duration,
}

/// A probe may take this long.
const PROBE: Duration = Duration::from_secs(2);

impl Budget {
    /// The clocks of a probe, from now.
    #[must_use]
    pub fn probe() -> Self {
        Self::of(PROBE)
    }

    /// So long from now, whatever is waited for.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        Self { connect: time, headers: time, idle: Some(time), deadline: Instant::now() + time, total: time }
    }

    /// What is left until the deadline.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The same, but at most `time` from now.
    #[must_use]
    pub fn at_most(mut self, time: Duration) -> Self {
        self.deadline = self.deadline.min(Instant::now() + time);
        self.total = self.total.min(time);
        self.connect = self.connect.min(time);
        self.headers = self.headers.min(time);
        self
    }

    /// For an answer that may pause as long as it likes.
    #[must_use]
    pub fn streaming(mut self) -> Self {
        self.idle = None;
        self
    }
}
