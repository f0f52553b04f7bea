//! One file a subcommand. Exit codes: 0 fine, 1 refused or failed, 2 usage or configuration.

mod audit;
mod call;
mod config;
mod doctor;
mod explain;
mod grant;
mod health;
mod init;
mod key;
mod log;
pub mod out;
mod persons;
mod reload;
mod reset;
mod serve;
mod tools;
mod umask;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::app::{self, App};
use crate::child;
use crate::config::{Sources, load};
use crate::server::{aliases, catalogue};
use crate::tool::watch::Watchdogs;

/// Gives an AI agent eyes and hands on Docker, governed and without hangs.
#[derive(Debug, Parser)]
#[command(name = "docker-mcp", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Args)]
struct Global {
    /// The configuration file, .toml or .json
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Full Docker access for trusted local use: every level on, filters, guards and confirmations off
    #[arg(long, global = true)]
    bypass_permissions: bool,
    /// Let DOCKER_MCP__SECTION__KEY variables loosen guards, not only tighten them
    #[arg(long, global = true)]
    allow_env_override: bool,
    /// error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<tracing::Level>,
    /// How log lines on stderr look
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<Format>,
    /// Colour for people
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Format {
    const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP over stdio (the default), or over HTTP
    Serve(serve::Args),
    /// Make a key for callers over HTTP
    #[command(subcommand)]
    Key(key::Command),
    /// Call one tool, through the very same path as a client's call
    Call(call::Args),
    /// List the tools that this configuration serves
    Tools(tools::Args),
    /// Decide a call without making it: which rule allows or denies, with the line of the file it stands on
    Explain(explain::Args),
    /// Check configuration, engine, compose, audit folder, clients: what works, what does not, what to do
    Doctor,
    /// Ask a server at this machine over HTTP whether it lives: for health checks
    Health(health::Args),
    /// List the actions that wait for a person
    Pending,
    /// Let a held action through
    Approve(persons::Code),
    /// Refuse a held action
    Deny(persons::Code),
    /// Raise a level for a while: LEVEL [GLOB] DURATION
    Grant(grant::Args),
    /// Read the audit log, or prove that it is as it was written
    Audit(audit::Args),
    /// Sees a docker_recreate through whose server is killed; a server starts it by itself
    #[command(name = watch::NAME, hide = true)]
    Watch(watch::Args),
    /// Where the configuration is, whether it holds, what is in force
    #[command(subcommand)]
    Config(config::Command),
}

/// At the end what still runs of other programs has this long.
const CHILDREN: std::time::Duration = std::time::Duration::from_millis(500);

const OK: ExitCode = ExitCode::SUCCESS;

fn failed() -> ExitCode {
    ExitCode::from(1)
}

/// Timers and answers run here, work runs elsewhere.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, ExitCode> {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => Ok(runtime.block_on(work)),
        Err(e) => {
            out::error(&format!("no runtime: {e}"));
            Err(failed())
        }
    }
}

fn misused() -> ExitCode {
    ExitCode::from(2)
}

/// The whole program.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version go to stdout and are no failure; clap knows.
            let _closed = e.print();
            return if e.use_stderr() { misused() } else { OK };
        }
    };
    umask::private();
    // What a panic says may be a piece of somebody's text; where it was is ours.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a fault of docker-mcp's own");
    }));
    out::colour(cli.global.color);
    match &cli.command {
        Some(Command::Key(command)) => key::run(&sources(&cli.global), command),
        None => serving(&cli.global, &serve::Args::default()),
        Some(Command::Serve(args)) => serving(&cli.global, args),
        Some(Command::Call(args)) => with_app(&cli.global, log::For::Command, |app| call::run(app, args)),
        Some(Command::Tools(args)) => with_app(&cli.global, log::For::Command, |app| tools::run(&app, args)),
        Some(Command::Explain(args)) => {
            with_app(&cli.global, log::For::Command, |app| explain::run(app, args))
        }
        Some(Command::Watch(args)) => with_app(&cli.global, log::For::Command, |app| watch::run(&app, args)),
        Some(Command::Pending) => persons::pending(&sources(&cli.global)),
        Some(Command::Approve(code)) => persons::answer(&sources(&cli.global), code, true),
        Some(Command::Deny(code)) => persons::answer(&sources(&cli.global), code, false),
        Some(Command::Grant(args)) => grant::run(&sources(&cli.global), args),
        Some(Command::Audit(args)) => audit::run(&sources(&cli.global), args),
        Some(Command::Health(args)) => health::run(&sources(&cli.global), args),
        Some(Command::Doctor) => doctor::run(&sources(&cli.global)),
        Some(Command::Config(command)) => config::run(&sources(&cli.global), command),
    }
}

/// Serves, where what may change things can be recorded.
fn serving(global: &Global, args: &serve::Args) -> ExitCode {
    let reader = if args.is_for_many() { log::For::Collector } else { log::For::Server };
    with_app(global, reader, |app| match app.audit_ready() {
        Ok(()) => serve::run(app, args, &sources(global)),
        Err(problem) => {
            out::note(&problem.render("error"));
            misused()
        }
    })
}

/// Loads the configuration, starts the log, puts the server together.
fn with_app(global: &Global, reader: log::For, then: impl FnOnce(App) -> ExitCode) -> ExitCode {
    let loaded = match load(&sources(global)) {
        Ok(loaded) => loaded,
        Err(problems) => {
            out::problems(&problems.to_string());
            return misused();
        }
    };
    log::start(&loaded.settings, reader, global.log_level.is_some());
    for warning in &loaded.settings.warnings {
        tracing::warn!(hint = warning.hint, "{}", warning.message);
    }
    match app::build(loaded, watchdogs(global)) {
        Ok(app) => {
            let code = then(app);
            child::end_all(CHILDREN);
            log::flush(std::time::Duration::from_millis(100));
            code
        }
        Err(fault) => {
            out::error(&fault.to_string());
            misused()
        }
    }
}

/// A copy of this program with the same configuration.
fn watchdogs(global: &Global) -> Watchdogs {
    let mut args: Vec<OsString> = Vec::new();
    if let Some(config) = &global.config {
        args.extend(["--config".into(), config.into()]);
    }
    for (flag, is_set) in [
        ("--bypass-permissions", global.bypass_permissions),
        ("--allow-env-override", global.allow_env_override),
    ] {
        args.extend(is_set.then(|| flag.into()));
    }
    args.push(watch::NAME.into());
    Watchdogs::of(args)
}

/// Everything that the configuration is made from.
fn sources(global: &Global) -> Sources {
    let options = [
        ("log.level", global.log_level.map(|level| level.to_string().to_lowercase()), "--log-level"),
        ("log.format", global.log_format.map(|format| format.word().to_owned()), "--log-format"),
    ];
    let given =
        |(key, text, option): (&str, Option<String>, &str)| Some((key.to_owned(), text?, option.to_owned()));
    Sources {
        config: global.config.clone(),
        options: options.into_iter().filter_map(given).collect(),
        bypass: global.bypass_permissions,
        allow_env_override: global.allow_env_override,
        tools: catalogue::names()
            .map(|name| (name.to_owned(), name.to_owned()))
            .chain(aliases::names().map(|(theirs, ours)| (theirs, ours.to_owned())))
            .collect(),
        ..Sources::of_process()
    }
}
