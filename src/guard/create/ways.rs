//! Who can change the way to a folder of the host.
//!
//! A bind is checked once, and the engine follows its path again at every start. A container that may write in a folder
//! above can put a link there in between, and the next start mounts what the link names: the host's `/etc`. So no
//! container gets a folder whose way another one, or it itself, can change.

use std::path::PathBuf;

use crate::config::settings::{CreateSafety, Profile};

use super::{Ask, Refusal, lets_through};

/// A folder of the host that a container has, or is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Where it really is.
    pub path: PathBuf,
    /// It may be written to.
    pub writable: bool,
}

/// May these be mounted beside each other, and beside what other containers have? `others`: by name.
///
/// # Errors
/// The first that lies below what somebody can write, or holds what somebody has mounted.
pub fn apart(new: &[Way], others: &[(String, Way)], settings: &CreateSafety) -> Result<(), Refusal> {
    if settings.profile == Profile::Off {
        return Ok(());
    }
    let below = |inner: &Way, outer: &Way| {
        outer.writable && inner.path != outer.path && inner.path.starts_with(&outer.path)
    };
    for (at, way) in new.iter().enumerate() {
        let ask = Ask::new("bind", way.path.display().to_string());
        if settings.allow.iter().any(|exception| lets_through(exception, &ask)) {
            continue;
        }
        let own = new.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, way)| (None, way));
        let theirs = others.iter().map(|(name, way)| (Some(name), way));
        for (who, other) in own.chain(theirs) {
            let who = who.map_or_else(|| "it itself".to_owned(), |name| format!("container `{name}`"));
            let why = if below(way, other) {
                format!(
                    "{who} may write in `{}` above it, and could put a link in its way",
                    other.path.display()
                )
            } else if below(other, way) {
                format!(
                    "{who} mounts `{}` in it, and a link could be put in that one's way",
                    other.path.display()
                )
            } else {
                continue;
            };
            let exception = Some(format!("bind={}", ask.value));
            return Err(Refusal {
                ask,
                why,
                rule: "binds that do not lie in each other".to_owned(),
                exception,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings;
    use super::*;

    fn way(path: &str, writable: bool) -> Way {
        Way { path: path.into(), writable }
    }

    #[test]
    fn no_way_leads_through_what_another_writes() {
        let base = settings(Profile::Baseline, &[]);
        let may = |new: &[Way], theirs: &[Way], settings: &CreateSafety| {
            let others: Vec<(String, Way)> =
                theirs.iter().map(|way| ("dev".to_owned(), way.clone())).collect();
            apart(new, &others, settings).is_ok()
        };
        assert!(!may(&[way("/srv/work/a", false)], &[way("/srv/work", true)], &base));
        assert!(!may(&[way("/srv/work", true)], &[way("/srv/work/a", false)], &base));
        assert!(!may(&[way("/srv/work", true), way("/srv/work/a", true)], &[], &base));
        // Side by side, the same one twice, and what nobody writes.
        assert!(may(
            &[way("/srv/work/a", true)],
            &[way("/srv/work/b", true), way("/srv/work/ab", true)],
            &base
        ));
        assert!(may(&[way("/srv/work", true)], &[way("/srv/work", true)], &base));
        assert!(may(&[way("/srv/work/a", true)], &[way("/srv/work", false)], &base));
        let excepted = settings(Profile::Baseline, &["bind=/srv/work/a"]);
        assert!(may(&[way("/srv/work/a", false)], &[way("/srv/work", true)], &excepted));
    }
}
