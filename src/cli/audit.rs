//! `docker-mcp audit`: reads the log, and proves it.

use std::process::ExitCode;

use globset::{Glob, GlobMatcher};
use jiff::Timestamp;

use crate::audit::read::{Entry, Line, Proof, each, verify};
use crate::config::Sources;
use crate::output::sanitise::clean_line;
use crate::tool::time::Moment;

use super::persons::settings;
use super::{OK, failed, misused, out};

#[derive(Debug, clap::Args)]
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

/// What is asked for.
struct Query {
    since: Option<Timestamp>,
    tool: Option<GlobMatcher>,
    target: Option<GlobMatcher>,
    caller: Option<GlobMatcher>,
    outcome: Option<String>,
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
    let query = match Query::of(args) {
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

impl Query {
    fn of(args: &Args) -> Result<Self, (&'static str, String)> {
        // `*` alone means something, as in the configuration.
        let glob = |option, text: &Option<String>| {
            let parts =
                text.as_ref().map(|text| text.split('*').map(globset::escape).collect::<Vec<_>>().join("*"));
            let glob = parts.map(|glob| Glob::new(&glob).map(|glob| glob.compile_matcher()));
            glob.transpose().map_err(|e| (option, e.to_string()))
        };
        let since = args.since.as_deref().map(|text| {
            let nanos = Moment::parse(text).map(|at| at.nanos(Timestamp::now().as_nanosecond()));
            nanos.and_then(|nanos| Timestamp::from_nanosecond(nanos).ok()).ok_or_else(|| {
                ("since", format!("{text:?} is no time: \"24h\", \"2026-01-31\", \"2026-01-31T12:00:00Z\""))
            })
        });
        Ok(Self {
            since: since.transpose()?,
            tool: glob("tool", &args.tool)?,
            target: glob("target", &args.target)?,
            caller: glob("caller", &args.caller)?,
            outcome: args.outcome.clone(),
        })
    }

    fn wants(&self, entry: &Entry) -> bool {
        let fits =
            |glob: &Option<GlobMatcher>, text: &str| glob.as_ref().is_none_or(|glob| glob.is_match(text));
        self.since.is_none_or(|since| entry.ts >= since)
            && fits(&self.tool, &entry.tool)
            && fits(&self.caller, &entry.caller)
            && (self.target.is_none() || entry.target.iter().any(|target| fits(&self.target, target)))
            && self.outcome.as_ref().is_none_or(|word| *word == entry.outcome || *word == entry.decision)
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
