use std::sync::Arc;

use super::*;
use crate::output::{Learned, Redactor};

const BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";

fn mask() -> Mask {
    Mask::new(Arc::new(Redactor::default()), Learned::builder().value("sup3rsecret").build())
}

fn begin() -> String {
    ["-----BEGIN ", "PRIVATE KEY-----"].concat()
}

fn end() -> String {
    ["-----END ", "PRIVATE KEY-----"].concat()
}

fn line(source: Source, text: &str) -> LogLine {
    LogLine { source, text: text.to_owned(), timestamp: None, more: false }
}

fn shown(lines: &[&str]) -> Vec<String> {
    let mut masked = Masked::new(&mask());
    lines.iter().for_each(|l| masked.push(line(Source::Stdout, l), 1));
    masked.release();
    std::iter::from_fn(|| masked.pop()).map(|(l, _)| l.text).collect()
}

#[test]
fn a_key_is_masked_line_by_line() {
    for prefix in ["", "2026-01-01T00:00:00Z app | "] {
        let p = |text: &str| format!("{prefix}{text}");
        let key = [p("a"), p(&begin()), p(BODY), p(BODY), p("abcd=="), p(&end()), p("b")];
        let key: Vec<&str> = key.iter().map(String::as_str).collect();
        let got = shown(&key);
        assert_eq!(got.len(), key.len());
        assert!(!got.iter().any(|l| l.contains("MII") || l.contains("abcd")), "{got:?}");
        assert_eq!((got[0].as_str(), got[6].as_str()), (p("a").as_str(), p("b").as_str()));
        // From anywhere in the middle.
        for from in 2..5 {
            let got = shown(&key[from..]);
            assert!(!got.iter().any(|l| l.contains("MII")), "{from} {got:?}");
            assert_eq!(got.last().unwrap(), &p("b"));
        }
    }
}

#[test]
fn a_lone_beginning_hides_few_lines() {
    let mut lines = vec![begin()];
    lines.extend((0..40).map(|i| format!("an ordinary line {i}")));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let got = shown(&lines);
    assert_eq!(got.iter().filter(|l| *l == MASK).count(), 9);
    let body: Vec<String> = (0..1000).map(|_| BODY.to_owned()).collect();
    let begin = begin();
    let lines: Vec<&str> = std::iter::once(begin.as_str()).chain(body.iter().map(String::as_str)).collect();
    assert_eq!(shown(&lines).iter().filter(|l| *l == BODY).count(), 1000 - HELD_LINES);
}

#[test]
fn outputs_do_not_mix() {
    let mut masked = Masked::new(&mask());
    for (source, text) in [
        (Source::Stdout, begin()),
        (Source::Stderr, "an error".to_owned()),
        (Source::Stdout, BODY.to_owned()),
        (Source::Stderr, BODY.to_owned()),
        (Source::Stdout, end()),
        (Source::Stderr, "more words".to_owned()),
    ] {
        masked.push(line(source, &text), 1);
    }
    let got: Vec<String> = std::iter::from_fn(|| masked.pop()).map(|(l, _)| l.text).collect();
    assert_eq!(got, [MASK, "an error", MASK, BODY, MASK, "more words"]);
}

#[test]
fn base64_is_held_for_a_while_and_not_for_ever() {
    let mut masked = Masked::new(&mask());
    masked.push(line(Source::Stdout, BODY), 1);
    assert!(masked.pop().is_none() && masked.holds());
    masked.push(line(Source::Stdout, "words that follow"), 2);
    assert_eq!(masked.pop().unwrap().0.text, BODY);
    assert_eq!(masked.pop().unwrap().1, 2);
    for i in 0..2_000 {
        masked.push(line(Source::Stdout, BODY), i);
        let _popped = masked.pop();
        assert!(masked.held.len() <= HELD_LINES + 1);
    }
}
