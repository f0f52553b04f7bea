//! Which keys name a secret: by the globs of the settings, and by the words they are made of.

use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};

/// Globs over keys, case-insensitive. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Arc<[KeyGlob]>);

#[derive(Debug)]
enum KeyGlob {
    /// `*WORD*`, which nearly all of them are.
    Contains(String),
    Glob(GlobMatcher, String),
}

/// The globs of `[redact] env_keys` when nothing is set.
#[rustfmt::skip]
pub const DEFAULT_KEYS: &[&str] = &[
    "*KEY*", "*TOKEN*", "*SECRET*", "*PASS*", "*PW*", "*CREDENTIAL*", "*AUTH*", "*PRIVATE*", "*DSN*",
    "*CONN*", "*COOKIE*",
];

impl KeySet {
    /// Compiles. A glob that does not parse is taken literally, somewhere in the key.
    pub fn new<S: AsRef<str>>(globs: impl IntoIterator<Item = S>) -> Self {
        Self(globs.into_iter().map(|g| KeyGlob::new(g.as_ref())).collect())
    }

    /// The defaults.
    #[must_use]
    pub fn standard() -> Self {
        Self::new(DEFAULT_KEYS)
    }

    /// Whether the key names a secret. `author` alone is not `auth`.
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        let lower = key.to_ascii_lowercase();
        if !self.hit(&lower) {
            return false;
        }
        // what is left when the authors are taken out must still match
        !lower.contains("author") || {
            let rest = lower.replace("authori", "\0").replace("author", "").replace('\0', "authori");
            self.hit(&rest)
        }
    }

    fn hit(&self, lower: &str) -> bool {
        self.0.iter().any(|glob| match glob {
            KeyGlob::Contains(word) => lower.contains(word.as_str()),
            KeyGlob::Glob(matcher, _) => matcher.is_match(lower),
        })
    }

    /// The literal parts of the globs: text without any of them needs no look at its keys.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|glob| match glob {
            KeyGlob::Contains(word) | KeyGlob::Glob(_, word) => word.as_str(),
        })
    }
}

impl KeyGlob {
    fn new(glob: &str) -> Self {
        let lower = glob.to_ascii_lowercase();
        let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\');
        let core = lower.trim_matches('*');
        if lower.len() > core.len() + 1
            && lower.starts_with('*')
            && lower.ends_with('*')
            && !core.contains(special)
        {
            return Self::Contains(core.to_owned());
        }
        match GlobBuilder::new(&lower).case_insensitive(true).build() {
            Ok(g) => {
                let word = lower.split(special).max_by_key(|w| w.len()).unwrap_or_default().to_owned();
                Self::Glob(g.compile_matcher(), word)
            }
            Err(_) => Self::Contains(core.to_owned()),
        }
    }
}

/// How sure a key makes us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// `auth`, `tokens`, a glob: short numbers and plain words are let through.
    Weak,
    /// `password`, `api_key`, `client_secret`.
    Strong,
}

/// What a key in running text says: `db_password` yes, `token_count` and `monkey` no.
pub(super) fn classify(key: &str) -> Option<Strength> {
    let words = split(key);
    let last = words.last()?.as_str();
    if words.len() > 1 && BENIGN.contains(&last) || OURS.contains(&key) {
        return None;
    }
    let mut found = None;
    for (i, word) in words.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| words.get(i)).map_or("", String::as_str);
        found = found.max(weigh(word, before, words.len()));
    }
    found
}

fn weigh(word: &str, before: &str, count: usize) -> Option<Strength> {
    let strong = word.contains("password")
        || word.contains("passwd")
        || word.contains("passphrase")
        || word.ends_with("pwd")
        || word.ends_with("secret")
        || word.ends_with("token")
        || (word == "key" && KEY_OF.contains(&before))
        || (count > 1 && matches!(word, "pass" | "pw"))
        || STRONG.contains(&word);
    if strong {
        return Some(Strength::Strong);
    }
    let weak = word.ends_with("tokens") || word.starts_with("credential") || WEAK.contains(&word);
    weak.then_some(Strength::Weak)
}

/// Words of a key: at `_`, `-`, `.`, spaces and where the case changes; in lower case.
fn split(key: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = key.chars().peekable();
    let mut last = '_';
    while let Some(c) = chars.next() {
        if !c.is_ascii_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        } else {
            let starts = c.is_ascii_uppercase()
                && (last.is_ascii_lowercase()
                    || (last.is_ascii_uppercase() && chars.peek().is_some_and(char::is_ascii_lowercase)));
            if starts && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            word.push(c.to_ascii_lowercase());
        }
        last = c;
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Keys of this program that look like secrets and are none.
pub(super) const OURS: &[&str] = &["confirm_token", "confirmToken"];

/// `x key` is a secret after these.
#[rustfmt::skip]
const KEY_OF: &[&str] = &[
    "api", "private", "access", "secret", "encryption", "signing", "session", "account", "shared", "master",
    "auth", "ssh", "license", "service", "deploy", "storage", "app", "application", "hmac", "aes",
    "subscription",
];

#[rustfmt::skip]
const STRONG: &[&str] = &[
    "apikey", "apikeys", "secretkey", "secretaccesskey", "accesskey", "privatekey", "authkey", "accountkey",
    "sharedaccesskey", "masterkey", "encryptionkey", "signingkey", "dbpass", "userpass", "mysqlpass",
    "authorization", "jwt", "bearer", "connectionstring", "authpass", "requirepass", "masterauth",
    "signature",
];

const WEAK: &[&str] = &["auth", "secrets", "creds", "cred", "cookie", "cookies", "dsn", "sig"];

/// A key that ends with one of these tells about a secret and is none.
#[rustfmt::skip]
const BENIGN: &[&str] = &[
    "count", "counts", "type", "types", "url", "urls", "uri", "name", "names", "file", "files", "path",
    "paths", "dir", "expiry", "expires", "expiration", "ttl", "timeout", "length", "len", "size", "limit",
    "max", "min", "method", "methods", "mode", "enabled", "disabled", "required", "policy", "version",
    "field", "header", "headers", "provider", "issuer", "endpoint", "server", "host", "hostname", "port",
    "class", "ref", "algorithm", "alg", "status", "state", "stdin", "prompt", "usage", "per", "rate",
    "index", "backend", "driver", "level", "format", "realm", "scope", "scopes", "service", "manager",
    "store", "env", "label", "attempts", "failures", "error", "errors", "user", "username", "users",
    "reset", "changed", "updated", "created", "plugin", "plugins", "total", "used", "remaining", "hint",
    "age", "interval", "ms", "seconds", "length_max", "sock", "module", "handler", "id_header", "domain",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let keys = KeySet::standard();
        for key in [
            "DB_PASSWORD",
            "api_key",
            "MYSQL_PW",
            "DATABASE_DSN",
            "Authorization",
            "authority_auth",
            "x-cookie",
        ] {
            assert!(keys.matches(key), "{key}");
        }
        for key in ["PATH", "AUTHOR", "org.opencontainers.image.authors", "HOME", "LANG"] {
            assert!(!keys.matches(key), "{key}");
        }
        let own = KeySet::new(["MY_*_X", "EXACT", "[bad"]);
        assert!(own.matches("my_secret_x") && own.matches("exact") && own.matches("a[bad"));
        assert!(!own.matches("EXACTLY") && !own.matches("API_KEY"));
    }

    #[test]
    fn words() {
        assert_eq!(split("awsSecretAccessKey"), ["aws", "secret", "access", "key"]);
        assert_eq!(split("X-Api-Key"), ["x", "api", "key"]);
        assert_eq!(split("APIKey"), ["api", "key"]);
        for key in [
            "password",
            "db.password",
            "DB_PASS",
            "clientSecret",
            "AWS_SECRET_ACCESS_KEY",
            "x-api-key",
            "apikey",
            "authToken",
            "access_token",
            "privateKey",
            "PGPASSWORD",
            "secret_id",
            "Authorization",
            "MYSQL_PWD",
        ] {
            assert_eq!(classify(key), Some(Strength::Strong), "{key}");
        }
        for key in ["auth", "max_tokens", "credentials", "cookie"] {
            assert_eq!(classify(key), Some(Strength::Weak), "{key}");
        }
        for key in [
            "monkey",
            "author",
            "token_count",
            "tokenizer",
            "keyboard",
            "PASS",
            "compass",
            "password_file",
            "auth_method",
            "secretary",
            "key",
            "tokenType",
            "confirm_token",
            "bypass",
            "authentication",
            "",
        ] {
            assert_eq!(classify(key), None, "{key}");
        }
    }
}
