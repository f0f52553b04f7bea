//! The command line of buildx, its environment, and the folder with what it is given.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tempfile::TempDir;
use tokio::time::Instant;

use crate::child::{self, Failure, Spec};
use crate::engine::budget::Budget;
use crate::engine::endpoint::{Endpoint, TlsFiles};

use super::{NotBuilt, Plan};

/// Its progress can be read from here on.
const OLDEST: (u32, u32) = (0, 13);
/// To say which version it is.
const ASKED: Duration = Duration::from_secs(10);

/// A child that is ready to be started.
pub(super) struct Job {
    pub spec: Spec,
    /// Where it writes the image's id.
    pub id_file: PathBuf,
    /// Removed when the build has ended.
    pub folder: TempDir,
}

/// Is there a docker with a buildx that will do?
pub(super) async fn there(budget: &Budget) -> Result<(), NotBuilt> {
    let child = child::spawn(closed().args(["buildx", "version"])).await?;
    let ended = match child.wait(budget.deadline.min(Instant::now() + ASKED)).await {
        Ok(ended) => ended,
        Err(Failure::Unavailable(e)) => return Err(e.into()),
        Err(Failure::TimedOut { .. }) => {
            return Err(NotBuilt::NoBuildx("`docker buildx version` does not answer".into()));
        }
    };
    let said = ended.stdout.text();
    if !ended.status.is_some_and(|status| status.success()) {
        return Err(NotBuilt::NoBuildx("`docker` has no buildx".into()));
    }
    match version(&said) {
        Some(version) if version >= OLDEST => Ok(()),
        Some((major, minor)) => {
            Err(NotBuilt::NoBuildx(format!("buildx is {major}.{minor}; 0.13 is the oldest")))
        }
        None => Err(NotBuilt::NoBuildx("`docker buildx version` says something else".into())),
    }
}

/// `github.com/docker/buildx v0.13.1 a1b2c3`
fn version(said: &str) -> Option<(u32, u32)> {
    let word = said.split_whitespace().nth(1)?;
    let mut parts = word.strip_prefix('v').unwrap_or(word).split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The docker CLI in an environment that leads it nowhere else.
fn closed() -> Spec {
    Spec::new("docker").inherit("DOCKER_CONFIG").env("GIT_TERMINAL_PROMPT", "0").env("NO_COLOR", "1")
}

/// Writes what buildx reads into a folder of ours, and puts its command line together.
pub(super) async fn prepare(endpoint: &Endpoint, tags: Vec<String>, plan: Plan) -> Result<Job, NotBuilt> {
    let endpoint = endpoint.clone();
    let prepared = tokio::task::spawn_blocking(move || {
        let folder = write(&endpoint, &plan).map_err(|e| NotBuilt::Host(e.to_string()))?;
        let spec = reaching(closed(), &endpoint, folder.path())?;
        let id_file = folder.path().join("id");
        let spec = spec
            .env("BUILDX_CONFIG", folder.path().join("buildx"))
            // It would run git in the context, whose configuration can name programs.
            .env("BUILDX_GIT_INFO", "false")
            .env("BUILDX_GIT_LABELS", "false")
            .args(line(&tags, &plan, folder.path(), &id_file));
        Ok(Job { spec, id_file, folder })
    });
    prepared.await.map_err(|e| NotBuilt::Host(e.to_string()))?
}

fn write(endpoint: &Endpoint, plan: &Plan) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("docker-mcp-build-").tempdir()?;
    let file = folder.path().join("file");
    fs::create_dir(&file)?;
    fs::create_dir(folder.path().join("buildx"))?;
    fs::write(file.join("Dockerfile"), &plan.dockerfile)?;
    if let Some(ignore) = &plan.ignore {
        fs::write(file.join("Dockerfile.dockerignore"), ignore)?;
    }
    if let Endpoint::Tls { material: TlsFiles { ca, cert, key, .. }, .. } = endpoint {
        let tls = folder.path().join("tls");
        fs::create_dir(&tls)?;
        for (name, path) in [("ca.pem", ca), ("cert.pem", cert), ("key.pem", key)] {
            if let Some(path) = path {
                std::os::unix::fs::symlink(path, tls.join(name))?;
            }
        }
    }
    Ok(folder)
}

/// Our engine, and no other.
fn reaching(spec: Spec, endpoint: &Endpoint, folder: &Path) -> Result<Spec, NotBuilt> {
    match endpoint {
        Endpoint::Tls { material, .. } if !material.verify || material.server_name.is_some() => {
            Err(NotBuilt::Endpoint("buildx takes no other name for the engine's certificate"))
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

fn line(tags: &[String], plan: &Plan, folder: &Path, id_file: &Path) -> Vec<std::ffi::OsString> {
    let network = if plan.networked { "default" } else { "none" };
    let mut words: Vec<std::ffi::OsString> =
        ["buildx", "build", "--builder", "default", "--progress", "rawjson"]
            .into_iter()
            .chain(["--provenance", "false", "--sbom", "false", "--network", network])
            .map(Into::into)
            .collect();
    let mut pair = |flag: &str, value: &std::ffi::OsStr| {
        words.push(flag.into());
        words.push(value.into());
    };
    for tag in tags {
        pair("--tag", tag.as_ref());
    }
    for (key, value) in &plan.build_args {
        pair("--build-arg", format!("{key}={value}").as_ref());
    }
    if let Some(target) = &plan.target {
        pair("--target", target.as_ref());
    }
    if let Some(platform) = &plan.platform {
        pair("--platform", platform.as_ref());
    }
    pair("--iidfile", id_file.as_ref());
    pair("--file", folder.join("file").join("Dockerfile").as_ref());
    if plan.no_cache {
        words.push("--no-cache".into());
    }
    words.push("--".into());
    words.push(plan.context.clone().into());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_makers() {
        for (said, want) in [
            ("github.com/docker/buildx v0.17.1 257815a6fbaee88976808020bf04274388275ae8", Some((0, 17))),
            ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3\n", Some((0, 13))),
            ("nonsense", None),
        ] {
            assert_eq!(version(said), want, "{said}");
        }
    }

    #[test]
    fn the_command_line_names_one_engine_one_builder_and_what_was_decided_on() {
        let plan = Plan { context: "/src/-x".into(), no_cache: true, ..Plan::default() };
        let words = line(&["a:1".to_owned()], &plan, Path::new("/t"), Path::new("/t/id"));
        let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
        assert_eq!(
            words.join(" "),
            "buildx build --builder default --progress rawjson --provenance false --sbom false \
            --network none --tag a:1 --iidfile /t/id --file /t/file/Dockerfile --no-cache -- /src/-x"
        );
    }
}
