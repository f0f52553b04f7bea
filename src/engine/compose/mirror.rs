//! The mirror: a private folder with copies of what compose reads, at the paths where it looks for them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::engine::docker_cli;
use crate::engine::scratch::Scratch;

use super::places::shown;

/// What is written into one.
#[derive(Debug, Default)]
pub(super) struct Copies {
    pub project_dir: PathBuf,
    pub files: Vec<PathBuf>,
    pub texts: BTreeMap<PathBuf, String>,
    /// What is interpolated, the last one counting most; without what steers.
    pub env: Vec<(PathBuf, String)>,
    pub project_name: Option<String>,
    pub profiles: Vec<String>,
    pub trusted: bool,
    pub passed: BTreeMap<String, OsString>,
}

/// A project's files, copied. The copies are removed when this is dropped.
#[derive(Debug)]
pub struct Gathered {
    /// The private folder: `m` is the mirror, `home` is empty, `docker` is a configuration without anything, `env` has
    /// what is interpolated.
    _dir: Scratch,
    pub(super) root: PathBuf,
    /// The project's folder, on this host.
    pub project_dir: PathBuf,
    /// Its compose files, on this host, in the order in which they are laid over each other.
    pub files: Vec<PathBuf>,
    /// Copies of its `.env` files, the last one counting most.
    pub env_files: Vec<PathBuf>,
    /// As `.env` names it.
    pub project_name: Option<String>,
    /// Those that `.env` enables.
    pub profiles: Vec<String>,
    /// Every compose file that it is made of is a trusted one.
    pub trusted: bool,
    /// Variables of the server that are passed: `up` needs the same ones.
    pub passed: BTreeMap<String, OsString>,
    /// How paths of copies are told, the longest first.
    pub(super) told: Vec<(String, String)>,
}

impl Gathered {
    /// What stands before each path in what compose makes of the copies: without it, it is a path of this host.
    #[must_use]
    pub fn prefix(&self) -> PathBuf {
        self.root.join("m")
    }

    pub(super) fn mirrored(&self, path: &Path) -> PathBuf {
        self.prefix().join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(super) fn home(&self) -> PathBuf {
        self.root.join("home")
    }
}

impl Copies {
    pub(super) fn write(self) -> io::Result<Gathered> {
        let dir = private()?;
        let root = fs::canonicalize(dir.path())?;
        let mut it = Gathered {
            _dir: dir,
            root,
            project_dir: self.project_dir,
            files: self.files,
            env_files: Vec::new(),
            project_name: self.project_name,
            profiles: self.profiles,
            trusted: self.trusted,
            passed: self.passed,
            told: Vec::new(),
        };
        for folder in [it.root.join("env"), it.mirrored(&it.project_dir)] {
            make(&folder)?;
        }
        for (at, text) in &self.texts {
            let copy = it.mirrored(at);
            if let Some(folder) = copy.parent() {
                make(folder)?;
            }
            write(&copy, text)?;
            it.tell(copy, shown(&it.project_dir, at));
        }
        for (number, (at, text)) in self.env.iter().enumerate() {
            let copy = it.root.join("env").join(number.to_string());
            write(&copy, text)?;
            it.tell(copy.clone(), shown(&it.project_dir, at));
            it.env_files.push(copy);
        }
        it.tell(it.home(), "~".into());
        let project = it.mirrored(&it.project_dir);
        it.tell(project, ".".into());
        it.tell(it.prefix(), String::new());
        it.tell(it.root.clone(), String::new());
        it.told.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Ok(it)
    }
}

impl Gathered {
    fn tell(&mut self, copy: PathBuf, name: String) {
        self.told.push((copy.display().to_string(), name));
    }
}

/// A private folder for a child: a home without anything, and a configuration of docker without anything.
pub(super) fn private() -> io::Result<Scratch> {
    let folder = Scratch::new("compose")?;
    docker_cli::configure(&folder.path().join("docker"), false)?;
    make(&folder.path().join("home"))?;
    Ok(folder)
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
