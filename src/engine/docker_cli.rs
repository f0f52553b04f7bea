//! The docker CLI's plugins as children of ours: where they are, and an environment that leads them to one engine and
//! shows them no credentials.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::child::{self, Failure, Spec, Unavailable};

use super::budget::Budget;
use super::discover::{self, Env};
use super::endpoint::{Endpoint, TlsFiles};

/// To say which version it is.
pub(super) const ASKED: Duration = Duration::from_secs(10);

/// A plugin of the docker CLI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plugin {
    /// As it calls itself.
    pub version: String,
    pub path: PathBuf,
}

/// Why none is known.
#[derive(Debug)]
pub(super) enum NoPlugin {
    /// `docker` does not start.
    Child(Unavailable),
    /// It does not answer.
    Silent,
    /// It has none of that name.
    Missing,
}

/// Asks the docker CLI for a plugin of its own: what it alone knows, and asks no engine for.
pub(super) async fn plugin(budget: &Budget, name: &str) -> Result<Plugin, NoPlugin> {
    let which = format!(
        "{{{{range .ClientInfo.Plugins}}}}{{{{if eq .Name \"{name}\"}}}}{{{{.Version}}}} {{{{.Path}}}}{{{{end}}}}{{{{end}}}}"
    );
    let asked = closed()
        .inherit("DOCKER_CONFIG")
        // No context of its configuration is opened either.
        .env("DOCKER_HOST", NOWHERE)
        .args(["info", "--format", &which]);
    let child = child::spawn(asked).await.map_err(NoPlugin::Child)?;
    let ended = match child.wait(budget.deadline.min(Instant::now() + ASKED)).await {
        Ok(ended) => ended,
        Err(Failure::Unavailable(e)) => return Err(NoPlugin::Child(e)),
        Err(Failure::TimedOut { .. }) => return Err(NoPlugin::Silent),
    };
    let said = ended.stdout.text();
    let (version, path) = said.trim().split_once(' ').ok_or(NoPlugin::Missing)?;
    Ok(Plugin { version: version.to_owned(), path: path.into() })
}

/// An engine that is none, for what needs none.
pub(super) const NOWHERE: &str = "unix:///dev/null";

/// `v0.13.1`, `2.26.1-4`
pub(super) fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.strip_prefix('v').unwrap_or(said).split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The docker CLI in an environment that leads it nowhere else.
pub(super) fn closed() -> Spec {
    Spec::new("docker").env("GIT_TERMINAL_PROMPT", "0").env("NO_COLOR", "1")
}

/// A configuration of docker without credentials: a plugin would show them to whatever registry it is led to. With the
/// proxies of the caller's own where `proxies` says so.
pub(super) fn configure(folder: &Path, proxies: bool) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let own = Env::of_process().config_dir().map(|dir| dir.join("config.json"));
    let own = own.filter(|_| proxies).and_then(|path| discover::read_small(&path).ok());
    let own: Value = own.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let config = match own.get("proxies") {
        Some(proxies) => json!({ "proxies": proxies }),
        None => json!({}),
    };
    fs::write(folder.join("config.json"), config.to_string())
}

/// The certificates that it needs for our engine, under the names that it knows.
pub(super) fn certificates(endpoint: &Endpoint, folder: &Path) -> io::Result<()> {
    let Endpoint::Tls { material: TlsFiles { ca, cert, key, .. }, .. } = endpoint else { return Ok(()) };
    let tls = folder.join("tls");
    fs::create_dir(&tls)?;
    for (name, path) in [("ca.pem", ca), ("cert.pem", cert), ("key.pem", key)] {
        if let Some(path) = path {
            symlink(path, tls.join(name))?;
        }
    }
    Ok(())
}

/// The CLI cannot be told to expect another name in the engine's certificate, or to check none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OtherName;

/// What [`reaching`] may set, beside what [`Spec`] sets: whoever reads the environment finds no more of us there.
pub(super) const REACHING: &[&str] = &[
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "SSH_AUTH_SOCK",
    "KRB5CCNAME",
    "SSH_ASKPASS_REQUIRE",
];

/// Our engine, and no other. The certificates are in that folder.
pub(super) fn reaching(spec: Spec, endpoint: &Endpoint, folder: &Path) -> Result<Spec, OtherName> {
    match endpoint {
        Endpoint::Tls { material, .. } if !material.verify || material.server_name.is_some() => {
            Err(OtherName)
        }
        Endpoint::Tls { host, port, .. } => Ok(spec
            .env("DOCKER_HOST", Endpoint::Tcp { host: host.clone(), port: *port }.to_string())
            .env("DOCKER_TLS_VERIFY", "1")
            .env("DOCKER_CERT_PATH", folder.join("tls"))),
        Endpoint::Ssh { .. } => Ok(spec
            .env("DOCKER_HOST", endpoint.to_string())
            .inherit("SSH_AUTH_SOCK")
            .inherit("KRB5CCNAME")
            .env("SSH_ASKPASS_REQUIRE", "never")),
        Endpoint::Unix(_) | Endpoint::Tcp { .. } => Ok(spec.env("DOCKER_HOST", endpoint.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_makers() {
        for (said, want) in [
            ("v0.17.1", Some((0, 17))),
            ("0.13.1+ds1", Some((0, 13))),
            ("2.26.1-4", Some((2, 26))),
            ("v5.0.0-rc.1", Some((5, 0))),
            ("nonsense", None),
        ] {
            assert_eq!(version(said), want, "{said}");
        }
    }

    #[test]
    fn it_is_led_to_our_engine_alone() {
        let seen = |endpoint: &Endpoint| reaching(closed(), endpoint, Path::new("/f"));
        let tls = |material| Endpoint::Tls { host: "h".into(), port: 1, material };
        assert!(seen(&Endpoint::Unix("/s".into())).is_ok() && seen(&tls(TlsFiles::default())).is_ok());
        let named = TlsFiles { server_name: Some("x".into()), ..TlsFiles::default() };
        let unchecked = TlsFiles { verify: false, ..TlsFiles::default() };
        assert!([named, unchecked].into_iter().all(|material| seen(&tls(material)).is_err()));
    }
}
