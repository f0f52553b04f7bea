//! What compose would read of the files that were found: theirs and those that they name, by compose's own rules of what
//! a relative path is relative to (compose-go, `loader/include.go`, `loader/extends.go`; tried with 2.26.1):
//!
//! - a main file: everything from the project's folder, also where the file lies in another one;
//! - an included file: from its own folder, or from `project_directory` (itself from the project's folder, or from that of
//!   the file that includes it: versions differ, so both are looked at). Without `env_file` the `.env` there is read, and
//!   `env_file` is relative to the folder of the file that includes;
//! - an extended file: from its own folder. What it includes is not read;
//! - links are not resolved for any of this: a file that is named through one lies where it was named.
//!
//! What is not there is compose's to complain of, but for files that it would include or extend; what lies elsewhere is
//! refused, whether or not it is there. Absolute names are refused: the mirror has them in another place, and compose
//! would read the original.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::guard::compose::{Fault, Read, Reads, References, references};

use super::below::{Below, MOST, Taken, Unread};
use super::dotenv::Dotenv;
use super::files::Found;
use super::mirror::{Copies, Gathered};
use super::places::{clean, shown};
use super::variables::Known;
use super::{NotRead, Refused};

/// More files are no project.
const FILES: usize = 100;
/// So often they are read in all.
const LOADS: usize = 500;
/// Nor is this.
const DEEP: usize = 20;
/// In all of them.
const BYTES: usize = 8 << 20;
/// Where the project of a text lies that is in no file. Nothing is there.
pub(super) const NOWHERE: &str = "/docker-mcp-inline";

/// Reads what compose would read, and writes its mirror. Blocks.
///
/// # Errors
/// One of the files lies elsewhere, or makes no sense; or the host has no room.
pub fn gather(found: Found) -> Result<Gathered, NotRead> {
    let mut gathering = Gathering::new(&found);
    let known =
        Known { passed: found.passed.clone(), files: found.env.iter().map(|(_, env)| env.plain()).collect() };
    let top = Place {
        folders: vec![found.project_dir.clone()],
        known,
        extended: false,
        above: Vec::new(),
        depth: 0,
    };
    let mut trusted = !found.files.is_empty();
    for file in &found.files {
        let name = gathering.shown(file);
        let text = gathering.take(file).map_err(|why| match why {
            Unread::Unfit(why) => Refused::unfit(format!("`{name}` {why}"), "name a compose file"),
            Unread::Missing | Unread::Outside => Refused::outside(&format!("`{name}`")),
        })?;
        gathering.follow(file, &text, &top)?;
    }
    trusted &= gathering.real.iter().all(|file| found.trusted.contains(file));
    let profiles = found.own("COMPOSE_PROFILES")?.unwrap_or_default();
    let profiles = profiles.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
    let copies = Copies {
        project_dir: found.project_dir.clone(),
        files: found.files.clone(),
        texts: gathering.texts,
        // The last one counts most.
        env: found.env.iter().rev().map(|(at, env)| (at.clone(), env.copy())).collect(),
        project_name: found.own("COMPOSE_PROJECT_NAME")?,
        profiles: profiles.collect(),
        trusted,
        passed: found.passed,
    };
    copies.write().map_err(|e| NotRead::Host(e.to_string()))
}

/// The mirror of a text that is in no file: it reads nothing else. Blocks.
///
/// # Errors
/// It would read something, or makes no sense; or the host has no room.
pub fn inline(yaml: &str) -> Result<Gathered, NotRead> {
    if yaml.len() as u64 > MOST {
        return Err(Refused::unfit("the compose file is larger than 1 MiB", "make it smaller").into());
    }
    let name = "the compose file";
    let References { reads, .. } = references(yaml).map_err(|fault| faulty(name, fault))?;
    if let Some(read) = reads.first() {
        return Err(Refused::unfit(
            format!("line {}: `{}` is a file, and a compose file that is passed as text reads none", read.line, read.path),
            "write its content into the text, or keep the files below a compose root and use docker_compose_up",
        )
        .into());
    }
    let at = Path::new(NOWHERE).join("compose.yaml");
    let copies = Copies {
        project_dir: NOWHERE.into(),
        files: vec![at.clone()],
        texts: BTreeMap::from([(at, yaml.to_owned())]),
        ..Copies::default()
    };
    copies.write().map_err(|e| NotRead::Host(e.to_string()))
}

fn faulty(name: &str, Fault { line, message, hint }: Fault) -> Refused {
    let line = line.map(|line| format!(" line {line}")).unwrap_or_default();
    Refused::unfit(format!("{name}{line}: {message}"), hint)
}

/// Where a file stands.
struct Place {
    /// What is relative to it is looked for in each of these.
    folders: Vec<PathBuf>,
    known: Known,
    /// Only for what its services are extended from.
    extended: bool,
    /// Included files that lead here, this one too.
    above: Vec<PathBuf>,
    depth: usize,
}

struct Gathering<'a> {
    below: &'a Below,
    project_dir: &'a Path,
    /// By the path at which compose looks for them.
    texts: BTreeMap<PathBuf, String>,
    /// Where they lie, without links.
    lies: BTreeMap<PathBuf, PathBuf>,
    /// The same of the compose files among them.
    real: BTreeSet<PathBuf>,
    followed: BTreeSet<(PathBuf, Vec<PathBuf>, bool)>,
    loads: usize,
    bytes: usize,
}

impl<'a> Gathering<'a> {
    fn new(found: &'a Found) -> Self {
        Self {
            below: &found.below,
            project_dir: &found.project_dir,
            texts: BTreeMap::new(),
            lies: BTreeMap::new(),
            real: BTreeSet::new(),
            followed: BTreeSet::new(),
            loads: 0,
            bytes: 0,
        }
    }

    fn shown(&self, path: &Path) -> String {
        shown(self.project_dir, path)
    }

    /// A copy of a file, once.
    fn take(&mut self, at: &Path) -> Result<String, Unread> {
        if let Some(text) = self.texts.get(at) {
            return Ok(text.clone());
        }
        let Taken { real, text } = self.below.read(at)?;
        self.bytes += text.len();
        if self.texts.len() >= FILES || self.bytes > BYTES {
            return Err(Unread::Unfit(
                "is one file too many: 100, or 8 MiB in all, is the most that is read",
            ));
        }
        self.texts.insert(at.to_owned(), text.clone());
        self.lies.insert(at.to_owned(), real);
        Ok(text)
    }

    /// What a compose file names.
    fn follow(&mut self, at: &Path, text: &str, place: &Place) -> Result<(), Refused> {
        self.real.extend(self.lies.get(at).cloned());
        let again = !self.followed.insert((at.to_owned(), place.folders.clone(), place.extended));
        if again && place.extended {
            // A circle, which compose refuses, or the same file once more.
            return Ok(());
        }
        let name = self.shown(at);
        // Compose loads an included file each time that it is named: those that double at each step are a bomb.
        self.loads += 1;
        if self.loads > LOADS {
            let why = format!("`{name}` and others are included again and again");
            return Err(Refused::unfit(why, "include each file once"));
        }
        if place.depth >= DEEP {
            let why = format!("`{name}` is read through {DEEP} other files");
            return Err(Refused::unfit(why, "name it in fewer steps"));
        }
        let References { reads, .. } =
            references(text).map_err(|fault| faulty(&format!("`{name}`"), fault))?;
        for read in reads {
            let whose = format!("`{}` (`{name}` line {})", read.path, read.line);
            match &read.kind {
                Reads::Include { .. } if place.extended => {}
                Reads::Include { project_directory, env_files } => {
                    let project_directory = project_directory.as_deref();
                    self.include(place, &read, &whose, (project_directory, env_files))?;
                }
                Reads::Extends => self.extend(place, &read, &whose)?,
                Reads::EnvFile | Reads::LabelFile => {
                    let candidates = candidates(&place.folders, &place.known, &read.path, &whose)?;
                    self.any(&candidates, &whose)?;
                }
            }
        }
        Ok(())
    }

    /// Copies of those that are there. None of them need be; but where all lie elsewhere, it is not read.
    fn any(&mut self, candidates: &[PathBuf], whose: &str) -> Result<Vec<(PathBuf, String)>, Refused> {
        let mut taken = Vec::new();
        let mut outside = !candidates.is_empty();
        for at in candidates {
            match self.take(at) {
                Ok(text) => taken.push((at.clone(), text)),
                Err(Unread::Missing) => outside = false,
                Err(Unread::Outside) => {}
                Err(Unread::Unfit(why)) => {
                    return Err(Refused::unfit(format!("{whose} {why}"), "make it a small text file"));
                }
            }
        }
        if taken.is_empty() && outside { Err(Refused::outside(whose)) } else { Ok(taken) }
    }

    /// The same where one of them must be there.
    fn some(&mut self, candidates: &[PathBuf], whose: &str) -> Result<Vec<(PathBuf, String)>, Refused> {
        let taken = self.any(candidates, whose)?;
        if taken.is_empty() { Err(Refused::outside(whose)) } else { Ok(taken) }
    }

    fn extend(&mut self, place: &Place, read: &Read, whose: &str) -> Result<(), Refused> {
        let candidates = candidates(&place.folders, &place.known, &read.path, whose)?;
        // Of an extended file only some services count: what others name need not be there.
        let taken = match place.extended {
            true => self.any(&candidates, whose)?,
            false => self.some(&candidates, whose)?,
        };
        for (at, text) in taken {
            let folders = at.parent().map(Path::to_owned).into_iter().collect();
            let (known, depth) = (place.known.clone(), place.depth + 1);
            let place = Place { folders, known, extended: true, above: Vec::new(), depth };
            self.follow(&at, &text, &place)?;
        }
        Ok(())
    }

    fn include(
        &mut self,
        place: &Place,
        read: &Read,
        whose: &str,
        (project_directory, env_files): (Option<&str>, &[String]),
    ) -> Result<(), Refused> {
        let files = candidates(&place.folders, &place.known, &read.path, whose)?;
        for (at, text) in self.some(&files, whose)? {
            let own: Vec<PathBuf> = at.parent().map(Path::to_owned).into_iter().collect();
            let (mut folders, mut dotenvs) = (own.clone(), own);
            if let Some(folder) = project_directory {
                let bases = [&[self.project_dir.to_owned()], place.folders.as_slice()].concat();
                dotenvs = candidates(&bases, &place.known, folder, whose)?;
                folders = [dotenvs.as_slice(), folders.as_slice()].concat();
            }
            folders.dedup();
            let env = match env_files {
                [] => {
                    self.any(&dotenvs.iter().map(|folder| folder.join(".env")).collect::<Vec<_>>(), whose)?
                }
                named => {
                    let mut taken = Vec::new();
                    for file in named.iter().filter(|file| *file != "/dev/null") {
                        let whose = format!("`{file}` of {whose}");
                        let files = candidates(&place.folders, &place.known, file, &whose)?;
                        taken.extend(self.any(&files, &whose)?);
                    }
                    taken
                }
            };
            let mut known = place.known.clone();
            // The last one counts most among its own.
            known.files.extend(env.into_iter().rev().map(|(_, text)| Dotenv::parse(text).plain()));
            // A circle, which compose refuses.
            if place.above.contains(&at) {
                continue;
            }
            let above = place.above.iter().cloned().chain([at.clone()]).collect();
            let place = Place { folders, known, extended: false, above, depth: place.depth + 1 };
            self.follow(&at, &text, &place)?;
        }
        Ok(())
    }
}

/// Where a name may lead.
fn candidates(
    folders: &[PathBuf],
    known: &Known,
    written: &str,
    whose: &str,
) -> Result<Vec<PathBuf>, Refused> {
    let refused = |why: &str, hint: &str| Refused::unfit(format!("{whose}: {why}"), hint);
    let path = known.follow(written).map_err(|why| refused(why, "write the path out"))?;
    let remote = path.contains("://") || path.starts_with("git@") || path.starts_with("oci:");
    if path.is_empty() || path.contains('\0') {
        return Err(refused("it names no file", "name a file below a compose root"));
    }
    if remote {
        return Err(refused(
            "nothing is fetched for a compose file",
            "keep a copy of it below a compose root",
        ));
    }
    if path.starts_with('~') || path.starts_with('/') {
        return Err(refused(
            "files that a compose file reads are named relative to it",
            "write it as a relative path",
        ));
    }
    let places: Vec<PathBuf> = folders.iter().filter_map(|folder| clean(folder, &path)).collect();
    if places.len() == folders.len() { Ok(places) } else { Err(Refused::outside(whose)) }
}
