//! `docker-mcp config init`: writes a configuration that says what it does.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use crate::config::{Base, Sources, load, locate};
use crate::state;

use super::{OK, failed, misused, out};

/// Stands in the examples for the folder where `init` runs.
const ROOT: &str = "\"/srv/project\"";
const EVERYTHING: &str = include_str!("../../config.example.toml");

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to begin with; without it every key with its default
    #[arg(long, value_name = "PRESET")]
    preset: Option<Preset>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// Sees everything, changes nothing
    ReadOnly,
    /// Your own machine: everything on, losses are previewed
    Developer,
    /// Machines that serve: restarts and looks, a person allows losses
    Operator,
    /// A shared machine: every change is confirmed
    Team,
}

impl Preset {
    const fn text(self) -> &'static str {
        match self {
            Self::ReadOnly => include_str!("../../examples/configs/read-only.toml"),
            Self::Developer => include_str!("../../examples/configs/developer.toml"),
            Self::Operator => include_str!("../../examples/configs/operator.toml"),
            Self::Team => include_str!("../../examples/configs/team.toml"),
        }
    }
}

pub(super) fn run(sources: &Sources, args: &Args) -> ExitCode {
    match try_run(sources, args) {
        Ok(path) => checked(sources, path),
        Err((why, help)) => {
            out::error(&why);
            out::note(&format!("help: {help}"));
            failed()
        }
    }
}

/// Writes it, and nothing over something.
fn try_run(sources: &Sources, args: &Args) -> Result<PathBuf, (String, String)> {
    let candidates = locate::candidates(sources);
    let named = sources.config.clone().or_else(|| {
        let named = sources.env.iter().find(|(name, path)| name == locate::VARIABLE && !path.is_empty());
        named.map(|(_, path)| PathBuf::from(path))
    });
    let path = named.clone().or_else(|| candidates.first().cloned()).ok_or_else(|| {
        ("there is no home folder to write it in".to_owned(), "name a file with --config".to_owned())
    })?;
    if path.extension().is_none_or(|e| e != "toml") {
        let help = "name a file that ends with .toml: only there can comments stand";
        return Err((format!("`{}` is no TOML by its name", path.display()), help.to_owned()));
    }
    // Two files at the default places would be an error from then on.
    let there = if named.is_some() { vec![path.clone()] } else { candidates };
    if let Some(there) = there.iter().find(|path| path.symlink_metadata().is_ok()) {
        let help = "move it away, or name another file with --config".to_owned();
        return Err((format!("`{}` is there already, and stays as it is", there.display()), help));
    }
    let text = args.preset.map_or(EVERYTHING, Preset::text);
    let text =
        if args.preset.is_none() { text.replace("[\".\"]", &format!("[{ROOT}]")) } else { text.to_owned() };
    let text = if text.contains(ROOT) { text.replace(ROOT, &root(sources)?) } else { text };
    write(&path, &text).map_err(|e| {
        (format!("`{}` cannot be written: {e}", path.display()), "name another file with --config".to_owned())
    })?;
    Ok(path)
}

/// Where it runs, as TOML writes it: whoever starts the server later may start it anywhere.
fn root(sources: &Sources) -> Result<String, (String, String)> {
    let help = || "run this in your project's folder".to_owned();
    let here =
        std::env::current_dir().map_err(|e| (format!("the current folder is unknown: {e}"), help()))?;
    let base = Base { home: sources.home.clone(), cwd: None };
    // As a root it would give away more than was asked for.
    if let Some(what) = base.too_wide(&here) {
        return Err((format!("`{}` is {what}: nothing was written", here.display()), help()));
    }
    match here.to_str() {
        Some(text) => Ok(toml::Value::String(text.to_owned()).to_string()),
        None => Err((format!("the name of `{}` is no UTF-8", here.display()), help())),
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        state::make_dir(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// It is held against the same reader as at the start: a folder that may be no root is said now.
fn checked(sources: &Sources, path: PathBuf) -> ExitCode {
    let sources = Sources { config: Some(path.clone()), ..sources.clone() };
    match load(&sources) {
        Ok(loaded) => {
            for warning in &loaded.settings.warnings {
                out::note(&warning.render("warning"));
            }
            out::line(&format!("{}: written", path.display()));
            out::note("next: read it, then `docker-mcp doctor`");
            OK
        }
        // The file is as it should be: something beside it is not.
        Err(problems) => {
            out::problems(&problems.to_string());
            misused()
        }
    }
}
