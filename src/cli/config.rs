//! `docker-mcp config path|init|check|show`

use std::process::ExitCode;

use serde_json::json;

use crate::config::{Origin, Settings, Sources, load, locate};

use crate::output::{Learned, Redactor};

use super::{OK, failed, init, misused, out};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Where the configuration is, or would be
    Path,
    /// Write one, with absolute folders; what is there stays
    Init(init::Args),
    /// Validate it: every problem at once
    Check,
    /// What is in force, and where each value came from
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Only what is not a default
        #[arg(long)]
        changed: bool,
    },
}

pub(super) fn run(sources: &Sources, command: &Command) -> ExitCode {
    if matches!(command, Command::Path) {
        return path(sources);
    }
    if let Command::Init(args) = command {
        return init::run(sources, args);
    }
    let loaded = match load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => {
            out::problems(&problems.to_string());
            return misused();
        }
    };
    match command {
        Command::Path | Command::Init(_) => OK,
        Command::Check => {
            for warning in &loaded.settings.warnings {
                out::note(&warning.render("warning"));
            }
            for key in without_effect(&loaded.settings) {
                out::note(&format!("note: `{key}` has no effect in this version"));
            }
            match &loaded.path {
                Some(path) => out::line(&format!("{}: fine", path.display())),
                None => out::line("no file; the defaults are in force"),
            }
            OK
        }
        Command::Show { json: as_json, changed } => {
            let described =
                loaded.settings.describe().iter().filter(|d| !changed || d.origin != Origin::Default);
            if *as_json {
                let all = described.map(
                    |d| json!({ "key": d.key, "value": masked(&d.value), "origin": d.origin.to_string() }),
                );
                out::line(&serde_json::Value::Array(all.collect()).to_string());
                return OK;
            }
            if loaded.settings.bypass {
                out::note(
                    "--bypass-permissions: every level is on, filters and guards are off, whatever stands here",
                );
            }
            let rows: Vec<_> =
                described.map(|d| (d.key.clone(), masked(&d.value), d.origin.to_string())).collect();
            let width = rows.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
            for (key, value, origin) in rows {
                out::line(&format!(
                    "{} = {value}  {}",
                    out::bold(&format!("{key:width$}")),
                    out::dim(&format!("# {origin}"))
                ));
            }
            OK
        }
    }
}

/// A value without the password of an address.
fn masked(value: &str) -> String {
    Redactor::default().line(value, &Learned::default())
}

/// Keys whose tools and transports come with later versions. A file may already hold them.
const LATER: &[&str] = &["hosts.", "state.", "fallback."];

/// What the file or the environment sets and this version does not use yet.
pub(super) fn without_effect(settings: &Settings) -> Vec<String> {
    let set = settings.describe().iter().filter(|d| d.origin != Origin::Default);
    let later = |key: &str| {
        LATER.iter().any(|later| match later.split_once('*') {
            Some((before, after)) => key.starts_with(before) && key.ends_with(after),
            None => key.starts_with(later),
        })
    };
    set.filter(|d| later(&d.key)).map(|d| d.key.clone()).collect()
}

fn path(sources: &Sources) -> ExitCode {
    match locate::find(sources) {
        Ok(Some(found)) => out::line(&found.path.display().to_string()),
        Ok(None) => match locate::candidates(sources).into_iter().next() {
            Some(path) => {
                out::line(&path.display().to_string());
                out::note("there is no file yet; the defaults are in force");
            }
            None => {
                out::error("there is no home folder to look in; name a file with --config");
                return failed();
            }
        },
        Err(problem) => {
            out::note(&problem.to_string());
            return misused();
        }
    }
    OK
}
