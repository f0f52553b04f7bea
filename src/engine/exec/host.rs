//! What paths of the host give to a container that has them.

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::guard::exec::clean;

use super::super::error::EngineError;

/// Sockets by which everything can be done.
const SOCKETS: &[&str] = &["docker.sock", "containerd.sock", "podman.sock", "crio.sock", "buildkitd.sock"];
/// Where such sockets are: a folder above them holds them.
const SOCKET_PLACES: &[&str] = &[
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
];
/// The host's own, with all below: to write in these is to be the host, and to have one whole is to know it.
const HOST: &[&str] =
    &["/boot", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/var/spool/cron"];
/// Not even to be read.
const SECRET: &[&str] = &[
    "/proc",
    "/sys",
    "/dev",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/docker",
    "/etc/kubernetes",
    "/etc/ssl/private",
];
/// Homes, and folders of homes.
const HOMES: &[&str] = &["/root", "/home", "/Users"];
/// Files of them that many containers get, and that give nothing.
const HARMLESS: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/shm",
    "/dev/log",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/hostname",
    "/etc/machine-id",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/usr/share",
];
/// Where engines keep their own things by default.
const USUAL_ROOT: &str = "/var/lib/docker";

/// What of a host is not for containers.
#[derive(Debug, Clone, Default)]
pub(super) struct Host {
    /// Where the engine keeps its own things.
    roots: Vec<PathBuf>,
    /// How it is reached.
    sockets: Vec<PathBuf>,
    /// Our configuration, record and secrets.
    ours: Vec<PathBuf>,
}

impl Host {
    /// Of an engine that says that its things are there.
    pub(super) fn new(root: String) -> Self {
        let said = Some(root).filter(|root| !root.is_empty()).map(PathBuf::from);
        let roots = said.into_iter().chain([PathBuf::from(USUAL_ROOT)]).collect();
        Self { roots, ..Self::default() }
    }

    /// Of this host.
    pub(super) fn with(mut self, ours: Vec<PathBuf>, socket: &Path) -> Self {
        self.ours = ours;
        self.sockets = vec![socket.to_owned()];
        self
    }

    /// What a folder or file of the host gives, to be read or to be written.
    pub(super) fn power(&self, source: &str, writable: bool) -> Option<String> {
        let source = PathBuf::from(clean(source));
        if source.parent().is_none() {
            return Some("the host's root folder".to_owned());
        }
        let touches = |path: &PathBuf| path.starts_with(&source) || source.starts_with(path);
        let file = source.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let holds_socket = SOCKET_PLACES.iter().any(|place| Path::new(place).starts_with(&source));
        if SOCKETS.contains(&file) || holds_socket || self.sockets.iter().any(touches) {
            return Some("the engine's socket or files".to_owned());
        }
        if self.ours.iter().any(touches) {
            return Some("docker-mcp's own files".to_owned());
        }
        for root in &self.roots {
            if root.starts_with(&source) {
                return Some("the engine's socket or files".to_owned());
            }
            if let Ok(inside) = source.strip_prefix(root) {
                return match is_data(inside) {
                    true => None,
                    false => Some("the engine's socket or files".to_owned()),
                };
            }
        }
        // After that: an engine may keep its volumes in a home.
        if is_home(&source) {
            return Some("keys and settings of a person".to_owned());
        }
        let below = |folder: &&str| source.starts_with(folder);
        let whole = || HOST.iter().any(|folder| Path::new(folder) == source);
        let (secret, host) = (SECRET.iter().any(&below), HOST.iter().any(&below));
        let harmless = HARMLESS.iter().any(&below) && !source.starts_with("/etc/ssl/private");
        let open = !harmless && (secret || (host && (writable || whole())));
        open.then(|| "system files of the host".to_owned())
    }
}

/// A whole home, or what programs keep in one: keys, credentials, settings.
fn is_home(source: &Path) -> bool {
    let part = |text: &str| text.starts_with('.') && text.len() > 1;
    let names: Vec<&str> = source.iter().skip(1).map(|part| part.to_str().unwrap_or_default()).collect();
    let home = HOMES.iter().any(|home| Path::new(home) == source || Some(Path::new(home)) == source.parent());
    let of_root = source.parent() == Some(Path::new("/root"));
    match names.as_slice() {
        ["root", first, ..] if part(first) => true,
        ["home" | "Users", _, first, ..] if part(first) => true,
        _ => names.contains(&".ssh") || (home && !of_root),
    }
}

/// The data of one volume, below the engine's root.
fn is_data(inside: &Path) -> bool {
    let parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap_or_default()).collect();
    matches!(parts.as_slice(), ["volumes", _, "_data", ..])
}

/// Each path as it is written, and where it really leads on this host.
pub(super) async fn real(
    paths: Vec<Vec<String>>,
    host: Host,
) -> Result<(Vec<Vec<String>>, Host), EngineError> {
    // A dead network file system hangs a thread and not the server.
    let looked = spawn_blocking(move || {
        let also = |paths: Vec<PathBuf>| {
            let real: Vec<PathBuf> =
                paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
            let mut all: Vec<PathBuf> =
                paths.into_iter().filter(|path| path.is_absolute()).chain(real).collect();
            all.dedup();
            all
        };
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let each = |paths: Vec<String>| -> Vec<String> {
            also(paths.into_iter().map(PathBuf::from).collect()).into_iter().map(text).collect()
        };
        let sources = paths.into_iter().map(each).collect();
        let host = Host { roots: also(host.roots), sockets: also(host.sockets), ours: also(host.ours) };
        (sources, host)
    });
    looked.await.map_err(|e| EngineError::Conflict(format!("paths of this host cannot be looked at ({e})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host::new("/root/data/docker".into())
            .with(vec!["/srv/mcp/config.toml".into()], Path::new("/opt/e/d.sock"))
    }

    #[test]
    fn what_belongs_to_the_host_is_a_power() {
        for source in [
            "/",
            "//",
            "/run",
            "/var/run/",
            "/var",
            "/run/docker.sock",
            "/home/me/.docker/run/docker.sock",
            "/run/containerd",
            "/var/lib/docker",
            "/var/lib/docker/containers",
            "/var/lib/docker/volumes",
            "/var/lib/docker/volumes/x",
            "/var/lib/docker/volumes/x/_data/../../y",
            "/root/data",
            "/root/data/docker/image",
            "/opt/e",
            "/opt",
            "/srv",
            "/srv/mcp",
            "/srv/mcp/config.toml",
            "/proc",
            "/sys/fs/cgroup",
            "/dev",
            "/dev/sda",
            "/etc",
            "/lib64",
            "/var/spool/cron/crontabs",
            "/root/.ssh",
            "/root/.docker/config.json",
            "/home/me/.config",
            "/home/me/.ssh",
            "/home/me/.ssh/id_ed25519",
        ] {
            assert!(host().power(source, true).is_some(), "{source}");
        }
        for source in [
            "/etc",
            "/etc/shadow",
            "/etc/ssl/private/key.pem",
            "/etc/ssh",
            "/root",
            "/home",
            "/home/me",
            "/proc",
            "/usr",
        ] {
            assert!(host().power(source, false).is_some(), "{source}");
        }
    }

    #[test]
    fn what_applications_have_is_none() {
        for source in [
            "/srv/app",
            "/runner/x",
            "/etc/localtime",
            "/etc/ssl/certs",
            "/var/lib/docker/volumes/x/_data",
            "/root/data/docker/volumes/x/_data/sub",
            "/home/me/project",
            "/root/app",
            "/var/log/app",
        ] {
            assert_eq!(host().power(source, true), None, "{source}");
        }
        for source in ["/etc/passwd", "/etc/nginx/conf.d", "/etc/letsencrypt", "/usr/local/share/x"] {
            assert_eq!(host().power(source, false), None, "{source}");
            assert!(source.starts_with("/usr/share") || host().power(source, true).is_some(), "{source}");
        }
    }
}
