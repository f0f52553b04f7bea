//! How the server itself runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::forms::plain;
use crate::config::layers::Form;
use crate::config::merge::{fixed, free, higher, lower, not_off, subset, union, unset_only};
use crate::config::reader::Reader;
use crate::config::section::{How, Section, Shape};
use crate::config::settings::{
    Audit, Breaker, Cooldown, CooldownKey, Fallback, Http, HttpKey, HttpTls, Limits, Log, LogFormat,
    LogLevel, Neverhang, Oidc, Output, Redact, RedactEnv, State,
};
use crate::config::tree::{At, Node};
use crate::config::units::quote;

use super::web;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn default_limits() -> Limits {
    Limits {
        exec_per_minute: 60,
        logs_per_minute: 30,
        max_concurrent: 32,
        loop_guard: 20,
        cooldown: BTreeMap::new(),
    }
}

/// `base`: the defaults, or for a role the global limits.
pub(super) fn limits(s: &mut Section<'_, '_>, base: &Limits) -> Limits {
    let mut limits = Limits {
        exec_per_minute: s.number("exec_per_minute", base.exec_per_minute, 0..=100_000, not_off),
        logs_per_minute: s.number("logs_per_minute", base.logs_per_minute, 0..=100_000, not_off),
        max_concurrent: s.number("max_concurrent", base.max_concurrent, 0..=10_000, not_off),
        loop_guard: s.number("loop_guard", base.loop_guard, 0..=10_000, not_off),
        cooldown: base.cooldown.clone(),
    };
    let keys = [
        ("tool", CooldownKey::Tool),
        ("container", CooldownKey::Container),
        ("service", CooldownKey::Service),
        ("project", CooldownKey::Project),
    ];
    let read = |s: &mut Section<'_, '_>, tool: &str| {
        let at = s.at.clone();
        let every = s.time("every", ms(0), ms(1_000)..=ms(604_800_000), higher);
        if every.is_zero() {
            let hint = Some("write `{ every = \"300s\" }`".to_owned());
            s.reader.problem(&at, format!("the cooldown of `{tool}` does not say `every` how long"), hint);
        }
        let key = s.choice("key", CooldownKey::Tool, &keys, fixed);
        let tools = super::permissions::tool_globs(s.reader, tool, &at, false).unwrap_or_default();
        (tools, Cooldown { every, key, source: s.reader.source(&at) })
    };
    for (_, (tools, cooldown)) in s.named("cooldown", read) {
        limits.cooldown.extend(tools.into_iter().map(|(tool, _)| (tool, cooldown.clone())));
    }
    limits
}

pub(super) fn output(s: &mut Section<'_, '_>) -> Output {
    let output = Output {
        max_bytes: s.number("max_bytes", 40_000, 1_000..=33_554_432, free),
        log_tail: s.number("log_tail", 100, 1..=1_000_000, free),
        log_tail_max: s.number("log_tail_max", 10_000, 1..=1_000_000, free),
        chunk_bytes: s.number("chunk_bytes", 16_384, 256..=1_048_576, free),
    };
    if output.log_tail > output.log_tail_max {
        let message =
            format!("`output.log_tail` is more than `output.log_tail_max`, which is {}", output.log_tail_max);
        s.reader.relation("output.log_tail", message, None);
    }
    output
}

pub(super) fn redact(s: &mut Section<'_, '_>) -> Redact {
    let env = [("all", RedactEnv::All), ("secrets", RedactEnv::Secrets), ("off", RedactEnv::Off)];
    const KEYS: &[&str] = &[
        "*KEY*",
        "*TOKEN*",
        "*SECRET*",
        "*PASS*",
        "*PW*",
        "*CREDENTIAL*",
        "*AUTH*",
        "*PRIVATE*",
        "*DSN*",
        "*CONN*",
        "*COOKIE*",
    ];
    Redact {
        enabled: s.flag("enabled", true, higher),
        env: s.choice("env", RedactEnv::Secrets, &env, higher),
        env_keys: s.list("env_keys", KEYS, union).into_iter().map(|p| p.text).collect(),
        learn: s.flag("learn", true, higher),
        patterns: s.regexes("patterns", union).into_iter().map(|r| r.regex).collect(),
    }
}

pub(super) fn neverhang(s: &mut Section<'_, '_>) -> Neverhang {
    const CLOCK: std::ops::RangeInclusive<Duration> = ms(1_000)..=ms(1_800_000);
    let neverhang = Neverhang {
        read_timeout: s.time("read_timeout", ms(30_000), CLOCK, free),
        lifecycle_timeout: s.time("lifecycle_timeout", ms(60_000), CLOCK, free),
        exec_timeout: s.time("exec_timeout", ms(30_000), CLOCK, free),
        compose_timeout: s.time("compose_timeout", ms(120_000), CLOCK, free),
        stream_timeout: s.time("stream_timeout", ms(30_000), CLOCK, free),
        transfer_timeout: s.time("transfer_timeout", ms(1_800_000), CLOCK, free),
        transfer_idle: s.time("transfer_idle", ms(60_000), CLOCK, free),
        max_timeout: s.time("max_timeout", ms(600_000), CLOCK, free),
        breaker: s.section("circuit_breaker", |s| Breaker {
            failures: s.number("failures", 3, 1..=100, free),
            window: s.time("window", ms(60_000), ms(1_000)..=ms(3_600_000), free),
            cooldown: s.time("cooldown", ms(300_000), ms(1_000)..=ms(3_600_000), free),
            early_recovery: s.flag("early_recovery", true, free),
        }),
    };
    if neverhang.transfer_idle > neverhang.transfer_timeout {
        let message = "`neverhang.transfer_idle` is longer than `neverhang.transfer_timeout`".to_owned();
        s.reader.relation("neverhang.transfer_idle", message, None);
    }
    neverhang
}

pub(super) fn audit(s: &mut Section<'_, '_>) -> Audit {
    Audit {
        enabled: s.flag("enabled", true, higher),
        dir: s.anchored_path("dir", free),
        retention_days: s.number("retention_days", 30, 1..=3_650, free),
        required: s.flag("required", true, higher),
    }
}

pub(super) fn log(s: &mut Section<'_, '_>) -> Log {
    let level = |level: LogLevel| (level.name(), level);
    let levels = [
        level(LogLevel::Off),
        level(LogLevel::Error),
        level(LogLevel::Warn),
        level(LogLevel::Info),
        level(LogLevel::Debug),
        level(LogLevel::Trace),
    ];
    // Not set looks like text: what differs is what HTTP makes of it.
    let formats = [("text", Some(LogFormat::Text)), ("json", Some(LogFormat::Json)), ("text", None)];
    Log {
        level: s.choice("level", LogLevel::Info, &levels, free),
        format: s.choice("format", None, &formats, free),
    }
}

pub(super) fn http(s: &mut Section<'_, '_>) -> Http {
    Http {
        listen: listen(s),
        allowed_hosts: s.list("allowed_hosts", &[], subset).into_iter().map(|p| p.text).collect(),
        allowed_origins: s.list("allowed_origins", &[], subset).into_iter().map(|p| p.text).collect(),
        anonymous_role: s.text("anonymous_role", unset_only),
        behind_proxy: s.flag("behind_proxy", false, lower),
        tls: s.section("tls", tls),
        keys: s.each("keys", key),
        oidc: s.section("oidc", oidc),
    }
}

fn listen(s: &mut Section<'_, '_>) -> SocketAddr {
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
        let text = plain(reader, path, node)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            let hint =
                "write an IP address and a port: `127.0.0.1:8080`, `[::1]:8080`, `0.0.0.0:8080`".to_owned();
            reader.problem(&node.at, format!("`{text}` is not an address to listen on"), Some(hint));
        }
        parsed
    };
    let show = |addr: &SocketAddr| quote(&addr.to_string());
    let default = SocketAddr::from(([127, 0, 0, 1], 8080));
    let shape = Shape::new("an IP address and a port", Form::Text);
    s.value("listen", &shape, default, &How { parse: &parse, merge: &free, show: &show })
}

fn tls(s: &mut Section<'_, '_>) -> Option<HttpTls> {
    let pair: (Option<PathBuf>, Option<PathBuf>) = (s.path("cert", free), s.path("key", free));
    match pair {
        (Some(cert), Some(key)) => Some(HttpTls { cert, key }),
        (None, None) => None,
        (cert, _) => {
            let (has, lacks) = if cert.is_some() { ("cert", "key") } else { ("key", "cert") };
            let message = format!("`http.tls.{has}` is set without `http.tls.{lacks}`");
            s.reader.relation(&format!("http.tls.{has}"), message, Some("set both or none".to_owned()));
            None
        }
    }
}

/// Names of callers that have no key.
const RESERVED: &[&str] = &["anonymous", "cli", "client", "host", "http", "nobody", "stdio"];
/// Letters of a key's name.
const NAME: usize = 64;

fn key(s: &mut Section<'_, '_>) -> HttpKey {
    let at = s.at.clone();
    let name = s.text("name", fixed).unwrap_or_default();
    let hash = s.text("hash", fixed).unwrap_or_default();
    let role = s.text("role", fixed).unwrap_or_default();
    for (field, value) in [("name", &name), ("hash", &hash), ("role", &role)] {
        if value.is_empty() {
            let hint = Some("`docker-mcp key new --role ROLE` prints the lines".to_owned());
            s.reader.problem(&at, format!("this key has no `{field}`"), hint);
        }
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let reserved = RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word));
    let fits = !reserved && name.chars().all(plain) && name.len() <= NAME;
    if !fits && !name.starts_with("oidc:") {
        let place = s.reader.places("http.keys.name").pop().unwrap_or(At::Nowhere);
        let others = RESERVED.join(", ");
        let hint = Some(format!("letters, digits, `.`, `_` and `-`, {NAME} at most, and none of: {others}"));
        s.reader.problem(
            &place,
            "this cannot be the name of a key: it stands in the log of calls".to_owned(),
            hint,
        );
    }
    if name.starts_with("oidc:") {
        let place = s.reader.places("http.keys.name").pop().unwrap_or(At::Nowhere);
        let hint = Some("give it another name".to_owned());
        s.reader.problem(&place, "`oidc:` stands before the names of callers with a token".to_owned(), hint);
    }
    let digits = hash.strip_prefix("sha256:").unwrap_or(&hash).to_ascii_lowercase();
    if !hash.is_empty() && (digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit())) {
        let place = s.reader.places("http.keys.hash").pop().unwrap_or(At::Nowhere);
        let hint =
            Some("the hash, not the key itself, stands here: `docker-mcp key new` prints both".to_owned());
        s.reader.problem(&place, "this is not the hash of a key: 64 hex digits".to_owned(), hint);
    }
    HttpKey { name, hash: digits, role, source: s.reader.source(&at) }
}

fn oidc(s: &mut Section<'_, '_>) -> Option<Oidc> {
    let issuer = s.text("issuer", fixed);
    let audience = s.text("audience", fixed);
    let role_claim = s.text("role_claim", fixed);
    let resource = s.text("resource", fixed);
    match (issuer, audience, role_claim) {
        (None, None, None) if resource.is_none() => None,
        (Some(issuer), Some(audience), Some(role_claim)) => {
            let addresses = [
                ("http.oidc.issuer", "an issuer", Some(&issuer)),
                ("http.oidc.resource", "the address of a server", resource.as_ref()),
            ];
            for (key, what, text) in addresses {
                if let Some(text) = text.filter(|text| !web::is_address(text)) {
                    let hint =
                        "write `https://name/path` (`http://` on this machine only), without `?` and `#`";
                    let shown = text.escape_debug();
                    s.reader.relation(key, format!("`{shown}` is not {what}"), Some(hint.to_owned()));
                }
            }
            Some(Oidc { issuer, audience, role_claim, resource })
        }
        _ => {
            let at = s.at.clone();
            let message = "`[http.oidc]` needs `issuer`, `audience` and `role_claim`".to_owned();
            s.reader.problem(&at, message, None);
            None
        }
    }
}

pub(super) fn state(s: &mut Section<'_, '_>) -> State {
    let redis = s.secret_url("redis", free);
    if redis.as_ref().is_some_and(|url| !url.starts_with("redis://") && !url.starts_with("rediss://")) {
        let hint = Some("write `redis://host:6379` or `rediss://...`".to_owned());
        s.reader.relation("state.redis", "`state.redis` is not the address of a Redis".to_owned(), hint);
    }
    State { redis, dir: None }
}

pub(super) fn fallback(s: &mut Section<'_, '_>) -> Fallback {
    let or = |text: Option<String>, default: &str| text.unwrap_or_else(|| default.to_owned());
    const MODEL: &str = "claude-haiku-4-5";
    const KEY: &str = "DOCKER_MCP_FALLBACK_KEY";
    let fallback = Fallback {
        enabled: s.flag("enabled", false, lower),
        model: or(s.text_or("model", Some(MODEL), free), MODEL),
        api_key_env: or(s.text_or("api_key_env", Some(KEY), fixed), KEY),
        // Logs are sent there: where to is for the file to say.
        base_url: s.text("base_url", unset_only),
        max_log_lines: s.number("max_log_lines", 200, 1..=10_000, free),
        max_tokens: s.number("max_tokens", 500, 16..=8_192, free),
    };
    if fallback
        .base_url
        .as_ref()
        .is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://"))
    {
        let hint = Some("it begins with `https://`".to_owned());
        s.reader.relation("fallback.base_url", "`fallback.base_url` is not a web address".to_owned(), hint);
    }
    fallback
}
