//! `docker-mcp grant LEVEL [GLOB] DURATION`: a person raises a level for a while.

use std::process::ExitCode;
use std::time::Duration;

use crate::config::{Sources, duration, show_duration};
use crate::confirm::{Grant, Grants};
use crate::policy::pattern::Kind;
use crate::policy::{Level, Pattern, PatternSet, Source};
use crate::state::Moment;

use super::persons::{folder, recorded, settings};
use super::{OK, failed, misused, out};

/// A shorter one is over before anybody calls.
const SHORTEST: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// read, lifecycle, exec, create, images, volumes, networks or system; none: list what stands
    level: Option<String>,
    /// [GLOB] DURATION: which containers, and how long ("30m"); at most 24 hours
    #[arg(num_args = 0..=2, value_names = ["GLOB", "DURATION"])]
    rest: Vec<String>,
    /// Take back everything that was granted
    #[arg(long, conflicts_with = "level")]
    end: bool,
}

pub(super) fn run(sources: &Sources, args: &Args) -> ExitCode {
    match try_run(sources, args) {
        Ok(()) => OK,
        Err(code) => code,
    }
}

fn try_run(sources: &Sources, args: &Args) -> Result<(), ExitCode> {
    let grant = wanted(args).map_err(|(why, help)| {
        out::error(&why);
        out::note(&format!("help: {help}"));
        misused()
    })?;
    let settings = settings(sources)?;
    let grants = Grants::at(folder(&settings, "grants")?);
    let fault = |e: std::io::Error| {
        out::error(&e.to_string());
        failed()
    };
    if args.end {
        recorded(&settings, "(grant)", "end of all".to_owned())?;
        let ended = grants.end_all().map_err(fault)?;
        out::line(&format!("{ended} ended"));
        return Ok(());
    }
    let Some(grant) = grant else {
        let (standing, now) = (grants.standing().map_err(fault)?, Moment::now());
        if standing.is_empty() {
            out::line("no level is raised");
        }
        for one in standing {
            let left = Duration::from_secs(one.left(&now).as_secs());
            out::line(&format!("{}, {} left", words(&one), show_duration(left)));
        }
        return Ok(());
    };
    let lasts = show_duration(Duration::from_millis(grant.lasts_ms));
    recorded(&settings, "(grant)", format!("{} for {lasts}", words(&grant)))?;
    grants.give(&grant).map_err(fault)?;
    out::line(&format!("{} for {lasts}; `docker-mcp grant --end` takes it back", words(&grant)));
    Ok(())
}

fn words(grant: &Grant) -> String {
    match &grant.glob {
        Some(glob) => format!("{} for containers `{glob}`", grant.level),
        None => grant.level.clone(),
    }
}

/// What the arguments mean; why they mean nothing, and the next step.
fn wanted(args: &Args) -> Result<Option<Grant>, (String, String)> {
    let Some(level) = &args.level else { return Ok(None) };
    let levels: Vec<&str> = Level::ALL.into_iter().map(Level::name).collect();
    let found = Level::parse(level)
        .ok_or_else(|| (format!("`{level}` is no level"), format!("they are {}", levels.join(", "))))?;
    let usage = "docker-mcp grant exec 'web-*' 30m".to_owned();
    let (glob, time) = match args.rest.as_slice() {
        [time] => (None, time),
        [glob, time] => (Some(glob.clone()), time),
        _ => return Err(("it does not say for how long".into(), usage)),
    };
    if glob.is_some() && !found.takes_globs() {
        let why =
            format!("`{found}` acts on more than containers: a glob of containers would narrow nothing");
        return Err((
            why,
            format!("docker-mcp grant {found} 30m raises all of it; the filters hide what it must not touch"),
        ));
    }
    // In a file a bare number is milliseconds; nobody means that here.
    if time.bytes().all(|b| b.is_ascii_digit()) {
        return Err((format!("`{time}` of what? give a unit: \"30m\""), usage));
    }
    let lasts = duration(time).map_err(|why| (format!("`{time}`: {why}"), usage))?;
    if lasts < SHORTEST || lasts > Grant::LONGEST {
        let help = "for longer, set the level under [permissions]".to_owned();
        return Err((format!("a level is raised for a second to 24 hours, not for `{time}`"), help));
    }
    if let Some(glob) = &glob {
        let pattern = Pattern { text: glob.clone(), source: Source::flag("docker-mcp grant") };
        if let Err(bad) = PatternSet::new(Kind::Name, vec![pattern]) {
            let why = bad.into_iter().next();
            let (message, hint) = why.map(|bad| (bad.message, bad.hint)).unwrap_or_default();
            return Err((message, hint.unwrap_or_else(|| "globs are over container names".into())));
        }
    }
    let lasts_ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    Ok(Some(Grant { level: found.name().to_owned(), glob, since: Moment::now(), lasts_ms }))
}
