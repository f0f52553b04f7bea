//! Paths of the file: `~/` is the home folder, the rest is relative to where the server was started.

use std::path::{Component, Path, PathBuf};

/// What paths are relative to. Both absolute; absent where the system does not say.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// The person's home folder.
    pub home: Option<PathBuf>,
    /// Where the server was started.
    pub cwd: Option<PathBuf>,
}

impl Base {
    /// The absolute, lexically clean path that `text` means.
    ///
    /// # Errors
    /// A lowercase fragment.
    pub fn resolve(&self, text: &str) -> Result<PathBuf, String> {
        if text == "~" || text.starts_with("~/") {
            let home = self.home.as_ref().ok_or("`~` means nothing: there is no home folder")?;
            return Ok(clean(&home.join(text.trim_start_matches('~').trim_start_matches('/'))));
        }
        if text.starts_with('~') {
            return Err(format!("`{text}`: only `~/` is known, not other people's homes"));
        }
        let path = Path::new(text);
        if path.is_absolute() {
            return Ok(clean(path));
        }
        let cwd = self
            .cwd
            .as_ref()
            .ok_or_else(|| format!("`{text}` is relative, and the current folder is unknown"))?;
        Ok(clean(&cwd.join(path)))
    }

    /// Why a folder that was only meant by "where the server was started" must not be opened up: it is `/`, a home or
    /// a system folder.
    #[must_use]
    pub fn too_wide(&self, path: &Path) -> Option<&'static str> {
        if path.parent().is_none() {
            return Some("the root of the file system");
        }
        if self.home.as_ref().is_some_and(|home| home.starts_with(path)) || is_home(path) {
            return Some("a home folder");
        }
        let text = path.to_str()?;
        if HOLDERS.contains(&text) || SYSTEM.iter().any(|s| path.starts_with(s)) {
            return Some("a system folder");
        }
        None
    }
}

/// These hold everybody's things; a folder below is somebody's.
const HOLDERS: &[&str] = &[
    "/home",
    "/Users",
    "/var",
    "/opt",
    "/srv",
    "/mnt",
    "/media",
    "/tmp",
    "/private",
    "/private/tmp",
    "/private/var",
    "/usr",
    "/usr/local",
    "/usr/src",
    "/var/tmp",
    "/Volumes",
    "C:\\Users",
];

/// These belong to the system, with all that is below.
const SYSTEM: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/sbin",
    "/usr/share",
    "/var/lib",
    "/var/run",
    "/var/log",
    "/var/cache",
    "/var/spool",
    "/private/etc",
    "/System",
    "/Library",
    "/Applications",
    "/nix",
    "/snap",
    "C:\\Windows",
    "C:\\Program Files",
    "C:\\Program Files (x86)",
    "C:\\ProgramData",
];

/// `/home/ada`, `/Users/ada`
fn is_home(path: &Path) -> bool {
    path.parent().and_then(Path::to_str).is_some_and(|p| matches!(p, "/home" | "/Users" | "C:\\Users"))
}

/// Without `.` and `..`; above the root is the root.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn base() -> Base {
        Base { home: Some("/home/ada".into()), cwd: Some("/srv/shop".into()) }
    }

    #[test]
    fn paths_become_absolute_and_clean() {
        for (text, want) in [
            (".", "/srv/shop"),
            ("./x/../y", "/srv/shop/y"),
            ("~", "/home/ada"),
            ("~/x", "/home/ada/x"),
            ("/a/./b/", "/a/b"),
            ("/../..", "/"),
            ("../..", "/"),
        ] {
            assert_eq!(base().resolve(text).unwrap(), Path::new(want), "{text}");
        }
        assert!(base().resolve("~root/x").is_err());
        assert!(Base::default().resolve(".").is_err());
        assert!(Base::default().resolve("~/x").is_err());
    }

    #[test]
    fn wide_folders_are_told_from_project_folders() {
        for wide in [
            "/",
            "/home",
            "/home/ada",
            "/home/bob",
            "/etc",
            "/etc/app",
            "/root",
            "/root/x",
            "/var",
            "/usr",
            "/tmp",
        ] {
            assert!(base().too_wide(Path::new(wide)).is_some(), "{wide}");
        }
        for fine in [
            "/home/ada/app",
            "/srv/app",
            "/opt/stack",
            "/tmp/x",
            "/var/www/app",
            "/srv/shop",
            "/usr/local/app",
        ] {
            assert_eq!(base().too_wide(Path::new(fine)), None, "{fine}");
        }
    }
}
