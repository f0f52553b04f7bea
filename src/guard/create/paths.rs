//! Paths of the host that a container may be given.

use std::path::{Component, Path, PathBuf};

use crate::config::settings::Roots;

/// Nothing in these, and nothing that holds them, whatever the roots say.
const NEVER: &[&str] = &[
    "/proc",
    "/sys",
    "/dev",
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd",
    "/run/docker",
    "/var/run/containerd",
    "/run/podman",
    "/run/crio",
    "/run/dbus",
    "/run/systemd",
    "/var/run/dbus",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/etc/shadow",
    "/etc/passwd",
    "/etc/docker",
];
/// Nothing in these, unless a root lies in them as well: then a person meant it.
const SYSTEM: &[&str] =
    &["/etc", "/boot", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr", "/run", "/var/run", "/var/log"];
/// Nobody's but their owner's, in any folder.
const PRIVATE: &[&str] = &[".ssh", ".docker", ".gnupg", ".aws", ".azure", ".kube", ".netrc"];

/// An absolute path without `.`, `..`, double or trailing slashes.
///
/// # Errors
/// A lowercase fragment.
pub fn clean(text: &str) -> Result<PathBuf, &'static str> {
    if text.contains(['\0', '\n']) {
        return Err("a path holds no control characters");
    }
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err("a path of the host must be absolute");
    }
    if path.components().any(|c| c == Component::ParentDir) {
        return Err("a path with `..` is not taken; write where it leads");
    }
    Ok(path.components().collect())
}

/// Does it lie at `root` or below?
pub(super) fn below(path: &str, root: &str) -> bool {
    match (clean(path), clean(root)) {
        (Ok(path), Ok(root)) => path.starts_with(root),
        _ => false,
    }
}

/// Keys and credentials of a person.
fn is_private(path: &Path) -> bool {
    let parts: Vec<&str> = path.components().filter_map(|c| c.as_os_str().to_str()).collect();
    let ours = |pair: &[&str]| matches!(pair, [".config" | "state", "docker-mcp"]);
    parts.iter().any(|part| PRIVATE.contains(part))
        || parts.windows(2).any(ours)
        // The folders that hold ours, and everybody else's keys.
        || parts.ends_with(&[".config"])
        || parts.ends_with(&[".local"])
        || parts.ends_with(&[".local", "state"])
}

/// May a container be given this path? Asked of the path as written and of where it leads.
pub(super) fn bindable(text: &str, roots: &Roots, protected: &[PathBuf]) -> Result<(), String> {
    let path = clean(text).map_err(str::to_owned)?;
    if path.parent().is_none() {
        return Err("the whole host is not for containers".to_owned());
    }
    let ours = protected.iter().map(PathBuf::as_path);
    for never in NEVER.iter().map(Path::new).chain(ours) {
        if path.starts_with(never) || never.starts_with(&path) {
            return Err("it is, or holds, what controls this host".to_owned());
        }
    }
    if is_private(&path) {
        return Err("keys and credentials of a person are not for containers".to_owned());
    }
    if is_home(&path) {
        return Err("a whole home folder holds keys and credentials; name a folder in it".to_owned());
    }
    let meant = |system: &Path| roots.paths().iter().any(|root| root.starts_with(system));
    if SYSTEM.iter().map(Path::new).any(|system| path.starts_with(system) && !meant(system)) {
        return Err("it belongs to the host's own system".to_owned());
    }
    if roots.contain(&path) {
        return Ok(());
    }
    let shown: Vec<String> = roots.paths().iter().map(|root| format!("`{}`", root.display())).collect();
    Err(match shown.is_empty() {
        true => "no folder of the host may be bound".to_owned(),
        false => format!("it does not lie under {}", shown.join(", ")),
    })
}

fn is_home(path: &Path) -> bool {
    let homes = ["/home", "/Users"].map(Path::new);
    path == Path::new("/root")
        || homes.contains(&path)
        || path.parent().is_some_and(|parent| homes.contains(&parent))
}
