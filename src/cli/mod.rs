//! One file a subcommand. Exit codes: 0 fine, 1 refused or failed, 2 usage or configuration.

mod call;
pub mod out;
mod serve;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::app::{self, App};
use crate::config::{self, Sources};

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP over stdio (the default)
    Serve,
    /// Call one tool, through the very same path as a client's call
    Call(call::Args),
    /// List the tools that this configuration serves
    Tools(tools::Args),
}

const OK: ExitCode = ExitCode::SUCCESS;

fn failed() -> ExitCode {
    ExitCode::from(1)
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
    out::colour(cli.global.color);
    match &cli.command {
        None | Some(Command::Serve) => with_app(&cli.global, serve::run),
        Some(Command::Call(args)) => with_app(&cli.global, |app| call::run(app, args)),
        Some(Command::Tools(args)) => with_app(&cli.global, |app| tools::run(&app, args)),
    }
}

/// Loads the configuration, starts the log, puts the server together.
fn with_app(global: &Global, then: impl FnOnce(App) -> ExitCode) -> ExitCode {
    let loaded = match config::load(&sources(global)) {
        Ok(loaded) => loaded,
        Err(problems) => {
            out::error(&problems.to_string());
            return misused();
        }
    };
    start_log(global, &loaded.settings);
    match app::build(loaded) {
        Ok(app) => then(app),
        Err(fault) => {
            out::error(&fault.to_string());
            misused()
        }
    }
}

fn sources(global: &Global) -> Sources {
    Sources {
        config: global.config.clone(),
        env: std::env::vars().collect(),
        bypass: global.bypass_permissions,
        allow_env_override: global.allow_env_override,
        ..Sources::default()
    }
}

/// Logs go to stderr only: stdout belongs to the protocol.
fn start_log(global: &Global, settings: &config::Settings) {
    let level = global.log_level.unwrap_or(match settings.log.level {
        config::LogLevel::Error => tracing::Level::ERROR,
        config::LogLevel::Warn => tracing::Level::WARN,
        config::LogLevel::Info => tracing::Level::INFO,
        config::LogLevel::Debug => tracing::Level::DEBUG,
        #[expect(unreachable_patterns, reason = "whatever is finer")]
        _ => tracing::Level::TRACE,
    });
    let json = match global.log_format {
        Some(format) => format == Format::Json,
        None => settings.log.format == Some(config::LogFormat::Json),
    };
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    let ansi = out::stderr_is_coloured();
    // A second log in one process means a test runs commands in it: the first one stays.
    let _second = if json { log.json().try_init() } else { log.with_ansi(ansi).try_init() };
}
