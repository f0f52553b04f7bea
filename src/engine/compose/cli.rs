//! The compose CLI: which program it is, what its environment holds, and how it is asked something that changes nothing.
//!
//! The plugin of the docker CLI runs by itself as well; so does a `docker-compose` of version 2. Nothing is remembered: a
//! plugin that is installed while we run is found.
//!
//! Its `HOME` is an empty folder: `~` and `${HOME}` in a file would tell of the server's own. Who wants them passes `HOME`
//! by `pass_env`. Files that use it otherwise are refused where it shows ([`super::config`]).

use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout_at};

use crate::child::{self, Child, ExitStatus, Failure, Pipes, Spec, Stdin, Unavailable};
use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::docker_cli::{self, ASKED, NoPlugin};

/// It can be told not to read `.env` from here on.
const OLDEST: (u32, u32) = (2, 24);
/// From here on a network that it made itself, and that is no longer as the file says, is made anew.
const REMAKES_NETWORKS: (u32, u32) = (2, 30);
/// Of what it complains about.
const COMPLAINTS: usize = 64 << 10;
/// Where programs are that it starts: it starts none but for an engine behind ssh.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What it may never do, whatever a file or an environment says.
const NEVER: [(&str, &str); 10] = [
    ("COMPOSE_ANSI", "never"),
    ("COMPOSE_DISABLE_ENV_FILE", "1"),
    ("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "false"),
    ("COMPOSE_EXPERIMENTAL_OCI_REMOTE", "false"),
    // It would name what it finds beside, which the filters may hide.
    ("COMPOSE_IGNORE_ORPHANS", "true"),
    ("COMPOSE_MENU", "false"),
    ("COMPOSE_REMOVE_ORPHANS", "false"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
    ("NO_COLOR", "1"),
];

/// A compose that will do.
#[derive(Debug, Clone)]
pub(super) struct Compose {
    pub program: PathBuf,
    pub version: (u32, u32),
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum NoCompose {
    /// None, or none that will do.
    Missing(String),
    /// It does not start.
    Child(Unavailable),
}

/// Is there a compose that will do?
pub(super) async fn there(budget: &Budget) -> Result<Compose, NoCompose> {
    let plugin = match docker_cli::plugin(budget, "compose").await {
        Ok(plugin) => match judged(&plugin.version) {
            Ok(version) => return Ok(Compose { program: plugin.path, version }),
            Err(why) => format!("the docker CLI's plugin is no such thing: {why}"),
        },
        Err(NoPlugin::Missing) => "`docker` has no compose plugin".to_owned(),
        Err(NoPlugin::Silent) => "`docker info` does not answer".to_owned(),
        Err(NoPlugin::Child(e)) => e.to_string(),
    };
    let asked =
        Spec::new("docker-compose").env("DOCKER_HOST", docker_cli::NOWHERE).args(["version", "--short"]);
    let alone = match child::spawn(asked).await {
        Ok(child) => match child.wait(budget.deadline.min(Instant::now() + ASKED)).await {
            Ok(ended) => judged(ended.stdout.text().trim()),
            Err(Failure::Unavailable(e)) => return Err(NoCompose::Child(e)),
            Err(Failure::TimedOut { .. }) => Err("`docker-compose version` does not answer".to_owned()),
        },
        Err(e @ Unavailable::NotFound(_)) => Err(e.to_string()),
        Err(e) => return Err(NoCompose::Child(e)),
    };
    match alone {
        Ok(version) => Ok(Compose { program: "docker-compose".into(), version }),
        Err(why) => Err(NoCompose::Missing(format!(
            "there is no compose CLI of version {}.{} or later: {plugin}; {why}",
            OLDEST.0, OLDEST.1
        ))),
    }
}

fn judged(said: &str) -> Result<(u32, u32), String> {
    match docker_cli::version(said) {
        Some(version) if version >= OLDEST => Ok(version),
        Some((major, minor)) => Err(format!("it is {major}.{minor}")),
        None => Err("it does not say which version it is".to_owned()),
    }
}

/// What [`closed`] sets, the mark of a child, and what an engine needs: a service that asks for a variable of that name
/// would get ours.
pub(super) fn of_ours(name: &str) -> bool {
    let fixed = ["PATH", "HOME", "PWD", "TMPDIR", "DOCKER_CONFIG", child::VARIABLE];
    fixed.contains(&name)
        || NEVER.iter().any(|(known, _)| *known == name)
        || docker_cli::REACHING.contains(&name)
}

impl Engine {
    /// Does compose make a network anew that is not as the file says? One that is not there makes nothing.
    pub async fn compose_remakes_networks(&self, budget: &Budget) -> bool {
        there(budget).await.is_ok_and(|compose| compose.version >= REMAKES_NETWORKS)
    }
}

impl Compose {
    /// In its own environment. The folder has `home` and `docker`.
    pub(super) fn closed(&self, folder: &Path) -> Spec {
        let spec = Spec::new(&self.program)
            .alone()
            .env("PATH", PATH)
            .env("HOME", folder.join("home"))
            .env("TMPDIR", folder)
            .env("DOCKER_CONFIG", folder.join("docker"))
            .args(["--ansi=never"]);
        NEVER.into_iter().fold(spec, |spec, (name, value)| spec.env(name, value))
    }
}

/// `^[a-z0-9][a-z0-9_.-]*$`
pub(super) fn is_project(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.len() <= 255
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
}

/// `^[a-zA-Z0-9][a-zA-Z0-9._-]*$`
pub(super) fn is_service(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 255
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// What it printed, and how it ended.
pub(super) struct Output {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Why it is of no use.
pub(super) enum NoOutput {
    Child(Unavailable),
    /// It did not end in time, and is being ended.
    Late,
    /// It prints more than anybody reads, and is being ended.
    TooMuch,
}

/// Asks it something that changes nothing: what it reads, and up to `most` bytes of what it prints.
pub(super) async fn output(
    spec: Spec,
    input: Option<Vec<u8>>,
    deadline: Instant,
    most: usize,
) -> Result<Output, NoOutput> {
    let spec = spec.stdin(if input.is_some() { Stdin::Piped } else { Stdin::Null });
    let mut child = child::spawn(spec).await.map_err(NoOutput::Child)?;
    let Some(pipes) = child.pipes() else { return Err(NoOutput::TooMuch) };
    match timeout_at(deadline, talk(&child, pipes, input, most)).await {
        Ok(output) => output.ok_or(NoOutput::TooMuch),
        Err(_) => Err(NoOutput::Late),
    }
}

/// None: it prints too much. Something that it left may hold its pipes open: they have two seconds after its end.
async fn talk(child: &Child, pipes: Pipes, input: Option<Vec<u8>>, most: usize) -> Option<Output> {
    let Pipes { stdin, mut stdout, mut stderr } = pipes;
    let (mut printed, mut complaints) = (Vec::new(), Vec::new());
    let feed = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // It may have heard enough.
            let _closed = stdin.write_all(&input).await;
        }
        Ok(())
    };
    let read = async {
        let _broken = (&mut stdout).take(most as u64 + 1).read_to_end(&mut printed).await;
        if printed.len() > most { Err(()) } else { Ok(()) }
    };
    let complain = async {
        let mut chunk = vec![0; 16 << 10];
        while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
            let room = COMPLAINTS.saturating_sub(complaints.len());
            complaints.extend(chunk.iter().take(read.min(room)));
        }
        Ok(())
    };
    let mut end = child.end();
    let ended_and_drained = async {
        end.wait().await;
        sleep(child::PIPES).await;
    };
    tokio::select! {
        biased;
        all = async { tokio::try_join!(feed, read, complain) } => drop(all.ok()?),
        () = ended_and_drained => {}
    }
    let status = child.end().wait().await;
    Some(Output { status, stdout: printed, stderr: complaints })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_options() {
        for (name, project, service) in [
            ("web", true, true),
            ("Web", false, true),
            ("0a_b.c-d", true, true),
            ("-x", false, false),
            ("--help", false, false),
            ("", false, false),
            ("a b", false, false),
            ("a/b", false, false),
            ("a\n", false, false),
        ] {
            assert_eq!((is_project(name), is_service(name)), (project, service), "{name}");
        }
    }

    #[test]
    fn versions_that_will_do() {
        for (said, will) in [
            ("2.26.1-4", true),
            ("v2.24.6", true),
            ("v5.0.1", true),
            ("2.23.3", false),
            ("1.29.2", false),
            ("", false),
        ] {
            assert_eq!(judged(said).is_ok(), will, "{said}");
        }
    }

    #[test]
    fn what_a_child_has_of_us_is_known() {
        for name in ["PATH", "HOME", "DOCKER_HOST", "SSH_AUTH_SOCK", "DOCKER_MCP_JOB", "NO_COLOR"] {
            assert!(of_ours(name), "{name}");
        }
        assert!(!of_ours("DB_PASSWORD"));
    }
}
