//! The context of a build on this host: below a root, its Dockerfile within it, and not too large.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::settings::Roots;
use crate::guard::build::ignore::Ignore;
use crate::tool::{Kind, ToolError};

/// More bytes than that are no source of a program.
const MOST_BYTES: u64 = 1 << 30;
/// The same for files.
const MOST_FILES: usize = 200_000;
/// A Dockerfile, or a list of what to leave out.
const MOST_TEXT: u64 = 1 << 20;

/// A folder that may be built.
#[derive(Debug)]
pub(super) struct Context {
    /// Absolute, without links.
    pub folder: PathBuf,
    /// The Dockerfile's text.
    pub dockerfile: String,
    /// What stands in a list of its own beside it.
    pub ignore: Option<String>,
    /// The list that counts, wherever it stands.
    pub leaves_out: String,
    /// Only BuildKit can read it.
    pub buildkit: bool,
    /// How many files are sent.
    pub files: usize,
    /// How many bytes they have.
    pub bytes: u64,
}

/// A folder of this host, and nothing that a builder would fetch.
pub(super) fn local(context: &str) -> Result<(), ToolError> {
    let remote = context == "-" || context.contains("://") || context.starts_with("git@");
    if context.is_empty() || context.contains('\0') {
        return Err(ToolError::invalid("`context` names no folder"));
    }
    if remote {
        return Err(ToolError::invalid(
            "`context` must be a folder of this host: nothing is fetched for a build",
        )
        .hint("get the sources first, below one of the build roots"));
    }
    Ok(())
}

/// Finds it, and reads what decides.
pub(super) fn look(roots: &Roots, context: &str, dockerfile: Option<&str>) -> Result<Context, ToolError> {
    let folder = folder(roots, Path::new(context)).ok_or_else(|| outside(context))?;
    let name = dockerfile.unwrap_or("Dockerfile");
    let file = within(&folder, Path::new(name)).ok_or_else(|| {
        ToolError::invalid(format!("`{name}` is no file within the context"))
            .hint("`dockerfile` is relative to the context, and no link leads out of it")
    })?;
    let dockerfile = text(&file)
        .ok_or_else(|| ToolError::invalid(format!("`{name}` is no text of a Dockerfile's size")))?;
    let mut beside = file.clone().into_os_string();
    beside.push(".dockerignore");
    let unreadable =
        || ToolError::invalid("the list of what the build leaves out (.dockerignore) cannot be read");
    let own = match fs::symlink_metadata(&beside) {
        Ok(_) => {
            Some(within(&folder, Path::new(&beside)).and_then(|path| text(&path)).ok_or_else(unreadable)?)
        }
        Err(_) => None,
    };
    let list = match (&own, fs::symlink_metadata(folder.join(".dockerignore"))) {
        (Some(own), _) => own.clone(),
        (None, Ok(_)) => {
            within(&folder, Path::new(".dockerignore")).and_then(|path| text(&path)).ok_or_else(unreadable)?
        }
        (None, Err(_)) => String::new(),
    };
    let ignore = Ignore::parse(&list).ok_or_else(unreadable)?;
    let (files, bytes) = weigh(&folder, &ignore)?;
    Ok(Context { folder, dockerfile, ignore: own, leaves_out: list, buildkit: false, files, bytes })
}

/// What is not there and what lies elsewhere are told apart on the host only.
fn outside(context: &str) -> ToolError {
    ToolError::new(Kind::PermissionDenied, format!("`{context}` is no folder below one of the build roots"))
        .hint("docker_policy shows them; a person can change roots under [build]")
}

fn folder(roots: &Roots, asked: &Path) -> Option<PathBuf> {
    let roots_here: Vec<PathBuf> =
        roots.paths().iter().filter_map(|root| fs::canonicalize(root).ok()).collect();
    let candidates: Vec<PathBuf> = match (asked.is_absolute(), roots) {
        (true, _) => vec![asked.to_owned()],
        (false, Roots::Anywhere) => vec![std::env::current_dir().ok()?.join(asked)],
        (false, Roots::Under(_)) => roots_here.iter().map(|root| root.join(asked)).collect(),
    };
    let real = candidates.iter().filter_map(|path| fs::canonicalize(path).ok());
    let may = |path: &PathBuf| {
        matches!(roots, Roots::Anywhere) || roots_here.iter().any(|root| path.starts_with(root))
    };
    real.filter(|path| path.is_dir()).find(may)
}

/// A file of the context, links resolved.
fn within(folder: &Path, name: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(folder.join(name)).ok()?;
    (real.starts_with(folder) && real.is_file()).then_some(real)
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    // It may have become something else that never ends.
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.take(MOST_TEXT + 1).read_to_string(&mut text).ok()?;
    (text.len() as u64 <= MOST_TEXT).then_some(text)
}

/// Files and bytes that would be sent. Links are not followed: they are sent as they are.
fn weigh(folder: &Path, ignore: &Ignore) -> Result<(usize, u64), ToolError> {
    let (mut files, mut bytes) = (0, 0_u64);
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, inside)) = folders.pop() {
        let unreadable =
            |_| ToolError::invalid(format!("the folder `{inside}` of the context cannot be read"));
        for entry in fs::read_dir(&folder).map_err(unreadable)?.filter_map(Result::ok) {
            let name = entry.file_name();
            let path = match inside.is_empty() {
                true => name.to_string_lossy().into_owned(),
                false => format!("{inside}/{}", name.to_string_lossy()),
            };
            let Ok(meta) = entry.metadata() else { continue };
            let out = ignore.leaves_out(&path);
            if meta.is_dir() && (!out || ignore.takes_back()) {
                folders.push((entry.path(), path));
            }
            if !out {
                files += usize::from(!meta.is_dir());
                bytes = bytes.saturating_add(if meta.is_file() { meta.len() } else { 0 });
            }
            if files + folders.len() > MOST_FILES || bytes > MOST_BYTES {
                return Err(ToolError::invalid(format!(
                    "the context is larger than {} MB or {MOST_FILES} files",
                    MOST_BYTES >> 20
                ))
                .hint("build a folder further down, or leave things out with .dockerignore"));
            }
        }
    }
    Ok((files, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, Roots) {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["root/app/sub", "outside"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for (file, text) in [
            ("outside/Dockerfile", "FROM canary"),
            ("root/app/Dockerfile", "FROM x"),
            ("root/app/sub/other", "FROM y"),
            ("root/app/big", "0123456789"),
        ] {
            fs::write(at(file), text).unwrap();
        }
        for (to, link) in [
            ("outside", "root/out"),
            ("outside/Dockerfile", "root/app/Linked"),
            ("root/app/sub/other", "root/app/Inner"),
            ("root/app", "in"),
        ] {
            std::os::unix::fs::symlink(at(to), at(link)).unwrap();
        }
        let roots = Roots::Under(vec![at("root")]);
        (dir, roots)
    }

    /// Rows B1 and B2.
    #[test]
    fn contexts_lie_below_a_root_and_dockerfiles_within_them() {
        let (dir, roots) = tree();
        let absolute = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        for context in ["app", "./app/", "app/../app", &absolute("root/app"), &absolute("in")] {
            assert_eq!(look(&roots, context, None).unwrap().dockerfile, "FROM x", "{context}");
        }
        assert_eq!(look(&roots, "app", Some("sub/other")).unwrap().dockerfile, "FROM y");
        assert_eq!(look(&roots, "app", Some("Inner")).unwrap().dockerfile, "FROM y");
        let (there, not) = (absolute("outside"), absolute("nosuch"));
        for context in ["..", "../outside", "out", "/", "nosuch", "app/big", &there, &not] {
            let refused = look(&roots, context, None).unwrap_err();
            assert_eq!(refused.kind, Kind::PermissionDenied, "{context}");
            assert_eq!(refused.message, outside(context).message, "what is outside is not told");
        }
        for file in ["../../outside/Dockerfile", "Linked", "nosuch", "sub", "/etc/passwd"] {
            let refused = look(&roots, "app", Some(file)).unwrap_err();
            assert_eq!(refused.kind, Kind::InvalidArguments, "{file}");
            assert!(!refused.message.contains("canary") && !refused.message.contains("root:"), "{file}");
        }
        assert!(look(&Roots::Under(Vec::new()), "app", None).is_err(), "no roots, nothing to build");
    }

    #[test]
    fn what_is_left_out_does_not_count() {
        let (dir, roots) = tree();
        let whole = look(&roots, "app", None).unwrap();
        assert_eq!((whole.files, whole.bytes), (5, 22));
        fs::write(dir.path().join("root/app/.dockerignore"), "big\nsub\n.dockerignore\n").unwrap();
        let less = look(&roots, "app", None).unwrap();
        assert_eq!((less.files, less.bytes, less.ignore), (3, 6, None));
        fs::write(dir.path().join("root/app/Dockerfile.dockerignore"), "**\n").unwrap();
        let none = look(&roots, "app", None).unwrap();
        assert_eq!((none.files, none.ignore.as_deref()), (0, Some("**\n")));
    }

    #[test]
    fn what_would_be_fetched_is_refused() {
        for context in ["", "-", "https://x/y.git", "git@x:y", "docker-image://x", "oci-layout://x", "a\0b"] {
            assert_eq!(local(context).unwrap_err().kind, Kind::InvalidArguments, "{context}");
        }
        assert!(local(".").is_ok() && local("/srv/app").is_ok());
    }
}
