//! Ending a command. The engine offers nothing for it, so its processes are found by their mark: on this machine among
//! its own, elsewhere by a second command in the container. Never by ending the container.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::child::elsewhere;
use crate::policy::{Container, Permit};

use super::super::Engine;
use super::super::budget::Budget;
use super::super::change::Commit;
use super::super::endpoint::Endpoint;
use super::stream::Attached;
use super::{MARK, Made, Program};

/// One look, and one request of a kill.
const STEP: Duration = Duration::from_secs(2);
/// A shell inside that did not help is asked again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// Between looks, at first.
const PAUSE: Duration = Duration::from_millis(20);

/// What came of ending a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Killed {
    /// Something of it was seen to run still, or nobody could look.
    pub still_running: bool,
    /// How it ended, if the engine says so.
    pub exit_code: Option<i64>,
}

impl Engine {
    /// Kills all processes of a command, and looks whether they are gone, until `by`.
    pub async fn exec_kill(&self, by: Instant, permit: &Permit<Container>, made: &Made) -> Killed {
        let mut last = Killed { still_running: true, exit_code: None };
        let (mut rounds, mut inside) = (0_u32, None::<Instant>);
        loop {
            let budget = step(by);
            let state = match self.exec_state(&budget, made).await {
                // With the container it is gone.
                Err(e) if e.is_gone() => return Killed { still_running: false, exit_code: None },
                state => state.ok(),
            };
            // A pid that the engine no longer speaks for may be another's by now.
            let leader = state.filter(|state| state.running).map_or(0, |state| state.pid);
            let here = self.kill_here(made, leader).await;
            let ended = state.and_then(super::State::ended);
            last.exit_code = ended.or(last.exit_code);
            // Where its processes cannot be seen, what the shell inside killed is all there is to know.
            let gone = here.map_or_else(|| inside.is_some(), |alive| alive == 0);
            if last.exit_code.is_some() && gone {
                return Killed { still_running: false, ..last };
            }
            // Not to be seen from here, or not to be killed.
            let stubborn = here.is_none() || (rounds >= 2 && here != Some(0));
            if stubborn && inside.is_none_or(|at| at.elapsed() >= AGAIN) && Instant::now() < by {
                inside = Some(Instant::now());
                self.kill_inside(&budget, permit, made).await;
            }
            rounds += 1;
            let pause = PAUSE * rounds.min(50);
            if Instant::now() + pause >= by {
                return last;
            }
            sleep(pause).await;
        }
    }

    /// How many processes of a command that ended it left behind, as far as that can be seen.
    pub async fn exec_left(&self, made: &Made) -> usize {
        if !matches!(self.found().endpoint, Endpoint::Unix(_)) {
            return 0;
        }
        let (container, mark) = (made.container.clone(), format!("{MARK}={}", made.mark));
        let found = tokio::task::spawn_blocking(move || elsewhere::left(&container, &mark)).await;
        found.ok().flatten().unwrap_or_default()
    }

    /// Kills what runs on this machine. How many were found; none where nothing of it can be seen.
    async fn kill_here(&self, made: &Made, leader: i32) -> Option<usize> {
        if !matches!(self.found().endpoint, Endpoint::Unix(_)) {
            return None;
        }
        let (container, mark) = (made.container.clone(), format!("{MARK}={}", made.mark));
        let found = tokio::task::spawn_blocking(move || elsewhere::kill(&container, &mark, leader)).await;
        found.ok().flatten()
    }

    /// Has the container's own shell do it, as the same user.
    async fn kill_inside(&self, budget: &Budget, permit: &Permit<Container>, made: &Made) {
        let command = Program {
            argv: vec!["sh".into(), "-c".into(), script(&made.mark)],
            user: made.command.user.clone(),
            ..Program::default()
        };
        let Ok(mut killer) = self.exec_make(budget, permit, command).await else { return };
        let started = self.exec_start(budget, &Commit::default(), permit, &mut killer).await;
        let Ok(mut attached) = started else { return };
        let end = async { while let Ok(Some(_)) = Attached::next(&mut attached).await {} };
        let _late = tokio::time::timeout_at(budget.deadline, end).await;
    }
}

fn step(by: Instant) -> Budget {
    Budget::of(by.saturating_duration_since(Instant::now()).min(STEP).max(PAUSE))
}

/// Its own environment has no mark, so it does not end itself. Several rounds: what is killed may have just forked.
fn script(mark: &str) -> String {
    format!(
        "n=0; while [ $n -lt 5 ]; do f=; for d in /proc/[0-9]*; do \
         if grep -qs '{MARK}={mark}' \"$d/environ\"; then kill -9 \"${{d#/proc/}}\" && f=1; fi; done; \
         [ -n \"$f\" ] || break; n=$((n+1)); done"
    )
}
