//! One child, what descends from it, and how far its ending has come.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{LOOK, SOON};
use crate::child::tree::{self, Process};

/// From SIGTERM to SIGKILL: all is gone five seconds after the call.
const PATIENCE: Duration = Duration::from_millis(4500);
/// The same, where the child itself has ended: nothing is left that could tidy up.
const LEFTOVERS: Duration = Duration::from_secs(1);
/// From SIGKILL until it is told that it does not work.
const UNKILLABLE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::child) enum State {
    Running,
    /// Asked to end; killed from then on.
    Ending {
        kill_at: Instant,
        told: bool,
    },
}

pub(in crate::child) struct Job {
    pub pid: Pid,
    pub start: u64,
    pub exited: bool,
    /// It had, before the processes were looked at: what they show is all that it left.
    exited_before: bool,
    pub state: State,
    mark: String,
    /// Its descendants, as far as they were seen, by pid.
    known: HashMap<i32, Process>,
}

impl Job {
    pub fn new(pid: Pid, mark: String) -> Self {
        let start = tree::one(pid.as_raw_nonzero().get()).map_or(0, |it| it.start);
        Self {
            pid,
            start,
            exited: false,
            exited_before: false,
            state: State::Running,
            mark,
            known: HashMap::new(),
        }
    }

    /// That process is the child itself: while it is not reaped, its pid is nobody else's.
    pub fn is(&self, it: &Process) -> bool {
        it.pid == self.pid.as_raw_nonzero().get()
    }

    pub fn knows(&self, it: &Process) -> bool {
        self.known.get(&it.pid).is_some_and(|known| known.start == it.start)
    }

    pub fn before_look(&mut self) {
        self.exited_before = self.exited;
    }

    /// Notes its descendants among `mine`, and forgets those that are gone.
    pub fn recall(&mut self, all: &[Process], mine: &[Process]) {
        let leader = self.pid.as_raw_nonzero().get();
        let ending = self.state != State::Running;
        self.known.retain(|pid, known| {
            all.iter().any(|it| it.pid == *pid && it.start == known.start && !it.zombie)
        });
        loop {
            let descends = |it: &Process| {
                it.session == leader || it.parent == leader || self.known.contains_key(&it.parent)
            };
            // Environments are read when the child is to end: until then parents tell.
            let marked = |it: &Process| ending && tree::mark(it.pid).as_deref() == Some(&self.mark);
            let new = |it: &&Process| {
                let may_be = !it.zombie && it.start >= self.start && !self.is(it) && !self.knows(it);
                may_be && (descends(it) || marked(it))
            };
            let found: Vec<Process> = mine.iter().filter(new).copied().collect();
            if found.is_empty() {
                return;
            }
            for it in found {
                if ending {
                    it.signal(Signal::TERM);
                }
                self.known.insert(it.pid, it);
            }
        }
    }

    /// Asks all of it to end; what does not is killed at `kill_at`, or after the usual time.
    pub fn end(&mut self, now: Instant, by: Option<Instant>) {
        let usual = now + if self.exited { LEFTOVERS } else { PATIENCE };
        let by = by.map_or(usual, |by| by.min(usual));
        match &mut self.state {
            State::Ending { kill_at, .. } => *kill_at = by.min(*kill_at),
            State::Running => {
                self.state = State::Ending { kill_at: by, told: false };
                self.signal(Signal::TERM);
            }
        }
    }

    /// To its group, and to what has left the group.
    fn signal(&self, signal: Signal) {
        // The child is not reaped yet: its group's number cannot be another's.
        let _nobody_left = kill_process_group(self.pid, signal);
        self.known.values().for_each(|it| it.signal(signal));
    }

    /// What is due now. True when all of it is gone and the child can be reaped.
    pub fn step(&mut self, now: Instant, unkillable: &AtomicUsize) -> bool {
        let State::Ending { kill_at, told } = self.state else { return false };
        let gone = self.exited_before && self.known.is_empty();
        if gone || now >= kill_at {
            // Also when nothing is seen any more: not every system shows processes.
            self.signal(Signal::KILL);
        }
        if gone {
            return true;
        }
        if !told && now >= kill_at + UNKILLABLE {
            self.state = State::Ending { kill_at, told: true };
            unkillable.fetch_add(1, Ordering::Relaxed);
            let left: Vec<i32> = self.known.keys().copied().collect();
            tracing::error!(child = self.pid.as_raw_nonzero().get(), ?left, "SIGKILL did not end a child");
        }
        false
    }

    /// When to look again.
    pub fn next(&self, now: Instant) -> Instant {
        match self.state {
            State::Ending { told: true, .. } => now + UNKILLABLE,
            State::Ending { kill_at, .. } if self.exited || now >= kill_at => now + SOON,
            State::Ending { kill_at, .. } => kill_at.min(now + LOOK),
            State::Running => now + LOOK,
        }
    }
}
