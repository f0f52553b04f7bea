//! Which lines of the log are wanted.

use globset::{Glob, GlobMatcher};
use jiff::Timestamp;

use super::read::Entry;
use crate::tool::context::Lookup;
use crate::tool::time::Moment;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Query {
    /// From when on.
    pub since: Option<Timestamp>,
    tool: Option<GlobMatcher>,
    target: Option<GlobMatcher>,
    caller: Option<GlobMatcher>,
    status: Option<String>,
}

impl Query {
    /// Reads what a caller wrote.
    ///
    /// # Errors
    /// The field that cannot be read, and why.
    pub fn of(asked: &Lookup) -> Result<Self, (&'static str, String)> {
        // `*` alone means something, as in the configuration.
        let glob = |field, text: &Option<String>| {
            let parts =
                text.as_ref().map(|text| text.split('*').map(globset::escape).collect::<Vec<_>>().join("*"));
            let glob = parts.map(|glob| Glob::new(&glob).map(|glob| glob.compile_matcher()));
            glob.transpose().map_err(|e| (field, e.to_string()))
        };
        let since = asked.since.as_deref().map(|text| {
            let nanos = Moment::parse(text).map(|at| at.nanos(Timestamp::now().as_nanosecond()));
            nanos.and_then(|nanos| Timestamp::from_nanosecond(nanos).ok()).ok_or_else(|| {
                ("since", format!("{text:?} is no time: \"24h\", \"2026-01-31\", \"2026-01-31T12:00:00Z\""))
            })
        });
        Ok(Self {
            since: since.transpose()?,
            tool: glob("tool", &asked.tool)?,
            target: glob("target", &asked.target)?,
            caller: glob("caller", &asked.caller)?,
            status: asked.status.clone(),
        })
    }

    /// Is this one of them?
    #[must_use]
    pub fn wants(&self, entry: &Entry) -> bool {
        let fits =
            |glob: &Option<GlobMatcher>, text: &str| glob.as_ref().is_none_or(|glob| glob.is_match(text));
        self.since.is_none_or(|since| entry.ts >= since)
            && fits(&self.tool, &entry.tool)
            && fits(&self.caller, &entry.caller)
            && (self.target.is_none() || entry.target.iter().any(|target| fits(&self.target, target)))
            && self.status.as_ref().is_none_or(|word| entry.is(word))
    }
}
