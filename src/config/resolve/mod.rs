//! The whole file, section by section: what each key means.
//!
//! One line a key, in the order of the documentation. Relations between keys stand after the lines they relate.

mod engine;
mod exec;
mod guards;
mod permissions;
mod require;
mod roles;
mod roots;
mod service;
mod web;

use std::sync::Arc;
use std::time::Duration;

use super::merge::higher;
use super::section::Section;
use super::settings::{By, ExecMode, Profile, PublishedPorts, Require, Roots, Settings};
use crate::policy::{Grant, Level};

/// Reads everything. Problems and warnings stay with the reader.
pub fn settings(s: &mut Section<'_, '_>, bypass: bool) -> Settings {
    let dry_run = s.flag("dry_run", false, higher);
    let docker = s.section("docker", engine::docker);
    let hosts = engine::hosts(s);
    let mut rules = s.section("permissions", |s| permissions::rules(s, None));
    let exec = s.section("exec_safety", exec::exec);
    let create = s.section("create_safety", guards::create);
    let compose = s.section("compose", guards::compose);
    let build = s.section("build", guards::build);
    let registries = s.section("registries", guards::registries);
    let secrets = guards::secrets(s);
    let confirm = s.section("confirm", require::confirm);
    let limits = s.section("limits", |s| service::limits(s, &service::default_limits()));
    let output = s.section("output", service::output);
    let redact = s.section("redact", service::redact);
    let neverhang = s.section("neverhang", service::neverhang);
    let audit = s.section("audit", service::audit);
    let log = s.section("log", service::log);
    let mut http = s.section("http", service::http);
    let state = s.section("state", service::state);
    let fallback = s.section("fallback", service::fallback);
    rules.disabled_tools = s.section("tools", |s| permissions::tools(s, "disable", true));
    rules.bypass = bypass;
    let roles = roles::roles(s, &rules, &limits);
    roles::check(s.reader, &mut http, &roles);
    let mut settings = Settings {
        bypass,
        dry_run,
        docker,
        hosts,
        rules: Arc::new(rules),
        exec,
        create,
        compose,
        build,
        registries,
        secrets,
        confirm,
        limits,
        output,
        redact,
        neverhang,
        audit,
        log,
        http,
        roles,
        state,
        fallback,
        warnings: Vec::new(),
        described: Vec::new(),
    };
    clocks(s, &mut settings);
    unwise(s, &settings);
    if bypass {
        open(&mut settings);
    }
    settings
}

/// The exec clock has two keys, and a call's default must lie under the cap.
fn clocks(s: &mut Section<'_, '_>, settings: &mut Settings) {
    let (leads, follows) = if s.reader.is_set("exec_safety.timeout") {
        settings.neverhang.exec_timeout = settings.exec.timeout;
        ("exec_safety.timeout", "neverhang.exec_timeout")
    } else {
        settings.exec.timeout = settings.neverhang.exec_timeout;
        ("neverhang.exec_timeout", "exec_safety.timeout")
    };
    s.reader.follow(follows, leads);
    let cap = settings.neverhang.max_timeout;
    let over = |key: &str, time: Duration, s: &mut Section<'_, '_>| {
        if time <= cap {
            return time;
        }
        let cap_text = super::units::show_duration(cap);
        let message = format!("`{key}` is longer than `neverhang.max_timeout`, which is {cap_text}");
        s.reader.relation(key, message, Some("raise `neverhang.max_timeout`, or lower this one".to_owned()));
        cap
    };
    settings.exec.timeout = over(leads, settings.exec.timeout, s);
    settings.neverhang.exec_timeout = settings.exec.timeout;
    settings.neverhang.stream_timeout =
        over("neverhang.stream_timeout", settings.neverhang.stream_timeout, s);
}

/// What is allowed but does not do what its author may think.
fn unwise(s: &mut Section<'_, '_>, settings: &Settings) {
    let on = |level| !matches!(settings.rules.level(level).grant, Grant::Off);
    let roots = s.reader.place("create_safety.bind_roots");
    let wide = std::mem::take(&mut s.reader.wide_roots);
    for (key, folder, why) in wide {
        if key != "create_safety.bind_roots" || on(Level::Create) || roots != super::tree::At::Nowhere {
            let at = s.reader.place(&key);
            let message = format!("`.` in `{key}` is `{}`, {why}, and is left out", folder.display());
            s.reader.warning(&at, message, Some("name the folders by absolute paths".to_owned()));
        }
    }
    if settings.bypass {
        return;
    }
    if on(Level::Exec)
        && settings.exec.mode == ExecMode::Allowlist
        && settings.exec.allowed_commands.is_empty()
    {
        let at = s.reader.place("exec_safety.mode");
        let message = "`exec_safety.mode` is \"allowlist\" and `allowed_commands` is empty: nothing may run";
        s.reader.warning(&at, message.to_owned(), None);
    }
    if !settings.audit.enabled && s.reader.is_set("audit.required") && settings.audit.required {
        let at = s.reader.place("audit.required");
        s.reader.warning(
            &at,
            "`audit.required` has no effect while `audit.enabled` is false".to_owned(),
            None,
        );
    }
}

/// `--bypass-permissions`: every guard open. Supervision, redaction and audit stay as they are.
fn open(settings: &mut Settings) {
    settings.exec.mode = ExecMode::None;
    settings.exec.denied_paths.clear();
    settings.exec.denied_flags.clear();
    settings.exec.blocked_commands.clear();
    settings.exec.blocked_patterns.clear();
    settings.exec.env = super::settings::ExecEnv::Any;
    settings.exec.allow_root = true;
    settings.exec.allow_privileged_targets = true;
    settings.create.profile = Profile::Off;
    settings.create.bind_roots = Roots::Anywhere;
    settings.create.published_ports = PublishedPorts::Any;
    settings.create.limits = super::settings::Ceilings::default();
    settings.compose.roots = Roots::Anywhere;
    settings.build.roots = Roots::Anywhere;
    settings.build.network = super::settings::BuildNetwork::Default;
    settings.registries.allow.clear();
    settings.confirm.require = Require::None;
    settings.confirm.by = By::Caller;
}
