//! The one circuit of a server: the breaker under a lock; its changes are logged, counted, and told to who waits.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::settings;
use crate::tool::context::{Circuit as Shown, Counters, Probe};

use super::breaker::{Breaker, Refused, Ticket, Transition, Verdict};
use super::health;

/// Calls, probes and a person at the host move it.
#[derive(Debug)]
pub struct Circuit {
    inner: Mutex<Inner>,
    /// Probes may end an open state early.
    early: bool,
    started: Instant,
    news: watch::Sender<News>,
}

#[derive(Debug)]
struct Inner {
    breaker: Breaker,
    counters: Counters,
    /// When the last probe ended, and the kind of its error.
    probe: Option<(Duration, Result<(), &'static str>)>,
    /// When a call last said how the engine is.
    heard: Option<Duration>,
}

/// What those are told who wait for a change.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct News {
    open: bool,
    /// How many times it opened.
    pub(super) openings: u64,
}

impl Circuit {
    /// Closed.
    #[must_use]
    pub fn new(settings: &settings::Breaker) -> Self {
        let breaker = Breaker::new(settings.failures, settings.window, settings.cooldown)
            .early_recovery(settings.early_recovery);
        let inner = Inner { breaker, counters: Counters::default(), probe: None, heard: None };
        Self {
            inner: Mutex::new(inner),
            early: settings.early_recovery,
            started: Instant::now(),
            news: watch::Sender::default(),
        }
    }

    pub(super) fn admit(&self) -> Result<Ticket, Refused> {
        self.with(|inner, now| inner.breaker.admit(now))
            .map_err(|refused| Refused { after: self.worth_trying(refused.after), ..refused })
    }

    pub(super) fn refusal(&self) -> Option<Refused> {
        let refused = self.with(|inner, now| inner.breaker.refusal(now))?;
        Some(Refused { after: self.worth_trying(refused.after), ..refused })
    }

    pub(super) fn settle(&self, ticket: Ticket, verdict: Verdict) {
        self.with(|inner, now| {
            if verdict != Verdict::Neutral {
                inner.heard = Some(now);
            }
            inner.breaker.settle(now, ticket, verdict);
        });
    }

    pub(super) fn probed(&self, probe: Result<(), &'static str>) {
        self.with(|inner, now| {
            inner.probe = Some((now, probe));
            inner.counters.probes += 1;
            inner.counters.probes_failed += u64::from(probe.is_err());
            inner.breaker.probed(now, probe);
        });
    }

    pub(super) fn reset(&self) {
        self.with(|inner, _| inner.breaker.reset());
    }

    /// `closed`, `open` or `half_open`, and whether a probe must decide.
    pub(super) fn state(&self) -> (&'static str, bool) {
        self.with(|inner, now| (inner.breaker.state(), inner.breaker.wants_probe(now)))
    }

    /// How long nothing was heard of the engine, neither by a call nor by a probe.
    pub(super) fn silence(&self) -> Duration {
        self.with(|inner, now| {
            let probed = inner.probe.map(|(at, _)| at);
            now.saturating_sub(inner.heard.max(probed).unwrap_or_default())
        })
    }

    /// Resolves when it opens, at once if it is open.
    pub(super) fn opened(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut news = self.news.subscribe();
        let before = news.borrow().openings;
        async move {
            let opened = |news: &News| news.open || news.openings != before;
            if news.wait_for(opened).await.is_err() {
                // Nothing opens any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Changes of state, and the moments when a probe is wanted.
    pub(super) fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    pub(super) fn shown(&self) -> Shown {
        self.with(|inner, now| {
            let breaker = &inner.breaker;
            Shown {
                state: breaker.state(),
                failures: breaker.failures(now),
                retry_after: breaker.retry_after(now).map(|after| self.worth_trying(after)),
                opened_ago: breaker.opened_ago(now),
                last_error: breaker.last_error(now),
                probes_failed: breaker.probes_failed(),
                probe: inner
                    .probe
                    .map(|(at, ended)| Probe { ago: now.saturating_sub(at), error: ended.err() }),
                counters: inner.counters,
            }
        })
    }

    /// When a refused caller should come back: the next probe may find the engine well long before the cooldown ends.
    fn worth_trying(&self, cooldown: Duration) -> Duration {
        if self.early { cooldown.min(health::PAUSE) } else { cooldown }
    }

    /// The one way to the breaker: whatever changes there is seen here.
    fn with<T>(&self, op: impl FnOnce(&mut Inner, Duration) -> T) -> T {
        let mut guard = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *guard;
        let now = self.started.elapsed();
        let wanted = inner.breaker.wants_probe(now);
        let out = op(inner, now);
        let change = inner.breaker.take_change();
        if let Some(change) = change {
            inner.counters.count(change.from, change.to);
        }
        if change.is_some() || inner.breaker.wants_probe(now) != wanted {
            let open = inner.breaker.state() == "open";
            self.news.send_modify(|news| {
                news.openings += u64::from(open && !news.open);
                news.open = open;
            });
        }
        drop(guard);
        if let Some(Transition { from, to, cause }) = change {
            tracing::warn!(from, to, cause, "circuit changed");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn circuit(early_recovery: bool) -> Circuit {
        let (failures, window, cooldown) = (3, MS(60_000), MS(300_000));
        Circuit::new(&settings::Breaker { failures, window, cooldown, early_recovery })
    }

    fn fail(circuit: &Circuit, times: usize) {
        for _ in 0..times {
            let ticket = circuit.admit().unwrap();
            circuit.settle(ticket, Verdict::Fault("daemon_timeout"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_when_it_opens_and_not_before() {
        let circuit = circuit(true);
        let (first, second) = (circuit.opened(), circuit.opened());
        fail(&circuit, 2);
        assert!(tokio::time::timeout(MS(10), first).await.is_err());
        fail(&circuit, 1);
        // Also who looks only when probes have moved it on.
        (0..2).for_each(|_| circuit.probed(Ok(())));
        assert_eq!(circuit.state().0, "half_open");
        tokio::time::timeout(MS(10), second).await.unwrap();
        assert!(tokio::time::timeout(MS(10), circuit.opened()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn it_shows_when_and_why_it_opened_and_counts() {
        let circuit = circuit(true);
        fail(&circuit, 3);
        circuit.probed(Err("daemon_unreachable"));
        tokio::time::advance(MS(2_000)).await;
        let refused = circuit.admit().unwrap_err();
        assert_eq!((refused.after, refused.opened_ago), (health::PAUSE, MS(2_000)));
        let shown = circuit.shown();
        assert_eq!((shown.state, shown.failures, shown.probes_failed), ("open", 3, 1));
        assert_eq!(shown.last_error, Some("daemon_timeout"));
        assert_eq!(shown.probe.map(|p| (p.ago, p.error)), Some((MS(2_000), Some("daemon_unreachable"))));
        circuit.reset();
        fail(&circuit, 3);
        let counters = circuit.shown().counters;
        assert_eq!((counters.to_open, counters.to_closed, counters.to_half_open), (2, 1, 0));
        assert_eq!((counters.probes, counters.probes_failed, counters.outages), (1, 1, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wanted_probe_is_news() {
        let circuit = circuit(true);
        fail(&circuit, 3);
        (0..2).for_each(|_| circuit.probed(Ok(())));
        let mut news = circuit.news();
        for _ in 0..3 {
            assert!(!news.has_changed().unwrap());
            let ticket = circuit.admit().unwrap();
            circuit.settle(ticket, Verdict::Neutral);
        }
        assert!(news.has_changed().unwrap());
        assert_eq!(circuit.state(), ("half_open", true));
        news.mark_unchanged();
        circuit.probed(Ok(()));
        assert!(news.has_changed().unwrap());
        assert_eq!(circuit.state(), ("closed", false));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_with_calls_and_probes_but_not_with_what_says_nothing() {
        let circuit = circuit(true);
        tokio::time::advance(MS(30_000)).await;
        let ticket = circuit.admit().unwrap();
        circuit.settle(ticket, Verdict::Neutral);
        assert_eq!(circuit.silence(), MS(30_000));
        let ticket = circuit.admit().unwrap();
        circuit.settle(ticket, Verdict::Good);
        assert_eq!(circuit.silence(), MS(0));
        tokio::time::advance(MS(5_000)).await;
        circuit.probed(Ok(()));
        assert_eq!(circuit.silence(), MS(0));
    }
}
