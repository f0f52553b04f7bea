//! Where a path leads, step by step.
//!
//! What the engine tells of a link is its end. But who may not enter the folders on the way to that end cannot go there, nor
//! can who may not read the links between; so each link is read, and its target walked from the root like any path.

use std::collections::{HashMap, VecDeque};

use crate::policy::{Container, Permit};

use super::super::Engine;
use super::super::budget::Budget;
use super::super::error::EngineError;
use super::read::Step;
use super::{Entry, Kind, Stat, join};

/// Links on one way, as Linux has it.
const HOPS: usize = 40;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Without links, up to what is there.
    pub path: String,
    /// What is there.
    pub stat: Stat,
    /// What of the path is not there: names below it.
    pub missing: Vec<String>,
    /// Folders on the way that not everybody may enter.
    pub closed: Vec<String>,
}

impl Found {
    /// The whole path without links, with what is not there.
    #[must_use]
    pub fn whole(&self) -> String {
        self.missing.iter().fold(self.path.clone(), |path, name| join(&path, name))
    }

    /// Another look found the same way.
    #[must_use]
    pub fn leads_as(&self, other: &Self) -> bool {
        self.whole() == other.whole() && self.closed == other.closed
    }
}

/// Looks around in one container; what was looked at once is remembered.
#[derive(Debug)]
pub struct Walk<'a> {
    engine: &'a Engine,
    budget: &'a Budget,
    permit: &'a Permit<Container>,
    stats: HashMap<String, Option<Stat>>,
    links: HashMap<String, String>,
}

impl Engine {
    /// Where this path leads; with `through` the last step is followed as well.
    ///
    /// # Errors
    /// As [`Walk::find`].
    pub async fn archive_find(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        path: &str,
        through: bool,
    ) -> Result<Found, EngineError> {
        self.archive_walk(budget, permit).find(path, through).await
    }

    /// To look at several paths.
    #[must_use]
    pub fn archive_walk<'a>(&'a self, budget: &'a Budget, permit: &'a Permit<Container>) -> Walk<'a> {
        Walk { engine: self, budget, permit, stats: HashMap::new(), links: HashMap::new() }
    }

    /// What is at this path itself: of a folder nothing else is read.
    ///
    /// # Errors
    /// As [`EngineError`]; `Changed` where nothing is there any more.
    pub async fn archive_entry(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        path: &str,
    ) -> Result<Entry, EngineError> {
        let mut reader = match self.archive_read(budget, permit, path).await {
            Err(EngineError::Status { code: 404, .. }) => return Err(EngineError::Changed(path.to_owned())),
            reader => reader?,
        };
        match reader.next().await? {
            Step::Entry(entry) => Ok(entry),
            Step::End | Step::Enough => Err(EngineError::Changed(path.to_owned())),
        }
    }
}

impl Walk<'_> {
    /// Where this path leads; with `through` the last step is followed as well.
    ///
    /// # Errors
    /// As [`EngineError`]; `Gone` where the container is, `Conflict` for links without end.
    pub async fn find(&mut self, path: &str, through: bool) -> Result<Found, EngineError> {
        let mut ahead: VecDeque<String> = steps(path).collect();
        let root = self.at("/").await?.ok_or(EngineError::Gone)?;
        let mut found = Found { path: "/".into(), stat: root, missing: Vec::new(), closed: Vec::new() };
        entered(&mut found);
        let mut hops = 0;
        while let Some(name) = ahead.pop_front() {
            if name == ".." {
                // No link leads here: the folder above is the one that was come from.
                let above = found.path.rsplit_once('/').map_or("", |(above, _)| above);
                found.path = if above.is_empty() { "/".to_owned() } else { above.to_owned() };
                found.stat = self.at(&found.path.clone()).await?.ok_or(EngineError::Gone)?;
                continue;
            }
            let next = join(&found.path, &name);
            let Some(stat) = self.at(&next).await? else {
                found.missing = std::iter::once(name).chain(ahead).collect();
                return plain(found);
            };
            if stat.kind == Kind::Link && (!ahead.is_empty() || through) {
                hops += 1;
                if hops > HOPS {
                    return Err(EngineError::Conflict(format!("`{path}` leads over more than {HOPS} links")));
                }
                let target = self.link(&next).await?;
                if target.starts_with('/') {
                    found.path = "/".to_owned();
                    found.stat = self.at("/").await?.ok_or(EngineError::Gone)?;
                }
                for step in steps(&target).rev() {
                    ahead.push_front(step);
                }
                continue;
            }
            found.path = next;
            found.stat = stat;
            if found.stat.kind != Kind::Folder {
                found.missing = ahead.into();
                return plain(found);
            }
            entered(&mut found);
        }
        Ok(found)
    }

    /// What is at this path, the last step not followed. None: nothing.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn at(&mut self, path: &str) -> Result<Option<Stat>, EngineError> {
        if let Some(known) = self.stats.get(path) {
            return Ok(known.clone());
        }
        let stat = self.engine.archive_stat(self.budget, self.permit, path).await?;
        self.stats.insert(path.to_owned(), stat.clone());
        Ok(stat)
    }

    /// What a link says.
    async fn link(&mut self, path: &str) -> Result<String, EngineError> {
        if let Some(known) = self.links.get(path) {
            return Ok(known.clone());
        }
        let entry = self.engine.archive_entry(self.budget, self.permit, path).await?;
        if entry.kind != Kind::Link || entry.target.is_empty() {
            return Err(EngineError::Changed(path.to_owned()));
        }
        let no_text = |_| EngineError::Conflict(format!("the link `{path}` leads to a name that is no text"));
        let target = String::from_utf8(entry.target).map_err(no_text)?;
        self.links.insert(path.to_owned(), target.clone());
        Ok(target)
    }
}

fn steps(path: &str) -> impl DoubleEndedIterator<Item = String> + '_ {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned)
}

/// Where nothing is, a step back leads nowhere either.
fn plain(found: Found) -> Result<Found, EngineError> {
    match found.missing.iter().any(|name| name == "..") {
        true => Err(EngineError::Conflict(format!(
            "a link leads through `{}`, which is not there",
            found.whole()
        ))),
        false => Ok(found),
    }
}

/// Remembers a folder that not everybody may enter.
fn entered(found: &mut Found) {
    if found.stat.kind == Kind::Folder && found.stat.mode & 0o001 == 0 && !found.closed.contains(&found.path)
    {
        found.closed.push(found.path.clone());
    }
}
