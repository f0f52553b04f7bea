//! Paths as texts, before any file system is asked.

use std::path::{Component, Path, PathBuf};

/// A path as it is written, seen from a folder, without `.` and `..`, as compose cleans it. None: it leads above `/`,
/// which in the mirror would be another folder of the host.
pub(super) fn clean(base: &Path, written: impl AsRef<Path>) -> Option<PathBuf> {
    let mut path = PathBuf::from("/");
    let mut depth = 0_usize;
    for part in base.join(written).components() {
        match part {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => {
                path.push(name);
                depth += 1;
            }
            Component::ParentDir => {
                depth = depth.checked_sub(1)?;
                path.pop();
            }
            Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// How a path is told to somebody in that folder: relative, upwards as well.
pub(super) fn shown(from: &Path, path: &Path) -> String {
    let shared = from.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    // Nothing in common but `/`: it is no neighbour.
    if shared <= 1 && from != Path::new("/") {
        return path.display().to_string();
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let told: PathBuf = up.chain(path.components().skip(shared)).collect();
    if told.as_os_str().is_empty() { ".".to_owned() } else { told.display().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_compose_does_and_none_leads_above_the_root() {
        for (written, want) in [
            ("a.yaml", Some("/p/q/a.yaml")),
            ("./x/../a", Some("/p/q/a")),
            ("../../a", Some("/a")),
            ("../../../a", None),
            ("../../../p/q/a", None),
            ("/etc/x/..", Some("/etc")),
            ("/..", None),
        ] {
            assert_eq!(clean(Path::new("/p/q"), written), want.map(PathBuf::from), "{written}");
        }
    }

    #[test]
    fn paths_are_told_relative_to_the_project() {
        for (path, want) in [("/p/q/a", "a"), ("/p/a", "../a"), ("/p/q", "."), ("/z/a", "/z/a"), ("/p", "..")]
        {
            assert_eq!(shown(Path::new("/p/q"), Path::new(path)), want, "{path}");
        }
        assert_eq!(shown(Path::new("/"), Path::new("/a")), "a");
    }
}
