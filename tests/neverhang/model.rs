//! The circuit breaker against a model of it that was written from its specification alone: the model keeps the whole
//! history and looks everything up in it.

use std::time::Duration;

use docker_mcp::supervisor::breaker::{Breaker, Ticket, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::ledger::{Seen, saw};

const S: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;
const FAULT: Verdict = Verdict::Fault("daemon_timeout");

/// What happens.
#[derive(Debug, Clone)]
enum Op {
    /// Milliseconds go by.
    Wait(u64),
    /// A call comes.
    Call,
    /// One of the calls that are out ends.
    End(usize, Verdict),
    /// A probe ends.
    Probe(bool),
    /// A person resets it.
    Reset,
}

fn op() -> impl Strategy<Value = Op> {
    let verdict = prop_oneof![3 => Just(FAULT), 1 => Just(Verdict::Good), 1 => Just(Verdict::Neutral)];
    prop_oneof![
        // The edges of window, cooldown and trial are met exactly, and just missed.
        3 => prop_oneof![
            Just(1), Just(999), Just(1_000), Just(15_000), Just(15_001), Just(20_000), Just(59_999), Just(60_000), Just(60_001), Just(299_999),
            Just(300_000), 0..90_000_u64
        ].prop_map(Op::Wait),
        6 => Just(Op::Call),
        8 => (0..4_usize, verdict).prop_map(|(which, verdict)| Op::End(which, verdict)),
        2 => any::<bool>().prop_map(Op::Probe),
        1 => Just(Op::Reset),
    ]
}

/// What happened, with its time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Fault,
    Neutral,
    Trial,
    Good,
    GoodProbe,
    BadProbe,
}

/// One stay in one state, and what counted during it.
#[derive(Debug, Clone)]
struct Stay {
    state: &'static str,
    since: u64,
    events: Vec<(u64, Event)>,
}

/// A call that is out: in which stay it began, as which trial of it, if it was one.
#[derive(Debug, Clone, Copy)]
struct Out {
    stay: usize,
    trial: Option<usize>,
}

#[derive(Debug)]
struct Model {
    early: bool,
    stays: Vec<Stay>,
}

impl Model {
    fn new(early: bool) -> Self {
        Self { early, stays: vec![Stay { state: "closed", since: 0, events: Vec::new() }] }
    }

    fn stay(&self) -> &Stay {
        self.stays.last().unwrap()
    }

    fn note(&mut self, now: u64, event: Event) {
        self.stays.last_mut().unwrap().events.push((now, event));
    }

    fn go(&mut self, now: u64, state: &'static str) {
        self.stays.push(Stay { state, since: now, events: Vec::new() });
    }

    fn count(&self, event: Event) -> usize {
        self.stay().events.iter().filter(|(_, e)| *e == event).count()
    }

    /// When the trial began that is out, with its number.
    fn trial(&self) -> Option<(usize, u64)> {
        let last = self.stay().events.iter().rev().find(|(_, e)| matches!(e, Event::Trial | Event::Neutral));
        match last {
            Some((at, Event::Trial)) => Some((self.count(Event::Trial), *at)),
            _ => None,
        }
    }

    fn wants_probe(&self, now: u64) -> bool {
        let trials = self.stay().events.iter().filter(|(_, e)| matches!(e, Event::Trial | Event::Neutral));
        let times: Vec<&(u64, Event)> = trials.collect();
        // A trial that another one followed was lost.
        let replaced = times.windows(2).any(|two| two[0].1 == Event::Trial && two[1].1 == Event::Trial);
        self.stay().state == "half_open"
            && (replaced
                || self.count(Event::Neutral) >= 3
                || self.trial().is_some_and(|(_, since)| now - since > 15_000))
    }

    fn call(&mut self, now: u64) -> Result<Out, u64> {
        if self.stay().state == "open" {
            let until = self.stay().since + 300_000;
            if now < until {
                return Err(until - now);
            }
            self.go(now, "half_open");
        }
        if self.stay().state == "closed" {
            return Ok(Out { stay: self.stays.len(), trial: None });
        }
        if self.trial().is_some_and(|(_, since)| now - since <= 15_000) {
            return Err(1_000);
        }
        self.note(now, Event::Trial);
        Ok(Out { stay: self.stays.len(), trial: Some(self.count(Event::Trial)) })
    }

    fn end(&mut self, now: u64, out: Out, verdict: Verdict) {
        if out.stay != self.stays.len() {
            return;
        }
        if self.stay().state == "closed" {
            if verdict == FAULT {
                self.note(now, Event::Fault);
                if self.faults(now) >= 3 {
                    self.go(now, "open");
                }
            }
            return;
        }
        if out.trial.is_none() || out.trial != self.trial().map(|(number, _)| number) {
            return;
        }
        match verdict {
            Verdict::Good => {
                self.note(now, Event::Good);
                self.go(now, "closed");
            }
            Verdict::Neutral => self.note(now, Event::Neutral),
            Verdict::Fault(_) => {
                self.note(now, Event::Fault);
                self.go(now, "open");
            }
        }
    }

    fn probe(&mut self, now: u64, good: bool) {
        let wanted = self.wants_probe(now);
        self.note(now, if good { Event::GoodProbe } else { Event::BadProbe });
        match self.stay().state {
            "open" if self.early => {
                let probes = self.stay().events.iter().rev();
                if probes.take_while(|(_, e)| *e == Event::GoodProbe).count() == 2 {
                    self.go(now, "half_open");
                }
            }
            "half_open" if wanted => self.go(now, if good { "closed" } else { "open" }),
            _ => {}
        }
    }

    fn reset(&mut self, now: u64) {
        self.go(now, "closed");
    }

    /// Faults of the last minute, since the circuit was closed.
    fn faults(&self, now: u64) -> usize {
        let stay = self.stay();
        stay.events.iter().filter(|(at, e)| *e == Event::Fault && now - at <= 60_000).count()
    }

    fn retry_after(&self, now: u64) -> Option<u64> {
        let stay = self.stay();
        (stay.state == "open").then(|| (stay.since + 300_000).saturating_sub(now))
    }
}

fn compare(early: bool, ops: &[Op]) -> Result<usize, TestCaseError> {
    let mut breaker = Breaker::new(3, S(60), S(300)).early_recovery(early);
    let mut model = Model::new(early);
    let mut out: Vec<(Ticket, Out)> = Vec::new();
    let mut now = 0;
    let mut changes = 0;
    for op in ops {
        let before = breaker.state();
        match *op {
            Op::Wait(ms) => now += ms,
            Op::Call => match (breaker.admit(MS(now)), model.call(now)) {
                (Ok(ticket), Ok(known)) => out.push((ticket, known)),
                (Err(refused), Err(after)) => prop_assert_eq!(refused.after, MS(after)),
                (ours, theirs) => prop_assert!(false, "{:?} {:?} at {}", ours, theirs, now),
            },
            Op::End(_, _) if out.is_empty() => {}
            Op::End(which, verdict) => {
                // The newest ones end most often; some stay out over many changes.
                let (ticket, known) = out.remove(out.len() - 1 - which.min(out.len() - 1));
                breaker.settle(MS(now), ticket, verdict);
                model.end(now, known, verdict);
            }
            Op::Probe(good) => {
                breaker.probed(MS(now), if good { Ok(()) } else { Err("daemon_unreachable") });
                model.probe(now, good);
            }
            Op::Reset => {
                breaker.reset();
                model.reset(now);
            }
        }
        prop_assert_eq!(breaker.state(), model.stay().state, "after {:?} at {}", op, now);
        prop_assert_eq!(
            breaker.retry_after(MS(now)).map(|d| d.as_millis()),
            model.retry_after(now).map(u128::from)
        );
        prop_assert_eq!(breaker.wants_probe(MS(now)), model.wants_probe(now), "after {:?} at {}", op, now);
        if breaker.state() == "closed" {
            prop_assert_eq!(breaker.failures(MS(now)), model.faults(now));
        }
        // A change is told exactly where there was one.
        let change = breaker.take_change();
        prop_assert_eq!(change.is_some(), before != breaker.state(), "{:?} after {:?}", change, op);
        if let Some(change) = change {
            prop_assert_eq!((change.from, change.to), (before, breaker.state()));
            changes += 1;
        }
    }
    Ok(changes)
}

#[test]
fn any_sequence_of_events_is_as_the_model_says() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let changes = std::cell::Cell::new(0);
    let run = runner.run(&(any::<bool>(), vec(op(), 1..200)), |(early, ops)| {
        changes.set(changes.get() + compare(early, &ops)?);
        Ok(())
    });
    if let Err(e) = run {
        panic!("{e}");
    }
    // Sequences that change nothing would prove nothing.
    assert!(changes.get() > 4_000, "{} changes", changes.get());
    eprintln!("{} changes of state in 4,000 sequences", changes.get());
    note("K12", "as the model");
}

fn note(row: &str, kind: &str) {
    saw(row, Seen::new(kind, Duration::ZERO, Duration::ZERO));
}

fn breaker() -> Breaker {
    Breaker::new(3, S(60), S(300))
}

fn fault(breaker: &mut Breaker, at: Duration) {
    let ticket = breaker.admit(at).unwrap();
    breaker.settle(at, ticket, FAULT);
}

#[test]
fn a_third_fault_after_the_window_does_not_open() {
    let mut b = breaker();
    fault(&mut b, S(0));
    fault(&mut b, S(0));
    fault(&mut b, MS(60_001));
    assert_eq!((b.state(), b.failures(MS(60_001))), ("closed", 1));
    note("K1", b.state());
}

#[test]
fn the_third_fault_within_the_window_opens() {
    let mut b = breaker();
    fault(&mut b, S(0));
    fault(&mut b, MS(30_000));
    assert_eq!(b.state(), "closed");
    fault(&mut b, MS(59_900));
    assert_eq!(b.state(), "open");
    assert_eq!(b.admit(MS(59_900)).unwrap_err().after, S(300));
    note("K2", b.state());
}

#[test]
fn the_edge_of_the_window_counts() {
    let mut b = breaker();
    fault(&mut b, S(0));
    fault(&mut b, S(1));
    fault(&mut b, S(60));
    assert_eq!(b.state(), "open");
    // The edge of the cooldown as well: the trial is admitted at its very end.
    assert!(b.admit(MS(359_999)).is_err());
    assert!(b.admit(S(360)).is_ok());
    note("K3", "open");
}

#[test]
fn a_success_from_before_the_opening_does_not_close() {
    let mut b = breaker();
    let early = b.admit(S(0)).unwrap();
    let later = b.admit(S(0)).unwrap();
    (0..3).for_each(|at| fault(&mut b, S(at)));
    b.settle(S(3), early, Verdict::Good);
    assert_eq!(b.state(), "open");
    (0..2).for_each(|at| b.probed(S(4 + at), Ok(())));
    assert_eq!(b.state(), "half_open");
    b.settle(S(6), later, Verdict::Good);
    assert_eq!(b.state(), "half_open");
    note("K7", b.state());
}
