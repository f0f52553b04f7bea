//! A level that a person raises for a while, from another process at the host: `docker-mcp grant`.

use std::io::{Error, Result};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::{Folder, Moment};

/// A level, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The level's name.
    pub level: String,
    /// Only for containers of these names; absent: for all that the filters show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glob: Option<String>,
    /// Since when.
    pub since: Moment,
    /// So long, in milliseconds.
    pub lasts_ms: u64,
}

/// The grants of this host.
#[derive(Debug, Clone)]
pub struct Grants(Folder);

impl Grants {
    /// In this folder.
    #[must_use]
    pub const fn at(folder: Folder) -> Self {
        Self(folder)
    }

    /// Raises a level from now on.
    ///
    /// # Errors
    /// The folder cannot be written: nothing was granted then.
    pub fn give(&self, grant: &Grant) -> Result<()> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|e| Error::other(format!("no randomness: {e}")))?;
        self.0.put(&hex::encode(name), grant)
    }

    /// Those that have not ended; the others' files go.
    ///
    /// # Errors
    /// The folder cannot be read: nothing is granted then.
    pub fn standing(&self) -> Result<Vec<Grant>> {
        let now = Moment::now();
        let (mut standing, mut ended) = (Vec::new(), Vec::new());
        for (name, grant) in self.0.all::<Grant>()? {
            if grant.is_over(&now) { ended.push(name) } else { standing.push(grant) }
        }
        for name in ended {
            self.0.take(&name)?;
        }
        Ok(standing)
    }

    /// Takes all of them back; how many there were.
    ///
    /// # Errors
    /// One of them cannot be taken away.
    pub fn end_all(&self) -> Result<usize> {
        let all = self.0.all::<Grant>()?;
        for (name, _) in &all {
            self.0.take(name)?;
        }
        Ok(all.len())
    }
}

impl Grant {
    /// What is to stay longer belongs into the configuration; a file that says more is not believed.
    pub const LONGEST: Duration = Duration::from_secs(24 * 3600);

    fn lasts(&self) -> Duration {
        Duration::from_millis(self.lasts_ms).min(Self::LONGEST)
    }

    /// Its time is over.
    #[must_use]
    pub fn is_over(&self, now: &Moment) -> bool {
        self.since.is_over(self.lasts(), now)
    }

    /// How long it still stands.
    #[must_use]
    pub fn left(&self, now: &Moment) -> Duration {
        self.lasts().saturating_sub(self.since.age(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_a_while() {
        let home = tempfile::tempdir().unwrap();
        let grants = Grants::at(Folder::at(home.path().join("grants")));
        let grant =
            |level: &str, lasts_ms| Grant { level: level.into(), glob: None, since: Moment::now(), lasts_ms };
        let (long, short) = (grant("exec", 60_000), grant("create", 30));
        grants.give(&long).unwrap();
        grants.give(&short).unwrap();
        assert_eq!(grants.standing().unwrap().len(), 2);
        std::thread::park_timeout(Duration::from_millis(60));
        assert_eq!(grants.standing().unwrap(), [long]);
        assert_eq!((grants.end_all().unwrap(), grants.standing().unwrap().len()), (1, 0));
    }
}
