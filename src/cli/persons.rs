//! `docker-mcp pending`, `approve CODE`, `deny CODE`: a person at the host answers what an agent asks for.

use std::process::ExitCode;

use crate::audit::{Decision, Record, Sink};
use crate::config::{Settings, Sources, load, show_duration};
use crate::confirm::{Held, Pending};
use crate::output::sanitise::clean_line;
use crate::state::{Folder, Moment};

use super::{OK, failed, misused, out};

/// How long a person waits for the log.
const LOG: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(super) struct Code {
    /// The code of the held action, as `docker-mcp pending` shows it
    code: String,
    /// Do not ask again on a terminal
    #[arg(long)]
    yes: bool,
}

/// The settings, or the exit code of those who have none.
pub(super) fn settings(sources: &Sources) -> Result<std::sync::Arc<Settings>, ExitCode> {
    load(sources).map(|loaded| loaded.settings).map_err(|problems| {
        out::problems(&problems.to_string());
        misused()
    })
}

/// The folder of that name among our records.
pub(super) fn folder(settings: &Settings, name: &str) -> Result<Folder, ExitCode> {
    settings.records().map(|records| Folder::at(records.join(name))).ok_or_else(|| {
        out::error("there is no home folder to look in; name one in [audit] dir");
        failed()
    })
}

/// Records what a person did, before it counts.
pub(super) fn recorded(settings: &Settings, command: &str, target: String) -> Result<(), ExitCode> {
    let Some(dir) = settings.records().filter(|_| settings.audit.enabled) else { return Ok(()) };
    let sink = Sink::file(dir, settings.audit.retention_days);
    sink.write(Record::of_person(command, &by(), target, Decision::Allowed));
    sink.flush(LOG);
    match sink.fault() {
        Some(why) if settings.audit.required => {
            out::error(&format!("nothing was done: it cannot be recorded: {why}"));
            Err(failed())
        }
        _ => Ok(()),
    }
}

/// Who is at the host: the name is for the reader of the log, and proves nothing.
fn by() -> String {
    let name = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default();
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) && name.len() <= 64;
    if fits && !name.is_empty() { format!("host:{name}") } else { "host".to_owned() }
}

pub(super) fn pending(sources: &Sources) -> ExitCode {
    let listed = settings(sources).and_then(|settings| {
        Held::at(folder(&settings, "held")?).pending().map_err(|e| {
            out::error(&e.to_string());
            failed()
        })
    });
    match listed {
        Err(code) => code,
        Ok(open) if open.is_empty() => {
            out::line("nothing waits for a person");
            OK
        }
        Ok(open) => {
            let now = Moment::now();
            for (code, one) in open {
                let left = std::time::Duration::from_secs(one.left(&now).as_secs());
                out::line(&format!(
                    "{}  {} asks, {} left",
                    out::bold(&code),
                    clean_line(&one.asked.caller),
                    show_duration(left)
                ));
                show(&one);
            }
            out::note("docker-mcp approve CODE, or docker-mcp deny CODE");
            OK
        }
    }
}

fn show(one: &Pending) {
    out::line(&format!("  {} {}", clean_line(&one.asked.tool), clean_line(&one.asked.arguments)));
    out::line(&format!("    at {}", clean_line(&one.asked.engine)));
    for line in &one.asked.would_change {
        out::line(&format!("    {}", clean_line(line)));
    }
}

pub(super) fn answer(sources: &Sources, code: &Code, approves: bool) -> ExitCode {
    match try_answer(sources, code, approves) {
        Ok(()) => {
            out::line(if approves {
                "approved: the agent gets it when it repeats the very same call"
            } else {
                "denied"
            });
            OK
        }
        Err(code) => code,
    }
}

fn try_answer(sources: &Sources, Code { code, yes }: &Code, approves: bool) -> Result<(), ExitCode> {
    let settings = settings(sources)?;
    let held = Held::at(folder(&settings, "held")?);
    let fault = |e: std::io::Error| {
        out::error(&e.to_string());
        failed()
    };
    let unknown = || {
        out::error(
            "no held action has this code: it was answered, its time is over, or another configuration's server holds it",
        );
        out::note("help: `docker-mcp pending` lists what waits");
        failed()
    };
    let wanted = code.trim().to_ascii_lowercase();
    let open = held.pending().map_err(fault)?;
    let (_, one) = open.into_iter().find(|(code, _)| *code == wanted).ok_or_else(unknown)?;
    // The code came from the agent's own words: what it stands for is seen before it is allowed.
    show(&one);
    if approves && !yes && out::is_watched() && !out::confirms("Allow this?") {
        out::note("nothing was said, it still waits; --yes does not ask");
        return Err(failed());
    }
    let command = if approves { "(approve)" } else { "(deny)" };
    recorded(&settings, command, format!("{} {wanted} of {}", one.asked.tool, one.asked.caller))?;
    held.answer(&wanted, approves).map_err(fault)?.map(drop).ok_or_else(unknown)
}
