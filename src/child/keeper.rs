//! The thread that ends and reaps children.
//!
//! It waits for children of [`super::spawn`] and for orphans of theirs, by their pids: what else this process starts is
//! none of its business. Descendants are known by their parents (looked at every 250 ms, and when a child ends), by the
//! child's session and by the mark in their environment. Since orphans come to us (see [`super::take_charge`]), one
//! that has none of these any more is seen too, as a child of ours that we did not start.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::tree::{self, Process};
use super::{Counts, mark};
use job::{Job, State};

mod job;

/// How often descendants are looked for.
const LOOK: Duration = Duration::from_millis(250);
/// How often, while something is being killed.
const SOON: Duration = Duration::from_millis(40);

static ALIVE: AtomicUsize = AtomicUsize::new(0);
static UNKILLABLE: AtomicUsize = AtomicUsize::new(0);
static KEEPER: Mutex<Option<Sender<Word>>> = Mutex::new(None);

/// What the keeper is told.
pub(super) enum Word {
    /// A child may be there any moment.
    Starting,
    /// It is not.
    NotStarted,
    /// It is: its pid and its mark.
    Started(Pid, String),
    /// It is, and it is a copy of ours that is to outlive us: nobody ends it, and its own thread reaps it.
    Apart(Pid),
    /// That one was reaped.
    ApartGone(Pid),
    /// It ended and is a zombie.
    Exited(Pid),
    /// Its caller is done with it.
    Left(Pid),
    /// Orphans come to us from now on; leftovers are to be ended.
    TakeCharge,
    /// End them all by then, and say so.
    EndAll(Instant, Sender<()>),
}

/// Tells the keeper, which starts with the first word. False if there is no thread for it.
pub(super) fn tell(word: Word) -> bool {
    let mut keeper = KEEPER.lock().unwrap_or_else(PoisonError::into_inner);
    if keeper.is_none() {
        let (sender, words) = channel();
        let thread = std::thread::Builder::new().name("keeper".into());
        *keeper = thread.spawn(move || Keeper::default().run(&words)).ok().map(|_| sender);
    }
    let starting = matches!(word, Word::Starting);
    let not_started = matches!(word, Word::NotStarted | Word::Apart(_));
    let told = keeper.as_ref().is_some_and(|keeper| keeper.send(word).is_ok());
    if told && starting {
        ALIVE.fetch_add(1, Ordering::Relaxed);
    } else if not_started {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
    told
}

pub(super) fn end_all(grace: Duration) {
    // Not asked where nothing was ever started.
    if KEEPER.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
        return;
    }
    let (done, wait) = channel();
    if tell(Word::EndAll(Instant::now() + grace / 2, done)) {
        let _not_in_time = wait.recv_timeout(grace);
    }
}

pub(super) fn counts() -> Counts {
    Counts { alive: ALIVE.load(Ordering::Relaxed), unkillable: UNKILLABLE.load(Ordering::Relaxed) }
}

#[derive(Default)]
struct Keeper {
    jobs: Vec<Job>,
    /// Copies of ours that outlive us.
    apart: Vec<Pid>,
    /// Forks on their way.
    starting: usize,
    /// Orphans come to us.
    in_charge: bool,
    /// We had children before: who started us went on in our process. What they leave comes to us as well.
    inherited: bool,
    /// When the first child was started, in ticks: what is older is no orphan of ours.
    first: Option<u64>,
    ending: Option<Instant>,
    waiting: Vec<Sender<()>>,
    /// The processes are to be looked at again then.
    next: Option<Instant>,
    /// They were, after the last child was gone.
    settled: bool,
}

impl Keeper {
    fn run(mut self, words: &Receiver<Word>) {
        loop {
            let word = match self.next {
                None => words.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(next) => words.recv_timeout(next.saturating_duration_since(Instant::now())),
            };
            match word {
                Ok(word) => self.hear(word),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.next.is_some_and(|next| next <= Instant::now()) {
                self.look(words);
            }
        }
    }

    fn hear(&mut self, word: Word) {
        let now = Instant::now();
        let mut soon = LOOK;
        match word {
            Word::Starting => self.starting += 1,
            Word::NotStarted => self.starting = self.starting.saturating_sub(1),
            Word::Apart(pid) => {
                self.starting = self.starting.saturating_sub(1);
                self.apart.push(pid);
            }
            Word::ApartGone(pid) => self.apart.retain(|apart| *apart != pid),
            Word::Started(pid, mark) => {
                self.starting = self.starting.saturating_sub(1);
                self.settled = false;
                let mut job = Job::new(pid, mark);
                self.first = self.first.or(Some(job.start));
                if self.ending.is_some() {
                    job.end(now, Some(now));
                    soon = Duration::ZERO;
                }
                self.jobs.push(job);
            }
            Word::Exited(pid) => {
                for job in self.jobs.iter_mut().filter(|job| job.pid == pid) {
                    job.exited = true;
                    if !matches!(job.state, State::Running) {
                        soon = Duration::ZERO;
                    }
                }
            }
            Word::Left(pid) => {
                for job in self.jobs.iter_mut().filter(|job| job.pid == pid) {
                    job.end(now, self.ending);
                    if job.exited {
                        soon = Duration::ZERO;
                    }
                }
            }
            Word::TakeCharge => {
                self.in_charge = true;
                self.inherited = tree::all().iter().any(|it| it.parent == mark::ours().pid);
                end_leftovers();
            }
            Word::EndAll(kill_at, done) => {
                self.ending = Some(kill_at);
                self.jobs.iter_mut().for_each(|job| job.end(now, Some(kill_at)));
                self.waiting.push(done);
                soon = Duration::ZERO;
            }
        }
        let soon = now + soon;
        self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
    }

    /// Looks at all processes, and takes the steps that are due.
    fn look(&mut self, words: &Receiver<Word>) {
        self.jobs.iter_mut().for_each(Job::before_look);
        let all = tree::all();
        // Whatever is seen as a child was announced before it was forked: these words come before the judgement.
        while let Ok(word) = words.try_recv() {
            self.hear(word);
        }
        let now = Instant::now();
        let (mine, strays) = self.children(&all);
        for job in &mut self.jobs {
            job.recall(&all, &mine);
        }
        let strays = self.end_strays(&strays);
        self.jobs.retain_mut(|job| {
            let gone = job.step(now, &UNKILLABLE);
            if gone {
                reap(job.pid.as_raw_nonzero().get());
                ALIVE.fetch_sub(1, Ordering::Relaxed);
            }
            !gone
        });
        let idle = self.jobs.is_empty() && self.starting == 0 && strays == 0;
        if idle {
            for done in self.waiting.drain(..) {
                let _waited_too_long = done.send(());
            }
        }
        let due = self.jobs.iter().map(|job| job.next(now)).min();
        // Once more after the last one: its orphans may have come to us while the others were looked at.
        self.next = match (idle, self.settled) {
            (false, _) => Some(due.unwrap_or(now + SOON)),
            (true, false) => Some(now + LOOK),
            (true, true) => None,
        };
        self.settled = idle;
    }

    /// Processes that are in a session of their own and are children of ours, though we did not start them: they
    /// came to us when their parent died. The dead ones are reaped. First: all that may belong to a job.
    fn children(&self, all: &[Process]) -> (Vec<Process>, Vec<Process>) {
        let us = mark::ours().pid;
        let session = all.iter().find(|it| it.pid == us).map_or(0, |it| it.session);
        let first = self.first.unwrap_or(u64::MAX);
        let candidates: Vec<Process> = all
            .iter()
            .filter(|it| it.session != session && it.start >= first && it.pid != us)
            .copied()
            .collect();
        // While a fork is on its way, a child of ours may be one that is not known yet. Where no orphans come to us,
        // it is one that somebody else started.
        if self.starting > 0 || !self.in_charge {
            return (candidates, Vec::new());
        }
        let apart = |it: &Process| self.apart.iter().any(|pid| pid.as_raw_nonzero().get() == it.pid);
        let started = |it: &Process| self.jobs.iter().any(|job| job.is(it)) || apart(it);
        let (dead, strays): (Vec<Process>, Vec<Process>) =
            candidates.iter().filter(|it| it.parent == us && !started(it)).partition(|it| it.zombie);
        dead.iter().for_each(|it| reap(it.pid));
        (candidates, strays)
    }

    /// An orphan that no job knows is killed as soon as no child runs any more that may have left it. How many were.
    fn end_strays(&self, strays: &[Process]) -> usize {
        let may_be_of = |job: &Job, it: &Process| job.state == State::Running && job.start <= it.start;
        let unclaimed = |it: &&Process| !self.jobs.iter().any(|job| job.knows(it) || may_be_of(job, it));
        // To the first process of a container come orphans of whatever is run in it, and to one with children of
        // somebody else's theirs: those are not ours to kill.
        let ours = std::process::id() != 1 && !self.inherited;
        strays
            .iter()
            .filter(|_| ours)
            .filter(unclaimed)
            .inspect(|it| {
                tracing::debug!(pid = it.pid, "an orphan of a child is killed");
                it.signal(rustix::process::Signal::KILL);
            })
            .count()
    }
}

/// Takes a zombie of ours away.
fn reap(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _not_ours = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    }
}

/// Kills what carries the mark of a docker-mcp that is dead.
fn end_leftovers() {
    let (all, us) = (tree::all(), mark::ours());
    let parents: HashMap<i32, i32> = all.iter().map(|it| (it.pid, it.parent)).collect();
    // The list is no snapshot: a loop could be in it.
    let above =
        |pid: i32| std::iter::successors(Some(pid), |pid| parents.get(pid).copied()).take(parents.len());
    for it in all.iter().filter(|it| !it.zombie && !above(us.pid).any(|ours| ours == it.pid)) {
        let Some(owner) = tree::mark(it.pid).as_deref().and_then(mark::owner) else { continue };
        let lives = all.iter().any(|of| of.pid == owner.pid && of.start == owner.start && !of.zombie);
        // Its owner would be above it, were it alive; the start may look different from another time namespace.
        let dead = !lives && !above(it.pid).any(|pid| pid == owner.pid);
        if owner.space == us.space && dead && tree::is_among_us(it.pid) {
            tracing::info!(pid = it.pid, "a process that a dead docker-mcp left is killed");
            it.signal(rustix::process::Signal::KILL);
        }
    }
}
