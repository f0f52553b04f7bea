//! What paths of the host give to a container that has them.

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

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
/// The host's own, with all below.
const HOST: &[&str] = &[
    "/proc",
    "/sys",
    "/dev",
    "/boot",
    "/etc",
    "/root",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/var/spool/cron",
];
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

    /// What a folder or file of the host gives.
    pub(super) fn power(&self, source: &str) -> Option<String> {
        let source = lexical(source);
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
        if source.components().any(|part| part.as_os_str() == ".ssh") {
            return Some("keys of a person".to_owned());
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
        let below = |folder: &&str| source.starts_with(folder);
        if HARMLESS.iter().any(&below) {
            return None;
        }
        HOST.iter().any(below).then(|| "system files of the host".to_owned())
    }
}

/// The data of one volume, below the engine's root.
fn is_data(inside: &Path) -> bool {
    let parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap_or_default()).collect();
    matches!(parts.as_slice(), ["volumes", _, "_data", ..])
}

/// Each path as it is written, and where it really leads on this host.
pub(super) async fn real(paths: Vec<String>, host: Host) -> Result<(Vec<String>, Host), EngineError> {
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
        let sources = also(paths.into_iter().map(PathBuf::from).collect());
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let host = Host { roots: also(host.roots), sockets: also(host.sockets), ours: also(host.ours) };
        (sources.into_iter().map(text).collect(), host)
    });
    looked.await.map_err(|e| EngineError::Conflict(format!("paths of this host cannot be looked at ({e})")))
}

/// Absolute, without empty, `.` and `..` steps.
fn lexical(path: &str) -> PathBuf {
    let mut out = PathBuf::from("/");
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                let _the_root_has_no_parent = out.pop();
            }
            part => out.push(part),
        }
    }
    out
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
            "/home/me/.ssh",
            "/home/me/.ssh/id_ed25519",
        ] {
            assert!(host().power(source).is_some(), "{source}");
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
            "/var/log/app",
        ] {
            assert_eq!(host().power(source), None, "{source}");
        }
    }
}
