use std::sync::Arc;

use super::{Learned, Redactor, noise};
use crate::output::LineMask;

/// A line that comes in parts, put together again.
fn joined(text: &str, size: usize, learned: &Learned) -> String {
    let mut mask = LineMask::new(Arc::new(Redactor::default()), learned.clone());
    let parts: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
    let last = parts.len().saturating_sub(1);
    let part = |(i, part): (usize, &&[u8])| mask.line(std::str::from_utf8(part).unwrap(), i < last).0;
    parts.iter().enumerate().map(part).collect()
}

#[test]
fn a_secret_on_a_border_is_masked() {
    const LINE: usize = 64 << 10;
    let learned = Learned::builder().value("sup3rsecret").build();
    for at in (LINE - 20..LINE + 5).chain(LINE - 4200..LINE - 4000) {
        for filler in ["x", ".", " "] {
            let text = format!("{}sup3rsecret{}", filler.repeat(at), filler.repeat(9_000));
            let want = text.replace("sup3rsecret", "[redacted]");
            assert!(joined(&text, LINE, &learned) == want, "{at}");
        }
        // By its shape.
        let text = format!("{} password=Hunter2Hunter2 {}", "word ".repeat(at / 5), "y".repeat(9_000));
        assert!(!joined(&text, LINE, &learned).contains("unter2"), "{at}");
    }
}

#[test]
fn a_key_written_on_one_line_is_masked_over_a_border() {
    let (begin, end) =
        (["-----BEGIN ", "PRIVATE KEY-----"].concat(), ["-----END ", "PRIVATE KEY-----"].concat());
    let body: Vec<String> = (0..40).map(|i| noise(64, i)).collect();
    for at in [100, 63_000, 65_500, 65_530, 65_540] {
        let text =
            format!("{} {begin}\\n{}\\n{end} {}", "w ".repeat(at / 2), body.join("\\n"), "z".repeat(70_000));
        let out = joined(&text, 64 << 10, &Learned::default());
        assert!(!body.iter().any(|b| out.contains(&b[..20]) || out.contains(&b[44..])), "{at}");
        assert!(out.ends_with('z'), "{at}");
    }
}

#[test]
fn a_line_in_parts_loses_nothing() {
    let learned = Learned::builder().value("sup3rsecret").build();
    let text = "word sup3rsecret ".repeat(40_000);
    for size in [5_000, 16_384, 100_000] {
        assert!(joined(&text, size, &learned) == "word [redacted] ".repeat(40_000), "{size}");
    }
    let plain = "y".repeat(300_000);
    assert!(joined(&plain, 64 << 10, &learned) == plain);
}

#[test]
fn a_secret_longer_than_the_hold_is_swallowed() {
    let long = noise(300_000, 3);
    let out = joined(&format!("a password={long} end"), 64 << 10, &Learned::default());
    assert!(out.len() < 200 && out.ends_with(" end"), "{}", out.len());
}

#[test]
fn without_redaction_a_line_is_only_cleaned() {
    let mut mask = LineMask::default();
    assert_eq!(mask.line("password=hunter2\u{1b}[0m", false).0, "password=hunter2");
}
