//! A change that waits for a person: a file in the state folder, which `docker-mcp approve` answers from another process.
//!
//! Whoever asks has no tool that answers. What was approved is taken once, by the very same call.

use std::io::{Error, Result};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Hash;
use crate::state::{Folder, Moment};

/// Changes that one caller may have waiting; with one more, its oldest is dropped.
const MOST: usize = 32;
/// Of a code: neither `l` nor `o`, which are read as digits.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a code: 40 bits. It is no secret; it names what a person answers.
const LENGTH: usize = 8;

/// What is asked for, as it is shown and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Who asks.
    pub caller: String,
    /// The tool.
    pub tool: String,
    /// At which engine.
    pub engine: String,
    /// Its arguments, as a person may see them.
    pub arguments: String,
    /// What would change, one line an object.
    pub would_change: Vec<String>,
    /// Roles that may answer beside the person at the host: they see all that it is about.
    #[serde(default)]
    pub answerable_by: Vec<String>,
    /// Parts of it are secrets, which only the person at the host is shown.
    #[serde(default)]
    pub only_at_host: bool,
    /// The settings that it was asked for under: by others, it would be another call.
    #[serde(default)]
    pub settings: String,
}

/// What is held.
#[derive(Debug, Clone)]
pub struct Action {
    /// What is asked for.
    pub asked: Asked,
    /// Everything that the answer is for.
    pub binding: Hash,
}

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing yet.
    Pending,
    /// Do it.
    Approved,
    /// Do not.
    Denied,
}

/// A held change as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What is asked for.
    #[serde(flatten)]
    pub asked: Asked,
    /// What a person said.
    pub standing: Standing,
    /// Since when it stands so.
    pub since: Moment,
    /// So long, in milliseconds.
    pub ttl_ms: u64,
    binding: String,
}

/// A person's yes that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yes(String, Box<Pending>);

/// What a call hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A person let it through: it is this call's, and nobody's after it, unless it is given back.
    Go(Yes),
    /// A person refused it.
    Refused,
    /// Nobody said anything yet; the code that names it, and how long it waits.
    Waits(String, Duration),
}

/// The changes that wait.
#[derive(Debug, Clone)]
pub struct Held(Folder);

impl Held {
    /// In this folder.
    #[must_use]
    pub const fn at(folder: Folder) -> Self {
        Self(folder)
    }

    /// Asks for this change, or hears what a person said of it. Waits for the disk.
    ///
    /// # Errors
    /// The folder cannot be read or written: nothing is held then, and nothing let through.
    pub fn ask(&self, action: Action, ttl: Duration) -> Result<Answer> {
        let _alone = self.0.lock()?;
        let binding = hex::encode(action.binding);
        let mut open = self.sweep()?;
        open.retain(|(_, one)| one.asked.caller == action.asked.caller);
        if let Some((code, one)) = open.iter().find(|(_, one)| one.binding == binding) {
            return Ok(match one.standing {
                // Taken before the effect: of two such calls one goes.
                Standing::Approved if self.0.take(code)? => {
                    Answer::Go(Yes(code.clone(), Box::new(one.clone())))
                }
                Standing::Approved | Standing::Denied => Answer::Refused,
                Standing::Pending => Answer::Waits(code.clone(), one.left(&Moment::now())),
            });
        }
        open.retain(|(_, one)| one.standing == Standing::Pending);
        open.sort_by_key(|(_, one)| one.since.unix_ms);
        for (code, _) in open.iter().take((open.len() + 1).saturating_sub(MOST)) {
            self.0.take(code)?;
        }
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let (standing, since) = (Standing::Pending, Moment::now());
        let code = code()?;
        self.0.put(&code, &Pending { asked: action.asked, standing, since, ttl_ms, binding })?;
        Ok(Answer::Waits(code, ttl))
    }

    /// What was let through came to nothing: the yes stands as before.
    ///
    /// # Errors
    /// The folder cannot be written: it is spent then.
    pub fn give_back(&self, Yes(code, one): &Yes) -> Result<()> {
        let _alone = self.0.lock()?;
        if one.is_over(&Moment::now()) { Ok(()) } else { self.0.put(code, one) }
    }

    /// A person was asked for this change already, or said something of it.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn knows(&self, action: &Action) -> Result<bool> {
        let binding = hex::encode(action.binding);
        Ok(self
            .live()?
            .iter()
            .any(|(_, one)| one.asked.caller == action.asked.caller && one.binding == binding))
    }

    /// What a person says. The change, if it waits; none: there is no such code, its time is over, or it was answered.
    ///
    /// # Errors
    /// The folder cannot be read or written: nothing was said then.
    pub fn answer(&self, code: &str, approves: bool) -> Result<Option<Pending>> {
        let code = code.trim().to_ascii_lowercase();
        let _alone = self.0.lock()?;
        let found =
            self.sweep()?.into_iter().find(|(name, one)| *name == code && one.standing == Standing::Pending);
        let Some((code, mut one)) = found else { return Ok(None) };
        one.standing = if approves { Standing::Approved } else { Standing::Denied };
        one.since = Moment::now();
        self.0.put(&code, &one)?;
        Ok(Some(one))
    }

    /// What waits for a person, by code.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn pending(&self) -> Result<Vec<(String, Pending)>> {
        let mut open = self.live()?;
        open.retain(|(_, one)| one.standing == Standing::Pending);
        open.sort_by_key(|(_, one)| one.since.unix_ms);
        Ok(open)
    }

    fn live(&self) -> Result<Vec<(String, Pending)>> {
        let now = Moment::now();
        let mut all = self.0.all::<Pending>()?;
        all.retain(|(_, one)| !one.is_over(&now));
        Ok(all)
    }

    /// What is over goes.
    fn sweep(&self) -> Result<Vec<(String, Pending)>> {
        let now = Moment::now();
        let (over, open) = self.0.all::<Pending>()?.into_iter().partition(|(_, one)| one.is_over(&now));
        let over: Vec<(String, Pending)> = over;
        for (code, _) in over {
            self.0.take(&code)?;
        }
        Ok(open)
    }
}

impl Pending {
    fn is_over(&self, now: &Moment) -> bool {
        self.since.is_over(Duration::from_millis(self.ttl_ms), now)
    }

    /// How long it is still good for.
    #[must_use]
    pub fn left(&self, now: &Moment) -> Duration {
        Duration::from_millis(self.ttl_ms).saturating_sub(self.since.age(now))
    }
}

fn code() -> Result<String> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| Error::other(format!("no randomness: {e}")))?;
    Ok(bytes.iter().filter_map(|b| LETTERS.get(usize::from(b % 32))).map(|&b| char::from(b)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(900);

    fn held() -> (tempfile::TempDir, Held) {
        let home = tempfile::tempdir().unwrap();
        let held = Held::at(Folder::at(home.path().join("held")));
        (home, held)
    }

    fn action(caller: &str, n: u8) -> Action {
        let asked = Asked {
            caller: caller.into(),
            tool: "docker_remove".into(),
            engine: "here".into(),
            arguments: "{}".into(),
            would_change: vec!["remove web".into()],
            answerable_by: Vec::new(),
            only_at_host: false,
            settings: String::new(),
        };
        Action { asked, binding: [n; 32] }
    }

    fn went(answer: Answer) -> bool {
        matches!(answer, Answer::Go(_))
    }

    fn code(answer: Answer) -> String {
        match answer {
            Answer::Waits(code, _) => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_person_lets_one_call_through() {
        let (_home, held) = held();
        let first = code(held.ask(action("me", 1), TTL).unwrap());
        assert_eq!(code(held.ask(action("me", 1), TTL).unwrap()), first, "the same call, the same code");
        assert_ne!(code(held.ask(action("you", 1), TTL).unwrap()), first);
        assert_eq!(held.pending().unwrap().len(), 2);
        assert!(held.answer("nothing", true).unwrap().is_none());
        assert!(held.answer(&first.to_uppercase(), true).unwrap().is_some());
        assert!(held.answer(&first, false).unwrap().is_none(), "it was answered");
        assert!(!went(held.ask(action("me", 2), TTL).unwrap()), "another call");
        assert!(!went(held.ask(action("you", 1), TTL).unwrap()), "another caller");
        let Answer::Go(yes) = held.ask(action("me", 1), TTL).unwrap() else { panic!("it was let through") };
        held.give_back(&yes).unwrap();
        assert!(went(held.ask(action("me", 1), TTL).unwrap()), "it came to nothing, and stands");
        let second = code(held.ask(action("me", 1), TTL).unwrap());
        assert_ne!(second, first, "once");
        held.answer(&second, false).unwrap().unwrap();
        assert_eq!(held.ask(action("me", 1), TTL).unwrap(), Answer::Refused);
    }

    #[test]
    fn of_many_at_once_one_goes() {
        let (_home, held) = held();
        let waits = code(held.ask(action("me", 1), TTL).unwrap());
        held.answer(&waits, true).unwrap().unwrap();
        let count = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    if went(held.ask(action("me", 1), TTL).unwrap()) {
                        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), 1);
    }

    #[test]
    fn its_time_ends() {
        let (_home, held) = held();
        let short = Duration::from_millis(30);
        let waits = code(held.ask(action("me", 1), short).unwrap());
        std::thread::park_timeout(Duration::from_millis(60));
        assert!(held.answer(&waits, true).unwrap().is_none());
        let waits = code(held.ask(action("me", 1), short).unwrap());
        held.answer(&waits, true).unwrap().unwrap();
        std::thread::park_timeout(Duration::from_millis(60));
        assert!(!went(held.ask(action("me", 1), short).unwrap()));
    }

    #[test]
    fn one_callers_flood_drops_its_own() {
        let (_home, held) = held();
        let mine = code(held.ask(action("me", 0), TTL).unwrap());
        for n in 0..40 {
            held.ask(action("you", n), TTL).unwrap();
        }
        let open = held.pending().unwrap();
        assert_eq!(open.len(), MOST + 1);
        assert!(open.iter().any(|(code, _)| *code == mine));
    }
}
