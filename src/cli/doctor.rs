//! `docker-mcp doctor`: what works, what does not, what to do.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use crate::app::{self, App};
use crate::config::{Sources, load};
use crate::engine::{Budget, EngineError, forbidden};
use crate::policy::{Filter, Level, PatternSet};
use crate::tool::ToolError;
use crate::tool::watch::Watchdogs;
use crate::transport::http::{self, Tls};

use super::{OK, block_on, config, failed, out};

/// A child that only says its version may take this long.
const CHILD: Duration = Duration::from_secs(3);
/// ... and the audit's disk.
const AUDIT: Duration = Duration::from_secs(1);

/// What was found, and how bad it is.
struct Report {
    failed: bool,
}

impl Report {
    fn good(&self, what: &str, text: &str) {
        let green = anstyle::AnsiColor::Green.on_default();
        out::line(&format!("{green}ok{green:#}    {}  {text}", out::bold(&format!("{what:13}"))));
    }

    /// Optional, or unwise: it works without.
    fn warn(&self, what: &str, text: &str, hint: &str) {
        let yellow = anstyle::AnsiColor::Yellow.on_default();
        out::line(&format!("{yellow}warn{yellow:#}  {}  {text}", out::bold(&format!("{what:13}"))));
        out::line(&format!("      {:13}  help: {hint}", ""));
    }

    fn bad(&mut self, what: &str, text: &str, hint: &str) {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        out::line(&format!("{red}fail{red:#}  {}  {text}", out::bold(&format!("{what:13}"))));
        out::line(&format!("      {:13}  help: {hint}", ""));
        self.failed = true;
    }
}

pub(super) fn run(sources: &Sources) -> ExitCode {
    let mut report = Report { failed: false };
    let loaded = match load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => {
            report.bad("configuration", "it cannot be used", "mend what follows");
            out::problems(&problems.to_string());
            return failed();
        }
    };
    match &loaded.path {
        Some(path) => report.good("configuration", &path.display().to_string()),
        None => report.good("configuration", "no file; the defaults are in force (read only)"),
    }
    for warning in &loaded.settings.warnings {
        report.warn(
            "configuration",
            &warning.message,
            warning.hint.as_deref().unwrap_or("see config.example.toml"),
        );
    }
    for key in config::without_effect(&loaded.settings) {
        report.warn(
            "configuration",
            &format!("`{key}` has no effect in this version"),
            "it guards what comes later",
        );
    }
    for ignored in &loaded.ignored_env {
        report.warn(
            "environment",
            &format!("{} has no effect: {}", ignored.name, ignored.reason),
            "say it in the configuration file",
        );
    }
    let app = match app::build(loaded, Watchdogs::default()) {
        Ok(app) => app,
        Err(fault) => {
            report.bad(
                "engine",
                &fault.to_string(),
                "check [docker], DOCKER_HOST and the docker CLI's contexts",
            );
            return failed();
        }
    };
    let asked = block_on(async {
        engine(&app, &mut report).await;
        callers(&app, &mut report).await;
    });
    if let Err(code) = asked {
        return code;
    }
    children(&report);
    audit(&app, &mut report);
    clients(sources, &report);
    let code = if report.failed { failed() } else { OK };
    app.work.shutdown_background();
    code
}

async fn engine(app: &App, report: &mut Report) {
    let server = &app.server;
    let found = server.engine.found();
    let place = format!("{} ({})", found.endpoint, found.why);
    let (took, api) = match server.engine.ping(&Budget::probe()).await {
        Ok(answer) => answer,
        Err(e) => {
            let error = ToolError::from(e);
            let hint = error.hint.clone().unwrap_or_default();
            report.bad("engine", &format!("{place}: {}", error.message), &hint);
            return;
        }
    };
    match server.engine.version(&Budget::probe()).await {
        Ok(v) => report.good(
            "engine",
            &format!("{} {} · API {api} · {:.1} ms · {place}", v.os, v.version, took.as_secs_f64() * 1e3),
        ),
        Err(EngineError::Forbidden(_)) => {
            report.good("engine", &format!("API {api} · {:.1} ms · {place}", took.as_secs_f64() * 1e3));
        }
        Err(e) => report.warn(
            "engine",
            &format!("{place} answers a ping, but not its version: {e}"),
            "containerd may hang: starting and stopping containers will not work",
        ),
    }
    if found.endpoint.is_plaintext_remote() {
        report.warn("engine", "the connection is neither local nor encrypted", "use tls, or ssh://");
    }
    let settings = &app.loaded.settings;
    let rules = &settings.rules;
    // Levels of roles count as well.
    let held =
        |level: &Level| rules.holds(*level) || settings.roles.values().any(|role| role.rules.holds(*level));
    let levels: Vec<Level> = Level::ALL.into_iter().filter(held).collect();
    let barred = server.engine.ask_forbidden(&levels).await;
    if !barred.is_empty() {
        let names: Vec<String> = barred.iter().map(|one| format!("`{one}`")).collect();
        let text = format!("before the engine; it forbids {}", names.join(", "));
        report.warn("proxy", &text, &forbidden::hint(&barred));
    }
    match server.engine.census(&Budget::probe(), rules).await {
        Ok(census) => {
            let text = format!(
                "{} containers visible, {} hidden by the filters",
                census.visible.len(),
                census.hidden.len()
            );
            report.good("filters", &text);
            let names: Vec<&str> = census.visible.iter().chain(&census.hidden).map(String::as_str).collect();
            unmatched(report, "containers", &rules.containers, &names);
        }
        Err(e) => {
            report.bad("filters", &format!("the containers could not be listed: {e}"), "see the engine's log")
        }
    }
}

/// What callers over HTTP depend on.
async fn callers(app: &App, report: &mut Report) {
    let http = &app.loaded.settings.http;
    match http.tls.as_ref().map(Tls::of) {
        None => {}
        Some(Ok(Tls { warning: Some(warning), .. })) => {
            report.warn("tls", &warning, "let only this user read it");
        }
        Some(Ok(_)) => report.good("tls", "the certificate and its key fit"),
        Some(Err(wrong)) => report.bad("tls", &wrong.why, wrong.help),
    }
    let Some(oidc) = &http.oidc else { return };
    match http::provider_keys(oidc).await {
        Ok(keys) => report.good("tokens", &format!("{} signs with {keys} keys", oidc.issuer)),
        Err(why) => report.bad("tokens", &why, "check `issuer` under [http.oidc], and the way to it"),
    }
}

/// A pattern that matches nothing is often misspelt.
fn unmatched(report: &Report, kind: &str, filter: &Filter, names: &[&str]) {
    for (list, set) in [("whitelist", &filter.allow), ("blacklist", &filter.deny)] {
        for pattern in set.patterns() {
            let alone = PatternSet::new(crate::policy::pattern::Kind::Name, vec![pattern.clone()]);
            if alone.is_ok_and(|set| names.iter().all(|name| set.matches(name).is_none())) {
                let text = format!(
                    "`{}` in {list}_{kind} ({}) matches no container now",
                    pattern.text, pattern.source
                );
                report.warn("filters", &text, "fine if it is meant for later; else check the spelling");
            }
        }
    }
}

/// The optional command-line tools.
fn children(report: &Report) {
    let tries: [(&str, &[&[&str]], &str); 2] = [
        (
            "compose",
            &[&["docker", "compose", "version", "--short"], &["docker-compose", "version", "--short"]],
            "install the Docker Compose plugin (v2); listing, logs, start and stop of projects work without it",
        ),
        (
            "buildx",
            &[&["docker", "buildx", "version"]],
            "install the buildx plugin; builds use the classic builder without it",
        ),
    ];
    for (what, commands, hint) in tries {
        match commands.iter().find_map(|command| version_of(command)) {
            Some(version) => report.good(what, &version),
            None => report.warn(what, "not found", hint),
        }
    }
}

/// The first line that a command prints, if it ends well and in time.
fn version_of(command: &[&str]) -> Option<String> {
    let (program, args) = command.split_first()?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let until = std::time::Instant::now() + CHILD;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => break,
            Ok(None) if std::time::Instant::now() < until => {
                std::thread::park_timeout(Duration::from_millis(20))
            }
            _ => {
                let _gone = child.kill();
                let _status = child.wait();
                return None;
            }
        }
    }
    let text = std::io::read_to_string(child.stdout.take()?).ok()?;
    text.lines().next().map(str::to_owned)
}

fn audit(app: &App, report: &mut Report) {
    let settings = &app.loaded.settings.audit;
    if !settings.enabled {
        report.warn("audit", "switched off", "set [audit] enabled = true to keep a record of every call");
        return;
    }
    let dir = app.server.audit.dir().map(|dir| dir.display().to_string()).unwrap_or_default();
    // As the writer would: a folder that can be written may hold a file that is refused.
    let why = match app.server.audit.check(AUDIT) {
        Some(Ok(())) => return report.good("audit", &dir),
        Some(Err(why)) => why,
        None => format!("{dir}: the disk does not answer"),
    };
    let hint = "make the folder writable, or name another in [audit] dir";
    if settings.required {
        report.bad("audit", &why, &format!("every change will be refused: {hint}"));
    } else {
        report.warn("audit", &why, hint);
    }
}

/// Clients that already know this server.
fn clients(sources: &Sources, report: &Report) {
    let home = sources.home.clone().unwrap_or_default();
    let cwd = sources.cwd.clone().unwrap_or_default();
    let places = [
        ("Claude Code", home.join(".claude.json")),
        ("Claude Code (project)", cwd.join(".mcp.json")),
        ("Cursor", home.join(".cursor/mcp.json")),
        ("VS Code", cwd.join(".vscode/mcp.json")),
    ];
    let knows = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("docker-mcp"));
    let known: Vec<&str> = places.iter().filter(|(_, path)| knows(path)).map(|(name, _)| *name).collect();
    if known.is_empty() {
        report.warn("clients", "none has an entry for this server", "claude mcp add docker -- docker-mcp");
    } else {
        report.good("clients", &known.join(", "));
    }
}
