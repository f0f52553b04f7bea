use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::files::{Found, Places, Where, find};
use super::{Gathered, NotRead, Refused};

mod children;
mod files;
mod gathering;
mod real;

/// A host: a root, and what lies outside of it.
struct Host {
    dir: TempDir,
    places: Places,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let places = Places { roots: vec![dir.path().join("root")], ..Places::default() };
        let it = Self { dir, places };
        it.write("outside/secret.env", "SECRET=canary\n");
        it.write("outside/compose.yaml", "services: { canary: { image: canary } }\n");
        it.folder("root");
        it
    }

    /// By its real path.
    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap().join(name)
    }

    fn folder(&self, name: &str) {
        fs::create_dir_all(self.path(name)).unwrap();
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, to: &str, name: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(self.path(to), self.path(name)).unwrap();
    }

    fn find(&self, file: Option<&str>) -> Result<Found, Refused> {
        find(&self.places, &Where { file: file.map(str::to_owned), folder_hint: None })
    }

    /// The files that are found, as names from the host's folder on.
    fn found(&self, file: Option<&str>) -> Vec<String> {
        let found = self.find(file).unwrap_or_else(|why| panic!("{file:?}: {why}"));
        let names = found.files().iter().map(|path| path.strip_prefix(self.path("")).unwrap());
        names.map(|path| path.display().to_string()).collect()
    }

    fn gather(&self, file: Option<&str>) -> Result<Gathered, Refused> {
        super::gather(self.find(file)?).map_err(|why| match why {
            NotRead::Refused(why) => why,
            other => panic!("{other:?}"),
        })
    }
}
