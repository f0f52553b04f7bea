//! Which values are secrets by their look, and which are obviously none.

/// A long token of mixed classes that nobody would type: not a path, a digest, a version or a name.
pub(super) fn random(value: &str) -> bool {
    let value = value.trim();
    if !(20..=512).contains(&value.len()) || !value.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    if value.contains("://") || path(value) || value.starts_with("--") || value.starts_with('$') {
        return false;
    }
    let class = |b: u8| match b {
        b'a'..=b'z' => 0_u8,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let bytes = value.as_bytes();
    let has = |c: u8| bytes.iter().any(|b| class(*b) == c);
    if !(has(0) && has(1) && has(2)) {
        return false;
    }
    // in what is random the class changes every other character; in names with digits it does not
    let pairs = bytes.iter().zip(bytes.iter().skip(1)).map(|(a, b)| (class(*a), class(*b)));
    let (mut all, mut changes) = (0, 0);
    for (a, b) in pairs.filter(|(a, b)| *a < 3 && *b < 3) {
        all += 1;
        // a capital before a small letter begins a word
        changes += usize::from(a != b && (a, b) != (1, 0));
    }
    all >= 8 && changes * 100 >= all * 22
}

/// A path below a folder that systems have, or a relative one.
pub(super) fn path(value: &str) -> bool {
    #[rustfmt::skip]
    const TOPS: &[&str] = &[
        "app", "bin", "boot", "certs", "config", "data", "dev", "etc", "home", "keys", "lib", "lib64", "media",
        "mnt", "opt", "proc", "root", "run", "sbin", "secrets", "srv", "sys", "tmp", "usr", "var", "vault",
        "workspace", "Users",
    ];
    if value.starts_with("./") || value.starts_with("../") || value.starts_with("~/") {
        return true;
    }
    value
        .strip_prefix('/')
        .and_then(|rest| rest.split(['/', ':']).next())
        .is_some_and(|top| TOPS.contains(&top))
}

/// A value that says there is no secret here: a switch, a reference, a mask.
pub(super) fn placeholder(value: &str) -> bool {
    let v = value.trim().trim_end_matches(['.', ',', ';']);
    if v.is_empty()
        || v.contains("[redacted]")
        || v.contains("[redacted:")
        || v.contains("[REDACTED]")
        || v.contains("<redacted>")
    {
        return true;
    }
    if SWITCHES.iter().any(|s| v.eq_ignore_ascii_case(s)) {
        return true;
    }
    if v.len() >= 3 && v.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '•' | '-' | '_' | '#')) {
        return true;
    }
    (v.starts_with("${") && v.ends_with('}') && !v.contains(":-"))
        || (v.starts_with("{{") && v.ends_with("}}"))
        || (v.starts_with('<') && v.ends_with('>'))
        || v.strip_prefix('$').is_some_and(|n| {
            n.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && n.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        })
}

/// A value that is too ordinary to be masked wherever it shows up.
pub(super) fn ordinary(value: &str) -> bool {
    let v = value.trim();
    placeholder(v)
        || path(v)
        || WORDS.iter().any(|w| v.eq_ignore_ascii_case(w))
        || v.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ':' | '-' | ',' | '/' | ' ' | '+'))
        || (v.contains("://")
            && !v.contains('@')
            && !v.contains(['?', '='])
            && !v.chars().any(char::is_whitespace))
}

/// Only lower-case words, as in a host or an option: `auth.internal`, `read-only`.
pub(super) fn wordy(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '.' | '-' | '_' | '/'))
}

/// A first word that goes on as a sentence: `password: must be longer`.
pub(super) fn prose(word: &str) -> bool {
    let w = word.trim_end_matches(['.', ',', '!', '?', ';', ':']);
    PROSE.iter().any(|p| w.eq_ignore_ascii_case(p))
}

#[rustfmt::skip]
const SWITCHES: &[&str] = &[
    "true", "false", "null", "none", "nil", "yes", "no", "on", "off", "undefined", "unset", "empty", "file",
    "env", "default", "optional", "required", "n/a", "auto", "enabled", "disabled",
];

#[rustfmt::skip]
const PROSE: &[&str] = &[
    "a", "accepted", "an", "and", "any", "are", "authentication", "auth", "bad", "can", "cannot", "changed",
    "check", "command", "connection", "could", "denied", "does", "enter", "error", "expected", "expired",
    "failed", "failure", "for", "found", "from", "generated", "granted", "has", "in", "incorrect",
    "invalid", "is", "it", "key", "missing", "mismatch", "must", "no", "not", "of", "ok", "or", "please",
    "refresh", "refused", "rejected", "required", "reset", "set", "should", "success", "successful", "the",
    "this", "timeout", "to", "token", "too", "unable", "unauthorized", "unexpected", "unknown",
    "unsupported", "updated", "using", "valid", "verified", "was", "were", "will", "wrong", "you", "your",
    "user", "permission", "request",
];

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "administrator", "allowed", "anonymous", "application", "authenticated", "authentication",
    "authorization", "certificate", "changed", "client", "cluster", "completed", "connected", "connection",
    "container", "credential", "credentials", "database", "debug", "default", "development", "disabled",
    "disconnected", "docker", "document", "enabled", "encrypted", "example", "external", "failed",
    "frontend", "gateway", "healthy", "information", "internal", "kubernetes", "localhost", "manager",
    "mariadb", "memcached", "metadata", "mongodb", "namespace", "network", "optional", "password",
    "passwords", "postgres", "postgresql", "private", "production", "protected", "rabbitmq", "readonly",
    "redacted", "registry", "required", "restarting", "running", "security", "server", "service",
    "services", "sqlserver", "staging", "standard", "started", "starting", "stopped", "successful",
    "template", "testing", "undefined", "unhealthy", "unknown", "username", "utf8mb4", "verify-full",
    "warning", "webserver", "scram-sha-256", "application/json", "127.0.0.1", "0.0.0.0",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_random() {
        for v in [
            "q8Zx2LmP0vRt6YwKs3Nf",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzKEY",
            "aB3!xY7#qW9$eR2%tU5^",
            "dGhpcyBpcyBhIHNlY3JldCB2YWx1ZSEx",
        ] {
            assert!(random(v), "{v}");
        }
        for v in [
            "/usr/local/sbin:/usr/local/bin:/usr/sbin",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "E3FF2839C048B25C084DEBE9B26995E310250568",
            "registry.example.com/Team/App:v1.2.3-RC1",
            "https://Example.com/Path123/Index",
            "jdk-17.0.9+9-LTS-Temurin-x64",
            "OrderServiceHandlerV2Impl",
            "short1A",
            "--max-old-space-size=4096",
        ] {
            assert!(!random(v), "{v}");
        }
    }

    #[test]
    fn what_is_ordinary() {
        for v in [
            "true",
            "12345678",
            "10.0.0.1:5432",
            "/usr/bin",
            "production",
            "http://keycloak:8080",
            "***",
            "${X}",
        ] {
            assert!(ordinary(v), "{v}");
        }
        for v in ["hunter2hunter2", "correcthorse", "amqp://u:p@h", "$ecretPa55", "changeme1"] {
            assert!(!ordinary(v), "{v}");
        }
    }
}
