//! The surroundings as a value, and the small files read from them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::endpoint::TlsFiles;

const MAX_FILE: u64 = 1024 * 1024;
const NAMES: [&str; 7] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "XDG_RUNTIME_DIR",
];

/// The surroundings: variables, home, user.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// Environment variables, as far as they matter here.
    pub vars: BTreeMap<String, String>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// The user's number.
    pub uid: Option<u32>,
    /// Put before the absolute places that are only tried; empty outside tests.
    pub root: PathBuf,
}

impl Env {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let vars = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
        let owner = fs::metadata("/proc/self").ok().or_else(|| fs::metadata(home.as_ref()?).ok());
        Self { vars: vars.collect(), home, uid: owner.map(|owner| owner.uid()), root: PathBuf::new() }
    }

    /// A variable; one that is set to nothing counts as not set, as in the docker CLI.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `DOCKER_CONFIG`, else `~/.docker`.
    #[must_use]
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.get("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(self.home.as_ref()?.join(".docker")))
    }

    /// What `DOCKER_TLS_VERIFY`, `DOCKER_TLS` and `DOCKER_CERT_PATH` say; the last alone says nothing.
    pub(super) fn tls(&self) -> Option<TlsFiles> {
        let verify = self.get("DOCKER_TLS_VERIFY").is_some();
        if !verify && self.get("DOCKER_TLS").is_none() {
            return None;
        }
        let dir = self.get("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| self.config_dir())?;
        Some(TlsFiles { ca: Some(dir.join("ca.pem")), verify, ..certificate_in(&dir) })
    }
}

/// `cert.pem` and `key.pem` of a folder, each if it is there.
pub(super) fn certificate_in(dir: &Path) -> TlsFiles {
    let there = |name: &str| Some(dir.join(name)).filter(|path| path.exists());
    TlsFiles { cert: there("cert.pem"), key: there("key.pem"), ..TlsFiles::default() }
}

/// Reads a plain file of at most 1 MiB.
pub(in super::super) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    Ok(bytes)
}
