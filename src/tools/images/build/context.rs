//! The context of a build on this host: below a root, its Dockerfile within it, and not too large. It is opened once,
//! and what is looked at is what is sent.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::settings::Roots;
use crate::engine::build::{Folder, Unread, Weight};
use crate::guard::build::ignore::Ignore;
use crate::tool::{Kind, ToolError};

/// A Dockerfile, or a list of what to leave out.
const MOST_TEXT: u64 = 1 << 20;

/// A folder that may be built.
#[derive(Debug)]
pub(super) struct Context {
    /// Opened: what is sent is read from it, and from no path.
    pub folder: Arc<Folder>,
    /// The Dockerfile's place in it.
    pub file: String,
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
    /// Another one when anything of it was changed.
    pub print: String,
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
    let file = within(&folder, name).filter(|file| folder.file(file).is_some()).ok_or_else(|| {
        ToolError::invalid(format!("`{name}` is no file within the context"))
            .hint("`dockerfile` is relative to the context, and no link leads out of it")
    })?;
    let dockerfile = text(&folder, &file)
        .ok_or_else(|| ToolError::invalid(format!("`{name}` is no text of a Dockerfile's size")))?;
    let unreadable =
        || ToolError::invalid("the list of what the build leaves out (.dockerignore) cannot be read");
    let list = |name: &str| match folder.has(name) {
        true => within(&folder, name).and_then(|path| text(&folder, &path)).map(Some).ok_or_else(unreadable),
        false => Ok(None),
    };
    let own = list(&format!("{file}.dockerignore"))?;
    let leaves_out = match &own {
        Some(own) => own.clone(),
        None => list(".dockerignore")?.unwrap_or_default(),
    };
    let ignore = Ignore::parse(&leaves_out).ok_or_else(unreadable)?;
    let Weight { files, bytes, print } = folder.weigh(&ignore).map_err(|why| unread(&why))?;
    let folder = Arc::new(folder);
    let print = hex::encode(print);
    Ok(Context { folder, file, dockerfile, ignore: own, leaves_out, buildkit: false, files, bytes, print })
}

/// A context that cannot be sent as it is.
pub(super) fn unread(why: &Unread) -> ToolError {
    let error = ToolError::invalid(why.to_string());
    match why {
        Unread::TooLarge => error.hint("build a folder further down, or leave things out with .dockerignore"),
        Unread::Changed(_) => error.hint("wait until nothing changes it any more, and build again"),
        _ => error.hint("leave it out with .dockerignore"),
    }
}

/// What is not there and what lies elsewhere are told apart on the host only.
fn outside(context: &str) -> ToolError {
    ToolError::new(Kind::PermissionDenied, format!("`{context}` is no folder below one of the build roots"))
        .hint("docker_policy shows them; a person can change roots under [build]")
}

fn folder(roots: &Roots, asked: &Path) -> Option<Folder> {
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
    // Opened without links: nobody puts another in its place between this and the build.
    real.filter(may).find_map(|path| Folder::open(&path).ok())
}

/// Where in the context the name leads, links resolved. Where it led is read later, without links.
fn within(folder: &Folder, name: &str) -> Option<String> {
    let real = fs::canonicalize(folder.path().join(name)).ok()?;
    Some(real.strip_prefix(folder.path()).ok()?.to_str()?.to_owned())
}

fn text(folder: &Folder, path: &str) -> Option<String> {
    let mut text = String::new();
    folder.file(path)?.take(MOST_TEXT + 1).read_to_string(&mut text).ok()?;
    (text.len() as u64 <= MOST_TEXT).then_some(text)
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
