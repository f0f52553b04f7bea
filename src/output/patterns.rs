//! Shapes of secrets.
//!
//! One automaton over short literals (`Prefilter`) passes over clean text; only a line that holds one of them is looked
//! at by the shapes that the literal stands for. Regexes are compiled when a line first asks for them.

use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::Regex;

use super::keys::KeySet;
use super::sanitise::floor;
use super::{keyvalue, look};

/// A kind of token: literals that announce it, its regex (group 1, if there is one, is what is masked) and a last look.
struct Shape {
    name: &'static str,
    hints: &'static [&'static str],
    regex: &'static str,
    holds: fn(&str) -> bool,
}

const fn any(_: &str) -> bool {
    true
}

/// Tokens have digits or both cases; hyphenated words have neither.
fn mixed(s: &str) -> bool {
    s.bytes().any(|b| b.is_ascii_digit()) && s.bytes().any(|b| b.is_ascii_alphabetic())
}

/// `Bearer authentication` and `Basic Authentication` are words.
fn credential(s: &str) -> bool {
    let words = s.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'.' | b'_' | b'='));
    let cased = s.bytes().skip(1).any(|b| b.is_ascii_uppercase());
    !words || (cased && s.len() >= 12) || s.ends_with('=') || s.len() >= 30
}

/// What follows `password` in a sentence is one if nobody would write it there otherwise.
fn said(s: &str) -> bool {
    mixed(s) && !look::ordinary(s) && !s.contains(['=', '[', ':', '(', '/'])
}

fn unmasked(s: &str) -> bool {
    !look::placeholder(s)
}

macro_rules! shape {
    ($name:literal, [$($hint:literal),+], $regex:expr) => { shape!($name, [$($hint),+], $regex, any) };
    ($name:literal, [$($hint:literal),+], $regex:expr, $holds:expr) => {
        Shape { name: $name, hints: &[$($hint),+], regex: $regex, holds: $holds }
    };
}

const SHAPES: &[Shape] = &[
    shape!("docker-mcp key", ["dmcp_"], r"\bdmcp_[0-9a-f]{16,}"),
    shape!(
        "bearer or basic",
        ["bearer", "basic"],
        r"(?i)\b(?:bearer|basic)[ \t]+([a-z0-9+/=._~-]{8,})",
        credential
    ),
    shape!("json web token", ["eyj"], r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*"),
    shape!("aws key id", ["akia", "asia", "abia", "acca"], r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", mixed),
    shape!("google api key", ["aiza"], r"\bAIza[A-Za-z0-9_-]{30,}"),
    shape!("google oauth", ["gocspx-", "ya29."], r"\b(?:GOCSPX-|ya29\.)[A-Za-z0-9_-]{20,}"),
    shape!("github", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"\bgh[pousr]_[A-Za-z0-9]{16,}"),
    shape!("github fine-grained", ["github_pat_"], r"\bgithub_pat_[A-Za-z0-9_]{16,}"),
    shape!(
        "gitlab",
        ["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "glsoat-"],
        r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_.=-]{16,}"
    ),
    shape!("slack", ["xox", "xapp-"], r"\b(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9-]{10,}", mixed),
    shape!(
        "webhook",
        ["hooks.slack.com", "api/webhooks/"],
        r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|api/webhooks)/([A-Za-z0-9/_-]{16,})"
    ),
    shape!(
        "stripe",
        ["sk_live_", "sk_test_", "rk_live_", "rk_test_"],
        r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"
    ),
    shape!("stripe webhook", ["whsec_"], r"\bwhsec_[A-Za-z0-9+/=]{16,}"),
    shape!("openai, anthropic", ["sk-"], r"\bsk-[A-Za-z0-9_-]{20,}", mixed),
    shape!("npm", ["npm_"], r"\bnpm_[A-Za-z0-9]{30,}"),
    shape!("pypi", ["pypi-"], r"\bpypi-[A-Za-z0-9_-]{32,}", mixed),
    shape!("digitalocean", ["dop_v1_", "doo_v1_", "dor_v1_"], r"\bdo[opr]_v1_[a-f0-9]{32,}"),
    shape!("sendgrid", ["sg."], r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    shape!("twilio", ["sk"], r"\bSK[0-9a-f]{32}\b"),
    shape!("mailgun", ["key-"], r"\bkey-[0-9a-f]{32}\b"),
    shape!("hugging face", ["hf_"], r"\bhf_[A-Za-z0-9]{30,}"),
    shape!("docker hub", ["dckr_pat_", "dckr_oat_"], r"\bdckr_[po]at_[A-Za-z0-9_-]{16,}"),
    shape!("docker swarm", ["swmtkn-1-", "swmkey-1-"], r"\bSWM(?:TKN|KEY)-1-[A-Za-z0-9+/=-]{16,}"),
    shape!("vault", ["hvs.", "hvb.", "hvr."], r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    shape!("telegram", [":aa"], r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}"),
    shape!("age", ["age-secret-key-"], r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    shape!("grafana", ["glsa_", "glc_"], r"\bgl(?:sa|c)_[A-Za-z0-9_=+/]{28,}"),
    shape!("shopify", ["shpat_", "shpss_", "shpca_", "shppa_"], r"\bshp(?:at|ss|ca|pa)_[A-Fa-f0-9]{32,}"),
    shape!("databricks", ["dapi"], r"\bdapi[a-f0-9]{32}\b"),
    shape!("atlassian", ["atatt3"], r"\bATATT3[A-Za-z0-9_=-]{30,}"),
    shape!("terraform cloud", ["atlasv1"], r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{30,}"),
    shape!(
        "new relic, postman, linear",
        ["nrak-", "pmak-", "lin_api_"],
        r"\b(?:NRAK-|PMAK-|lin_api_)[A-Za-z0-9-]{20,}"
    ),
    shape!(
        "curl",
        ["curl"],
        r#"\bcurl\b.*?\s(?:-u|--user|--proxy-user)[ =]+["']?[^\s:"']+:([^\s"']+)"#,
        unmasked
    ),
    shape!(
        "crypt",
        ["$1$", "$5$", "$6$", "$y$", "$7$", "$2a$", "$2b$", "$2y$", "$argon2"],
        r"\$(?:[1567y]|2[aby]|argon2(?:id|i|d))\$[./A-Za-z0-9$=,+]{20,}"
    ),
    shape!("sshpass", ["sshpass"], r#"\bsshpass\s+-p\s*["']?([^\s"']+)"#, unmasked),
    shape!("redis-cli", ["redis-cli"], r#"\bredis-cli\b.*?\s-a[ =]+["']?([^\s"']+)"#, unmasked),
    shape!(
        "xml",
        ["<pass", "<secret", "<token", "<apikey", "<api_key", "<pwd", "<client"],
        r"(?i)<(?:password|passwd|pass|pwd|secret|token|api_?key|client_?secret)>([^<]+)</",
        unmasked
    ),
    shape!(
        "said in a sentence",
        ["password ", "passphrase "],
        r#"(?i)\b(?:password|passphrase)[ \t]+(?:(?:is|was|to|set to|now)[ \t]*:?[ \t]+)?["']?([^\s"']{6,})"#,
        said
    ),
];

static REGEXES: [OnceLock<Option<Regex>>; SHAPES.len()] = [const { OnceLock::new() }; SHAPES.len()];

/// Bits beyond the shapes.
const KEY_VALUE: u64 = 1 << 63;
const URL: u64 = 1 << 62;

/// Literals that announce a key of [`keyvalue`].
const KEY_HINTS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "auth",
    "cred",
    "cookie",
    "jwt",
    "bearer",
    "dsn",
    "sig",
    "_pw",
    "connection",
];

/// What a text must hold to be worth a look.
#[derive(Debug)]
pub(super) struct Prefilter {
    automaton: Option<AhoCorasick>,
    families: Vec<u64>,
}

impl Prefilter {
    pub(super) fn new(keys: &KeySet) -> Self {
        let mut hints: Vec<(String, u64)> = Vec::new();
        let mut add = |word: &str, family: u64| match hints.iter_mut().find(|(w, _)| w == word) {
            Some((_, f)) => *f |= family,
            None => hints.push((word.to_owned(), family)),
        };
        for (i, shape) in SHAPES.iter().enumerate() {
            shape.hints.iter().for_each(|h| add(h, 1 << i));
        }
        KEY_HINTS.iter().for_each(|h| add(h, KEY_VALUE));
        // a glob's literal is part of an assignment; short ones would stop at every line
        for word in keys.words() {
            match word.len() {
                0 => {}
                1 | 2 => add(&format!("{word}="), KEY_VALUE),
                _ => add(word, KEY_VALUE),
            }
        }
        add("://", URL);
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(hints.iter().map(|(w, _)| w))
            .ok();
        Self { automaton, families: hints.into_iter().map(|(_, f)| f).collect() }
    }

    /// Adds the range of every secret in the text.
    pub(super) fn spans(&self, text: &str, globs: Option<&KeySet>, out: &mut Vec<Range<usize>>) {
        key_blocks(text, out);
        let Some(automaton) = &self.automaton else { return whole(text, globs, out) };
        let mut line = 0..0;
        let mut families = 0;
        for hit in automaton.find_overlapping_iter(text) {
            if hit.start() >= line.end {
                look_at(text, line, families, globs, out);
                line = line_around(text, hit.start());
                families = 0;
            }
            families |= self.families.get(hit.pattern().as_usize()).copied().unwrap_or(u64::MAX);
        }
        look_at(text, line, families, globs, out);
    }
}

/// Without an automaton everything is looked at.
fn whole(text: &str, globs: Option<&KeySet>, out: &mut Vec<Range<usize>>) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        look_at(text, at..at + line.len(), u64::MAX, globs, out);
        at += line.len();
    }
}

fn line_around(text: &str, at: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let start = bytes.get(..at).and_then(|b| b.iter().rposition(|b| *b == b'\n')).map_or(0, |i| i + 1);
    let end = bytes.get(at..).and_then(|b| b.iter().position(|b| *b == b'\n')).map_or(text.len(), |i| at + i);
    start..end
}

fn look_at(
    text: &str,
    range: Range<usize>,
    families: u64,
    globs: Option<&KeySet>,
    out: &mut Vec<Range<usize>>,
) {
    let base = range.start;
    let Some(line) = text.get(range).filter(|_| families != 0) else { return };
    if families & KEY_VALUE != 0 {
        keyvalue::scan(line, base, globs, out);
    }
    if families & URL != 0 {
        userinfo(line, base, out);
    }
    for (i, shape) in SHAPES.iter().enumerate() {
        if families & (1 << i) == 0 {
            continue;
        }
        let Some(regex) = regex(i) else { continue };
        for found in regex.captures_iter(line) {
            let Some(m) = found.get(1).or_else(|| found.get(0)) else { continue };
            if (shape.holds)(m.as_str()) {
                out.push(m.start() + base..m.end() + base);
            }
        }
    }
}

/// The kinds of tokens that are known by their shape, for documentation.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|s| s.name)
}

fn regex(i: usize) -> Option<&'static Regex> {
    let (slot, shape) = (REGEXES.get(i)?, SHAPES.get(i)?);
    slot.get_or_init(|| Regex::new(shape.regex).ok()).as_ref()
}

/// A private key is shorter than this.
const BLOCK_MAX: usize = 16 * 1024;

/// Private keys in PEM, over several lines or with escaped newlines, also when one end is cut off.
fn key_blocks(text: &str, out: &mut Vec<Range<usize>>) {
    const OPEN: &str = "-----BEGIN ";
    const CLOSE: &str = "-----END ";
    const LABEL: &str = "PRIVATE KEY";
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find(LABEL)) {
        let label = at + found;
        let after_label = label + LABEL.len();
        let line = floor(text, label.saturating_sub(40)).max(at);
        let before = text.get(line..label).unwrap_or_default();
        if let Some(open) = before.rfind(OPEN) {
            let block = text.get(after_label..floor(text, after_label + BLOCK_MAX)).unwrap_or_default();
            let end = match block.find(CLOSE) {
                Some(close) => {
                    let tail = block.get(close + CLOSE.len()..).unwrap_or_default();
                    close + CLOSE.len() + tail.find("-----").map_or(0, |i| i + 5)
                }
                // its end is missing: as far as it looks like base64
                None => {
                    let body =
                        block.trim_start_matches(|c: char| c == '-' || c.is_ascii_uppercase() || c == ' ');
                    let armour = body.find(|c: char| !is_armour(c)).unwrap_or(body.len());
                    block.len() - body.len() + armour
                }
            };
            out.push(line + open..after_label + end);
            at = after_label + end;
        } else {
            if let Some(close) = before.rfind(CLOSE) {
                // its beginning is missing: back over lines of base64
                let until = line + close;
                let body =
                    text.get(floor(text, until.saturating_sub(BLOCK_MAX)).max(at)..until).unwrap_or_default();
                let lines = body.trim_end_matches('\n').rsplit('\n');
                let length: usize = lines
                    .take_while(|l| {
                        !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=\\".contains(&b))
                    })
                    .map(|l| l.len() + 1)
                    .sum();
                if length > 20 {
                    out.push(until.saturating_sub(length).max(at)..until);
                }
            }
            at = after_label;
        }
    }
}

const fn is_armour(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '\n' | '\\')
}

/// As much of a URL is looked at.
const URL_MAX: usize = 2048;

/// The password in `scheme://user:password@host`, and a long user name that is a token.
fn userinfo(line: &str, base: usize, out: &mut Vec<Range<usize>>) {
    for (found, mark) in line.match_indices("://") {
        let schemed =
            found.checked_sub(1).and_then(|i| line.as_bytes().get(i)).is_some_and(u8::is_ascii_alphanumeric);
        let start = found + mark.len();
        let rest = line.get(start..floor(line, start + URL_MAX)).unwrap_or_default();
        let bytes = rest.as_bytes();
        let ends = |i: usize, b: u8| {
            b" \t\"'<>`".contains(&b) || (b == b':' && bytes.get(i..i + 3).is_some_and(|w| w == b"://"))
        };
        let mut end = bytes.iter().enumerate().position(|(i, b)| ends(i, *b)).unwrap_or(rest.len());
        if bytes.get(end) == Some(&b':') {
            // the next URL has a userinfo of its own
            end = rest.get(..end).and_then(|r| r.rfind([',', ';', '|'])).unwrap_or(end);
        }
        let url = rest.get(..end).unwrap_or_default();
        let authority = url.find(['/', '?', '#']).unwrap_or(url.len());
        let colon = url.find(':');
        let at = url.get(..authority).and_then(|a| a.rfind('@')).or_else(|| {
            // a password with a slash in it, but not a port before a path
            let port = url.get(colon? + 1..authority)?;
            let numeric = port.bytes().all(|b| b.is_ascii_digit());
            (colon? < authority && !numeric).then(|| url.rfind('@')).flatten()
        });
        let Some(at) = at.filter(|_| schemed) else { continue };
        let range = match colon.filter(|c| *c < at) {
            Some(colon) => colon + 1..at,
            None if look_like_token(url.get(..at).unwrap_or_default()) => 0..at,
            None => continue,
        };
        let secret = url.get(range.clone()).unwrap_or_default();
        if !secret.is_empty() && !look::placeholder(secret) {
            out.push(range.start + start + base..range.end + start + base);
        }
    }
}

fn look_like_token(user: &str) -> bool {
    user.len() >= 20 && mixed(user) && !user.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_regex_compiles_and_fits_the_mask() {
        assert!(SHAPES.len() < 62);
        for (i, shape) in SHAPES.iter().enumerate() {
            assert!(regex(i).is_some(), "{}", shape.name);
            assert!(shape.hints.iter().all(|h| h.bytes().all(|b| !b.is_ascii_uppercase())), "{}", shape.name);
        }
    }

    #[test]
    fn passwords_in_urls() {
        let show = |line: &str| {
            let mut spans = Vec::new();
            userinfo(line, 0, &mut spans);
            spans.into_iter().map(|r| line[r].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(show("postgres://app:s3cr3t@db:5432/app"), ["s3cr3t"]);
        assert_eq!(show("redis://:p@ss@cache:6379"), ["p@ss"]);
        assert_eq!(show("amqp://u:pa/ss@mq/vhost"), ["pa/ss"]);
        assert_eq!(show("mongodb://u:pw1@h1:27017,h2:27017/db?x=1 and http://a:b@c"), ["pw1", "b"]);
        assert_eq!(show(&format!("https://{}@sentry.io/1", "a1".repeat(16))), ["a1".repeat(16)]);
        for line in [
            "http://host:8080/@scope/pkg",
            "https://example.com/path?mail=a@b.c",
            "ssh://git@github.com/x/y",
            "postgres://app:${PW}@db",
            "http://u:***@h",
            "http://u:[redacted]@h",
            "see ://nothing:x@y",
        ] {
            assert!(show(line).is_empty(), "{line} {:?}", show(line));
        }
    }
}
