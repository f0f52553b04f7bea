//! The usual places of a socket, tried in order when nothing names one.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::super::endpoint::{DEFAULT_SOCKET, Endpoint};
use super::{Discovered, Env};

/// Below the home folder.
const IN_HOME: [(&str, &str); 8] = [
    (".docker/run/docker.sock", "Docker Desktop"),
    (".docker/desktop/docker.sock", "Docker Desktop"),
    (".colima/default/docker.sock", "Colima"),
    (".config/colima/default/docker.sock", "Colima"),
    (".colima/docker.sock", "Colima"),
    (".orbstack/run/docker.sock", "OrbStack"),
    (".rd/docker.sock", "Rancher Desktop"),
    (".lima/docker/sock/docker.sock", "Lima"),
];

/// The first that is a socket; if none is, the default, so that the error names it.
pub(super) fn usual(env: &Env) -> Discovered {
    let found = candidates(env).into_iter().find(|(path, _)| is_socket(path));
    let (path, why) = found.unwrap_or_else(|| (DEFAULT_SOCKET.into(), "default socket, none found"));
    Discovered { endpoint: Endpoint::Unix(path), why: why.to_owned() }
}

fn candidates(env: &Env) -> Vec<(PathBuf, &'static str)> {
    let at = |path: &str| {
        env.root.join(if env.root.as_os_str().is_empty() { path } else { path.trim_start_matches('/') })
    };
    let mut runtime_dirs: Vec<PathBuf> = env.get("XDG_RUNTIME_DIR").map(PathBuf::from).into_iter().collect();
    runtime_dirs.extend(env.uid.map(|uid| at(&format!("/run/user/{uid}"))));

    let mut places = vec![(at(DEFAULT_SOCKET), "default socket")];
    places.extend(runtime_dirs.iter().map(|dir| (dir.join("docker.sock"), "rootless socket")));
    if let Some(home) = &env.home {
        places.extend(IN_HOME.iter().map(|(path, why)| (home.join(path), *why)));
    }
    places.extend(runtime_dirs.iter().map(|dir| (dir.join("podman/podman.sock"), "Podman")));
    if let Some(home) = &env.home {
        places.push((home.join(".local/share/containers/podman/machine/podman.sock"), "Podman"));
    }
    places.push((at("/run/podman/podman.sock"), "Podman"));
    places.retain(|(path, _)| path.is_absolute());
    places
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}
