//! Commands in containers: made, started with their streams taken over, looked at, ended.
//!
//! The engine has no way to end a command, and does not end one whose caller is gone. So each carries a mark in its
//! environment, by which its processes are found ([`kill`]).

mod host;
mod kill;
mod place;
mod programs;
mod stream;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::policy::{Container, Permit};

use super::budget::Budget;
use super::change::{Commit, Failed};
use super::error::EngineError;
use super::wire::{Change, Streams};
use super::{Engine, ops, raw};

pub use kill::Killed;
pub use place::place;
pub use stream::Attached;

/// The variable that marks a command's processes. Callers may not set names that begin so.
pub const RESERVED: &str = "DOCKER_MCP_";
const MARK: &str = "DOCKER_MCP_EXEC";

/// A command as it is to run.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// A name, or ids in numbers; absent: the container's own.
    pub user: Option<String>,
    /// Where; absent: the container's own.
    pub workdir: Option<String>,
    /// Names and values.
    pub env: Vec<(String, String)>,
    /// What it reads; absent: nothing.
    pub stdin: Option<Vec<u8>>,
    /// On a terminal.
    pub tty: bool,
}

/// A command that was made, and may be started once.
#[derive(Debug, Clone)]
pub struct Made {
    /// 64 hex digits.
    pub id: String,
    container: String,
    mark: String,
    command: Program,
}

/// A command at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct State {
    /// It runs.
    #[serde(rename = "Running", deserialize_with = "raw::nullable")]
    pub running: bool,
    /// How it ended.
    #[serde(rename = "ExitCode")]
    pub exit_code: Option<i64>,
    /// Its first process, as the engine's host counts; 0 where it never began.
    #[serde(rename = "Pid", deserialize_with = "raw::nullable")]
    pub pid: i32,
}

impl State {
    /// It ended, with this code.
    #[must_use]
    pub const fn ended(self) -> Option<i64> {
        if self.running { None } else { self.exit_code }
    }
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

impl Engine {
    /// Makes a command ready. Nothing runs yet, and the engine forgets it by itself.
    ///
    /// # Errors
    /// As [`EngineError`]; `Status` 409 where the container does not run, or is paused.
    pub async fn exec_make(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        command: Program,
    ) -> Result<Made, EngineError> {
        let mark = mark()?;
        let mut env: Vec<String> =
            command.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        env.push(format!("{MARK}={mark}"));
        // With a terminal and without stdin the engine calls a command ended that lives on.
        let body = json!({
            "AttachStdin": command.tty || command.stdin.is_some(),
            "AttachStdout": true,
            "AttachStderr": true,
            "Tty": command.tty,
            "Cmd": command.argv,
            "Env": env,
            "User": command.user.clone().unwrap_or_default(),
            "WorkingDir": command.workdir.clone().unwrap_or_default(),
        });
        let id = self.exec_create(budget, permit, body).await?;
        Ok(Made { id, container: permit.target().id.clone(), mark, command })
    }

    /// Starts it, once, and takes over its streams. From the commit on it may run.
    ///
    /// # Errors
    /// What went wrong, and whether it may run nevertheless.
    pub async fn exec_start(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: &Permit<Container>,
        made: &mut Made,
    ) -> Result<Attached, Unstarted> {
        let path = format!("/exec/{}/start", made.id);
        let body = json!({ "Detach": false, "Tty": made.command.tty });
        match self.wire.hijack(budget, permit.levels(), commit, (&path, body)).await {
            Ok(Streams::Both(io)) => Ok(Attached::new(io, made.command.tty, made.command.stdin.take())),
            Ok(Streams::Out(_)) if made.command.stdin.is_some() => {
                let why = "a proxy before the engine lets no streams through that go both ways: what the command is to \
                           read cannot be fed; leave `stdin` out, or copy it into the container first";
                // What stands between cannot do it; the engine is well.
                Err(Unstarted {
                    error: EngineError::Status { code: 501, message: why.to_owned() },
                    written: true,
                })
            }
            Ok(Streams::Out(answer)) => Ok(Attached::deaf(answer, made.command.tty)),
            Err(Failed { error, written }) => Err(Unstarted { error: self.scrubbed(error), written }),
        }
    }

    /// How it is.
    ///
    /// # Errors
    /// As [`EngineError`]; `Status` 404 where the engine knows it no more.
    pub async fn exec_state(&self, budget: &Budget, made: &Made) -> Result<State, EngineError> {
        self.state_of(budget, &made.id).await
    }

    async fn state_of(&self, budget: &Budget, id: &str) -> Result<State, EngineError> {
        let path = format!("/exec/{id}/json");
        self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))
    }

    async fn exec_create(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        body: Value,
    ) -> Result<String, EngineError> {
        // What is only made has no effect: it needs no moment of no return.
        let commit = Commit::default();
        let path = format!("/containers/{}/exec", permit.target().id);
        let answer =
            self.wire.change(budget, permit.levels(), &commit, Change::post(&path, &[]).json(body)).await;
        let created: Created = answer.map_err(|e| self.scrubbed(e.error))?.json().await?;
        match ops::is_hex64(&created.id) {
            true => Ok(created.id),
            false => Err(EngineError::Protocol("a command without an id".to_owned())),
        }
    }
}

/// A command that was not seen to start.
#[derive(Debug)]
pub struct Unstarted {
    /// Why.
    pub error: EngineError,
    /// The engine may have heard of it.
    pub written: bool,
}

fn mark() -> Result<String, EngineError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|e| EngineError::Conflict(format!("this machine has no randomness ({e})")))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}
