//! Where a value came from.

use std::fmt;
use std::sync::Arc;

use crate::policy::Source;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File {
        /// As the person named it.
        file: Arc<str>,
        /// 1-based.
        line: u32,
    },
    /// A variable, by name.
    Env(Arc<str>),
    /// An option of the command line.
    Flag(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Env(name) => write!(f, "${name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

impl From<&Origin> for Source {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::Default => Self::default_value(),
            Origin::File { file, line } => Self { file: Arc::clone(file), line: *line },
            Origin::Env(name) => Self::flag(&format!("${name}")),
            Origin::Flag(name) => Self::flag(name),
        }
    }
}

/// One key as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// `exec_safety.timeout`
    pub key: String,
    /// In the form that the TOML file would hold it.
    pub value: String,
    /// Where it came from. For a list that several places add to, the last of them.
    pub origin: Origin,
    /// What may be written there, in words: `true or false`, `a duration`, ...
    pub shape: String,
}
