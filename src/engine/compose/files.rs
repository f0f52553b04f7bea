//! Which compose files are meant: as the CLI finds them, but below the roots only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::below::{Below, Unread};
use super::choice::{candidates, choose};
use super::dotenv::Dotenv;
use super::places::{clean, shown};
use super::variables::may_pass;
use super::{Refused, Sort};

/// In the CLI's order.
pub(super) const NAMES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// What is laid over it where no file was named; the first one that there is.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];
/// `[compose]`, as far as files go.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// There are no bounds.
    pub anywhere: bool,
    /// Folders that files may lie in.
    pub roots: Vec<PathBuf>,
    /// Not empty: only these, wherever they lie.
    pub files: Vec<PathBuf>,
    /// These are trusted.
    pub trusted: Vec<PathBuf>,
    /// Variables of the server that may be passed.
    pub pass_env: Vec<String>,
}

/// What a call says of its files.
#[derive(Debug, Clone, Default)]
pub struct Where {
    /// A file or a folder; relative to a root.
    pub file: Option<String>,
    /// The folder of the project that is meant, as the labels of its containers say.
    pub folder_hint: Option<PathBuf>,
}

/// The files of a project.
#[derive(Debug, Clone)]
pub struct Found {
    pub(super) below: Below,
    /// Where relative paths begin.
    pub(super) project_dir: PathBuf,
    /// In the order in which they are laid over each other.
    pub(super) files: Vec<PathBuf>,
    /// `.env` files, the one that counts most first.
    pub(super) env: Vec<(PathBuf, Dotenv)>,
    pub(super) trusted: Vec<PathBuf>,
    pub(super) passed: BTreeMap<String, OsString>,
}

impl Found {
    /// The folder that relative paths begin in.
    #[must_use]
    pub fn project_dir(&self) -> &Path {
        &self.project_dir
    }

    /// The files, the first one first.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What one of the `.env` files says of a variable of compose's own.
    pub(super) fn own(&self, name: &str) -> Result<Option<String>, Refused> {
        for (_, env) in &self.env {
            if let Some(value) = env.own(name)? {
                return Ok(Some(value.to_owned()));
            }
        }
        Ok(None)
    }
}

/// Finds the files that are meant. Blocks.
///
/// # Errors
/// There are none, or several, or they lie elsewhere.
pub fn find(places: &Places, asked: &Where) -> Result<Found, Refused> {
    if asked.file.as_deref().is_some_and(|file| file.is_empty() || file.contains('\0')) {
        return Err(Refused::unfit("`file` names no file", "leave it out, or name a file below a root"));
    }
    let search = Search { places, below: Below::new(places.anywhere, &places.roots) };
    match (&asked.file, places.files.as_slice()) {
        (None, []) => search.nothing_named(asked.folder_hint.as_deref()),
        (Some(file), []) => search.named(file),
        (None, [only]) => search.configured(only),
        (None, many) => {
            let names = many.iter().map(|file| file.display().to_string()).collect();
            Err(choose("several compose files are configured", "name one of them as `file`", names))
        }
        (Some(file), many) => match many.iter().find(|known| search.same(known, file)) {
            Some(known) => search.configured(known),
            None => Err(Refused {
                sort: Sort::Outside,
                message: format!("`{file}` is none of the compose files that are configured"),
                hint: "docker_policy shows them; a person can change `files` under [compose]".into(),
            }),
        },
    }
}

struct Search<'a> {
    places: &'a Places,
    below: Below,
}

impl Search<'_> {
    /// One of the configured files: written in the same way, or the same one by its real path.
    fn same(&self, known: &Path, file: &str) -> bool {
        let asked = Path::new(file);
        let here = |real: PathBuf| fs::canonicalize(known).is_ok_and(|known| known == real);
        let under = self.below.roots().iter().filter_map(|root| fs::canonicalize(root.join(asked)).ok());
        known == asked
            || (asked.is_absolute() && fs::canonicalize(asked).is_ok_and(here))
            || (!asked.is_absolute() && (known.ends_with(asked) || under.into_iter().any(here)))
    }

    /// It may lie anywhere, and its folder is a root for what it reads.
    fn configured(&self, file: &Path) -> Result<Found, Refused> {
        let unfit = |why: &str| {
            let hint = "a person can change `files` under [compose]";
            Refused::unfit(format!("the configured compose file `{}` {why}", file.display()), hint)
        };
        let at = fs::canonicalize(file).map_err(|_| unfit("is not there, or cannot be reached"))?;
        let folder = at.parent().ok_or_else(|| unfit("is a folder"))?.to_owned();
        let below = self.below.clone().and(folder.clone());
        self.project(below, folder, vec![at])
    }

    /// A file or a folder, absolute or in one of the roots.
    fn named(&self, file: &str) -> Result<Found, Refused> {
        let asked = Path::new(file);
        let candidates: Vec<PathBuf> = match (asked.is_absolute(), self.places.anywhere) {
            (true, _) => vec![asked.to_owned()],
            (false, true) => std::env::current_dir().map(|here| here.join(asked)).into_iter().collect(),
            (false, false) => self.below.roots().iter().map(|root| root.join(asked)).collect(),
        };
        for candidate in candidates {
            let Ok(real) = self.below.real(&candidate) else { continue };
            if real.is_dir() {
                return match self.in_folder(&real)? {
                    Some(found) => Ok(found),
                    None => Err(Refused::unfit(
                        format!("`{file}` is a folder without a compose file"),
                        format!("it would be named {}", NAMES.join(", ")),
                    )),
                };
            }
            // By the name that was given: what it names is relative to where that stands.
            let at = candidate.parent().and_then(|folder| self.below.real(folder).ok());
            let at = at.zip(candidate.file_name()).map_or(real, |(folder, name)| folder.join(name));
            let folder = at.parent().unwrap_or(Path::new("/")).to_owned();
            return self.project(self.below.clone(), folder, vec![at]);
        }
        Err(Refused::outside(&format!("`{file}`")))
    }

    fn nothing_named(&self, hint: Option<&Path>) -> Result<Found, Refused> {
        if let Some(folder) = hint.and_then(|folder| self.below.real(folder).ok())
            && let Some(found) = self.in_folder(&folder)?
        {
            return Ok(found);
        }
        let here = std::env::current_dir().ok().filter(|_| self.places.anywhere);
        let roots: Vec<PathBuf> = self.below.roots().iter().cloned().chain(here).collect();
        let mut found = Vec::new();
        for root in &roots {
            found.extend(self.in_folder(root)?);
        }
        let several = found.len() > 1;
        match found.pop() {
            Some(only) if !several => return Ok(only),
            _ => {}
        }
        let names = candidates(&roots);
        Err(match several {
            true => choose(
                "several compose roots have a compose file",
                "name one as `file`, with its root",
                names,
            ),
            false if names.is_empty() => {
                choose("there is no compose file in the compose roots", "name one as `file`", names)
            }
            false => {
                choose("no compose root has a compose file itself", "name one of these as `file`", names)
            }
        })
    }

    /// The standard files of a folder, or those that its `.env` names.
    fn in_folder(&self, folder: &Path) -> Result<Option<Found>, Refused> {
        let env = self.dotenv(&self.below, folder)?;
        if let Some(env) = &env
            && let Some(list) = env.own("COMPOSE_FILE")?
        {
            let separator = env.own("COMPOSE_PATH_SEPARATOR")?.unwrap_or(":");
            let files: Option<Vec<PathBuf>> = list.split(separator).map(|file| clean(folder, file)).collect();
            let files = files.ok_or_else(|| Refused::outside("what `COMPOSE_FILE` in .env names"))?;
            let project = files.first().and_then(|file| file.parent()).unwrap_or(folder).to_owned();
            let mut found = self.project(self.below.clone(), project, files)?;
            if found.env.iter().all(|(at, _)| at.parent() != Some(folder)) {
                found.env.insert(0, (folder.join(".env"), env.clone()));
            }
            return Ok(Some(found));
        }
        // A link that leads elsewhere counts as well: that one is refused, not passed over.
        let first = |names: &[&str]| {
            let all = names.iter().map(|name| folder.join(name));
            all.into_iter().find(|path| fs::symlink_metadata(path).is_ok())
        };
        let Some(file) = first(&NAMES) else { return Ok(None) };
        let files = [Some(file), first(&OVERRIDES)].into_iter().flatten().collect();
        self.project(self.below.clone(), folder.to_owned(), files).map(Some)
    }

    fn dotenv(&self, below: &Below, folder: &Path) -> Result<Option<Dotenv>, Refused> {
        match below.read(&folder.join(".env")) {
            Ok(taken) => Ok(Some(Dotenv::parse(taken.text))),
            // As the CLI: a folder of that name is none.
            Err(Unread::Missing | Unread::Unfit("is a folder")) => Ok(None),
            Err(Unread::Outside) => Err(Refused::outside("`.env`")),
            Err(Unread::Unfit(why)) => {
                Err(Refused::unfit(format!("`.env` {why}"), "make it a small text file"))
            }
        }
    }

    fn project(&self, below: Below, project_dir: PathBuf, files: Vec<PathBuf>) -> Result<Found, Refused> {
        for file in &files {
            let name = shown(&project_dir, file);
            below.read(file).map_err(|why| match why {
                Unread::Unfit(why) => Refused::unfit(format!("`{name}` {why}"), "name a compose file"),
                Unread::Missing | Unread::Outside => Refused::outside(&format!("`{name}`")),
            })?;
        }
        let env = self.dotenv(&below, &project_dir)?;
        let env = env.into_iter().map(|env| (project_dir.join(".env"), env)).collect();
        let passed = self.places.pass_env.iter().filter(|name| may_pass(name));
        let passed = passed.filter_map(|name| Some((name.clone(), std::env::var_os(name)?))).collect();
        let trusted = self.places.trusted.iter().filter_map(|file| fs::canonicalize(file).ok()).collect();
        Ok(Found { below, project_dir, files, env, trusted, passed })
    }
}
