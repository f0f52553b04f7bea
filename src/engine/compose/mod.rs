//! Compose files and the compose CLI: the only room that knows it.
//!
//! What a file says is what compose itself makes of it: its `config` runs on a MIRROR, a private folder that holds copies
//! of the files that it reads and nothing else ([`files`] finds them, [`gather`] follows what they name, [`mirror`] writes
//! the copies). So nobody puts another file in a file's place between the look at it and its use, and what lies elsewhere
//! is not there. `up` gets the model that was decided on through its stdin, and reads no file at all.
//!
//! The CLI is a child like any other, in an environment of its own ([`cli`]): one engine or none, no credentials, nothing
//! to fetch, nobody to ask.

mod below;
mod choice;
mod cli;
mod config;
mod covered;
mod dotenv;
mod files;
mod gather;
mod left;
mod mirror;
mod places;
mod progress;
mod said;
pub mod stack;
mod taken;
mod up;
mod variables;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::child::Unavailable;

use super::error::EngineError;

pub use config::Printed;
pub(crate) use covered::uncovered;
pub use files::{Found, Places, Where, find};
pub use gather::{gather, inline};
pub use mirror::Gathered;
pub use progress::Step;
pub use taken::Reaches;
pub use up::{NotBegun, Up, UpCame};

/// Files that are not read, with what to do about it. Says nothing of what lies outside the roots, not even whether it is
/// there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Of which sort.
    pub sort: Sort,
    /// A lowercase fragment.
    pub message: String,
    /// The same.
    pub hint: String,
}

/// Why files are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sort {
    /// Not below a root, or not there: nobody is told which.
    Outside,
    /// None was named, and there are none, or several: these, relative to the roots.
    Choose(Vec<String>),
    /// What is there is not what it must be.
    Unfit,
}

impl Refused {
    fn unfit(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { sort: Sort::Unfit, message: message.into(), hint: hint.into() }
    }

    /// The same words for what is not there and for what is elsewhere.
    fn outside(what: &str) -> Self {
        Self {
            sort: Sort::Outside,
            message: format!("{what} is no file below one of the compose roots"),
            hint: "docker_policy shows them; a person can change `roots` under [compose]".into(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Why compose printed no model.
#[derive(Debug)]
pub enum NotRead {
    /// Files that it must not read, or that make no sense.
    Refused(Refused),
    /// What compose itself says of them.
    Invalid(String),
    /// There is no compose, or none that will do.
    NoCompose(String),
    /// It does not start.
    Child(Unavailable),
    /// The host: no room for copies.
    Host(String),
    /// The call's clock.
    Engine(EngineError),
}

impl From<Refused> for NotRead {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<EngineError> for NotRead {
    fn from(e: EngineError) -> Self {
        Self::Engine(e)
    }
}
