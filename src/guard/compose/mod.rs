//! Compose files: what they would read while they are loaded, and what the loaded ones would make.
//!
//! Compose loads a file itself, for nobody else knows all of its rules. Before that, [`references`] says which further files
//! it would read, so that it sees no others. After that, [`model`] reads what it printed, and is closed: a key that is not
//! known here may do anything, so it is refused. What a service asks for becomes the same [`Ask`](super::create::Ask)s that
//! a single container is judged by.

mod build;
mod deploy;
mod frozen;
mod mirror;
mod model;
mod mounts;
mod networks;
mod ports;
mod reach;
mod reader;
mod references;
mod resources;
mod service;
mod stored;
#[cfg(test)]
mod tests;
mod yaml;

use std::fmt;

pub use build::Build;
pub use frozen::frozen;
pub use mirror::unmirror;
pub use model::{Bind, Condition, Model, Service, model};
pub use networks::{Ipam, Network};
pub use references::references;
pub use stored::Volume;

/// What compose would read while it loads a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The project's name as it stands there. With a `$` in it, only compose knows what it is.
    pub name: Option<String>,
    /// In their order.
    pub reads: Vec<Read>,
}

/// One file that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What for.
    pub kind: Reads,
    /// As written: absolute, or from the folder that its kind says.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// It is a mistake if it is not there.
    pub required: bool,
}

/// What a file is read for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// `include`: another compose file.
    Include {
        /// Where its paths begin, and its `.env` lies: as written, from where the paths of the including file begin. Without
        /// one it is the folder of the included file. Further files of one entry have that of the first.
        project_directory: Option<String>,
        /// Instead of `.env`; from where the paths of the including file begin.
        env_files: Vec<String>,
    },
    /// `extends.file`: another compose file, of which one service is taken. What it includes is not read.
    Extends,
    /// `env_file`
    EnvFile,
    /// `label_file`
    LabelFile,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: Option<usize>,
    /// A lowercase fragment with nothing of the file in it.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

impl Fault {
    fn new(line: Option<usize>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { line, message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Fault {}

/// Why a project is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Such as `services.web.provider`.
    pub place: String,
    /// A lowercase fragment.
    pub why: String,
    /// What to do instead.
    pub hint: String,
}

impl Refused {
    fn new(place: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into(), hint: hint.into() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.place, self.why)
    }
}

impl std::error::Error for Refused {}
