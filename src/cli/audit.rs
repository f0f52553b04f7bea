//! `docker-mcp audit`: reads the log, and proves it.

use std::process::ExitCode;

use crate::audit::query::Query;
use crate::audit::read::{Entry, Line, Proof, each, verify};
use crate::config::Sources;
use crate::output::sanitise::clean_line;
use crate::tool::context::Lookup;

use super::persons::settings;
use super::{OK, failed, misused, out};

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// From when on: "24h", "2026-01-31", or a timestamp
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// A tool's name; `*` is any run of characters
    #[arg(long, value_name = "GLOB")]
    tool: Option<String>,
    /// What was acted on, as the log names it
    #[arg(long, value_name = "GLOB")]
    target: Option<String>,
    /// ok, failed, denied, preview, intent, done, none, unknown, reconciled, ...
    #[arg(long, value_name = "WORD")]
    outcome: Option<String>,
    /// Who called
    #[arg(long, value_name = "GLOB")]
    caller: Option<String>,
    /// Print the lines as they stand in the files
    #[arg(long)]
    json: bool,
    /// Prove that no line was changed, and that none is missing in between
    #[arg(long, conflicts_with_all = ["since", "tool", "target", "outcome", "caller", "json"])]
    verify: bool,
}

pub(super) fn run(sources: &Sources, args: &Args) -> ExitCode {
    let settings = match settings(sources) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let Some(dir) = settings.records() else {
        out::error("there is no home folder that the log could be in; name one in [audit] dir");
        return failed();
    };
    let query = match args.query() {
        Ok(query) => query,
        Err((option, why)) => {
            out::error(&format!("--{option}: {why}"));
            return misused();
        }
    };
    let fault = |e: std::io::Error| {
        out::error(&format!("{}: {e}", dir.display()));
        failed()
    };
    if args.verify {
        return verify(&dir).map_or_else(fault, |proof| told(&proof, &dir.display().to_string()));
    }
    let (mut shown, mut unread) = (0, 0);
    let read = each(&dir, query.since, |line| match Entry::of(&line) {
        Some(entry) if query.wants(&entry) => {
            if shown == 0 && !args.json {
                out::line(&out::heading(&row(["TIME", "CALLER", "TOOL", "OUTCOME", "MS", "TARGET"])));
            }
            shown += 1;
            show(&line, &entry, args.json);
        }
        Some(_) => {}
        None => unread += usize::from(!line.bytes.is_empty()),
    });
    if let Err(e) = read {
        return fault(e);
    }
    if unread > 0 {
        out::note(&format!("{unread} lines could not be read; `docker-mcp audit --verify` says which"));
    }
    if shown == 0 {
        out::note(&format!("no line of {} fits", dir.display()));
    }
    OK
}

impl Args {
    fn query(&self) -> Result<Query, (&'static str, String)> {
        let Self { since, tool, target, outcome, caller, .. } = self.clone();
        Query::of(&Lookup { since, tool, target, caller, status: outcome, limit: 0 })
    }
}

fn row(cells: [&str; 6]) -> String {
    let [time, caller, tool, outcome, ms, target] = cells;
    format!("{time:<20}  {caller:<14}  {tool:<26}  {outcome:<20}  {ms:>6}  {target}").trim_end().to_owned()
}

fn show(line: &Line, entry: &Entry, json: bool) {
    if json {
        return out::line(&clean_line(&String::from_utf8_lossy(&line.bytes)));
    }
    let time = format!("{:.0}", entry.ts);
    let outcome = match (&entry.error_kind, entry.decision.as_str()) {
        (Some(kind), _) => kind,
        (None, word @ ("denied" | "preview")) => word,
        (None, _) => &entry.outcome,
    };
    let mut target = entry.target.join(" ");
    if let Some(rule) = &entry.rule {
        target = format!("{target}  ({rule})");
    }
    let (caller, tool, target) = (clean_line(&entry.caller), clean_line(&entry.tool), clean_line(&target));
    out::line(&row([&time, &caller, &tool, &clean_line(outcome), &entry.duration_ms.to_string(), &target]));
}

fn told(proof: &Proof, dir: &str) -> ExitCode {
    for (place, what) in &proof.notes {
        out::note(&format!("{}: {}", clean_line(place), clean_line(what)));
    }
    for (place, what) in &proof.faults {
        out::error(&format!("{}: {}", clean_line(place), clean_line(what)));
    }
    if proof.lines == 0 && proof.faults.is_empty() {
        out::line(&format!("there is no line in {dir}: nothing to prove"));
        return OK;
    }
    if proof.faults.is_empty() {
        out::line(&format!("{} lines of {} processes in {dir}: every chain holds", proof.lines, proof.boots));
        OK
    } else {
        out::note("help: keep a copy of the folder; what is changed or missing was so after it was written");
        failed()
    }
}
