//! The command line of buildx, its environment, and the folder with what it is given.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use hyper::body::Bytes;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use crate::child::{Spec, Stdin};
use crate::engine::budget::Budget;
use crate::engine::docker_cli::{self, NoPlugin, Plugin};
use crate::engine::endpoint::Endpoint;
use crate::engine::error::{Clock, EngineError};
use crate::engine::scratch::Scratch;
use crate::guard::build::ignore::Ignore;

use super::tar::Tar;
use super::{Folder, NotBuilt, Plan, Unread};

/// Its progress can be read from here on.
const OLDEST: (u32, u32) = (0, 13);

/// A child that is ready to be started.
pub(super) struct Job {
    pub spec: Spec,
    /// The context that it reads from its stdin; else it has a copy in the folder.
    pub context: Option<Context>,
    /// Where it writes the image's id.
    pub id_file: PathBuf,
    /// Removed when the build has ended.
    pub folder: Scratch,
}

/// What is sent, and how.
pub(super) struct Context {
    folder: Arc<Folder>,
    ignore: Ignore,
    file: String,
    dockerfile: String,
}

impl Context {
    /// Begins to read it, as a tar. What could not be read comes last.
    pub(super) fn pieces(self) -> mpsc::Receiver<io::Result<Bytes>> {
        let (pieces, read) = mpsc::channel(8);
        tokio::task::spawn_blocking(move || {
            let tar = Tar(pieces);
            if let Err(why) = tar.write(&self.folder, &self.ignore, &[(&self.file, &self.dockerfile)]) {
                let _gone = tar.0.blocking_send(Err(io::Error::other(why.to_string())));
            }
        });
        read
    }
}

/// Where the plugin of the docker CLI is.
pub(super) struct Buildx(PathBuf);

/// Is there a docker with a buildx that will do?
pub(super) async fn there(budget: &Budget) -> Result<Buildx, NotBuilt> {
    let missing = |why: &str| NotBuilt::NoBuildx(why.to_owned());
    let Plugin { version, path } = docker_cli::plugin(budget, "buildx").await.map_err(|why| match why {
        NoPlugin::Child(e) => e.into(),
        NoPlugin::Silent => missing("`docker info` does not answer"),
        NoPlugin::Missing => missing("`docker` has no buildx"),
    })?;
    match docker_cli::version(&version) {
        Some(version) if version >= OLDEST => Ok(Buildx(path)),
        Some((major, minor)) => {
            Err(NotBuilt::NoBuildx(format!("buildx is {major}.{minor}; 0.13 is the oldest")))
        }
        None => Err(missing("`docker info` says something else of buildx")),
    }
}

/// Writes what buildx reads into a folder of ours, and puts its command line together.
pub(super) async fn prepare(
    (budget, cancel): (&Budget, &CancellationToken),
    endpoint: &Endpoint,
    tags: Vec<String>,
    plan: Plan,
    program: Buildx,
) -> Result<Job, NotBuilt> {
    let endpoint = endpoint.clone();
    // Dropped with this call: nobody copies for one that is gone.
    let stop = cancel.child_token();
    let _stops = stop.clone().drop_guard();
    let prepared = tokio::task::spawn_blocking(move || job(&endpoint, &tags, plan, &program, &stop));
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(EngineError::Withdrawn.into()),
        () = sleep_until(budget.deadline) => {
            Err(EngineError::Timeout { clock: Clock::Total, limit: budget.total }.into())
        }
        prepared = prepared => prepared.map_err(|e| NotBuilt::Host(e.to_string()))?,
    }
}

fn job(
    endpoint: &Endpoint,
    tags: &[String],
    plan: Plan,
    program: &Buildx,
    stop: &CancellationToken,
) -> Result<Job, NotBuilt> {
    let ignore = Ignore::parse(&plan.leaves_out)
        .ok_or_else(|| NotBuilt::Host("the list of what is left out cannot be read".into()))?;
    let folder = write(endpoint, &plan, program).map_err(|e| NotBuilt::Host(e.to_string()))?;
    // From a tar it takes its Dockerfile, too, and with it what a step copies. `-` would be its own stdin.
    let piped = !ignore.leaves_out(&plan.file) && plan.file != "-";
    let (context, file) = (folder.path().join("context"), folder.path().join("file").join("Dockerfile"));
    let from = match piped {
        true => (Path::new("-"), Path::new(&plan.file)),
        false => (context.as_path(), file.as_path()),
    };
    if !piped {
        super::copy::copy(&plan.context, &ignore, from.0, stop).map_err(|why| match why {
            Unread::Untaken(why) => NotBuilt::Host(why.to_string()),
            why => NotBuilt::Context(why),
        })?;
    }
    let spec = match plan.trusted {
        true => docker_cli::closed().inherit("DOCKER_CONFIG"),
        false => docker_cli::closed().env("DOCKER_CONFIG", folder.path().join("docker")),
    };
    let id_file = folder.path().join("id");
    let spec = docker_cli::reaching(spec, endpoint, folder.path())
        .map_err(|_| NotBuilt::Endpoint("buildx takes no other name for the engine's certificate"))?
        .env("BUILDX_CONFIG", folder.path().join("buildx"))
        // It would run git in the context, whose configuration can name programs.
        .env("BUILDX_GIT_INFO", "false")
        .env("BUILDX_GIT_LABELS", "false")
        .stdin(if piped { Stdin::Piped } else { Stdin::Null })
        .args(line(tags, &plan, from, &id_file));
    let Plan { context, file, dockerfile, .. } = plan;
    let context = piped.then_some(Context { folder: context, ignore, file, dockerfile });
    Ok(Job { spec, context, id_file, folder })
}

fn write(endpoint: &Endpoint, plan: &Plan, program: &Buildx) -> io::Result<Scratch> {
    let folder = Scratch::new("build")?;
    configure(&folder.path().join("docker"), plan.networked, program)?;
    let file = folder.path().join("file");
    fs::create_dir(&file)?;
    fs::create_dir(folder.path().join("buildx"))?;
    fs::write(file.join("Dockerfile"), &plan.dockerfile)?;
    if let Some(ignore) = &plan.ignore {
        fs::write(file.join("Dockerfile.dockerignore"), ignore)?;
    }
    docker_cli::certificates(endpoint, folder.path())?;
    Ok(folder)
}

/// Steps that reach the network may need our proxies for it.
fn configure(folder: &Path, networked: bool, Buildx(program): &Buildx) -> io::Result<()> {
    docker_cli::configure(folder, networked)?;
    fs::create_dir_all(folder.join("cli-plugins"))?;
    std::os::unix::fs::symlink(program, folder.join("cli-plugins/docker-buildx"))
}

fn line(
    tags: &[String],
    plan: &Plan,
    (context, file): (&Path, &Path),
    id_file: &Path,
) -> Vec<std::ffi::OsString> {
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
    pair("--file", file.as_ref());
    if plan.no_cache {
        words.push("--no-cache".into());
    }
    words.push("--".into());
    words.push(context.into());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_one_engine_one_builder_and_what_was_decided_on() {
        let plan = Plan {
            context: Arc::new(Folder::open(Path::new("/")).unwrap()),
            file: "-x/File".to_owned(),
            dockerfile: String::new(),
            ignore: None,
            leaves_out: String::new(),
            buildkit: false,
            build_args: std::collections::BTreeMap::new(),
            target: None,
            platform: None,
            no_cache: true,
            networked: false,
            trusted: false,
        };
        let from = (Path::new("-"), Path::new(&plan.file));
        let words = line(&["a:1".to_owned()], &plan, from, Path::new("/t/id"));
        let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
        assert_eq!(
            words.join(" "),
            "buildx build --builder default --progress rawjson --provenance false --sbom false \
            --network none --tag a:1 --iidfile /t/id --file -x/File --no-cache -- -"
        );
    }
}
