use super::{Learned, Redactor, noise};
use crate::output::Streaming;

fn streamed(text: &str, size: usize, learned: &Learned) -> String {
    let redactor = Redactor::default();
    let mut stream = Streaming::new(&redactor, learned.clone());
    let mut out = String::new();
    let chars: Vec<char> = text.chars().collect();
    for chunk in chars.chunks(size) {
        out.push_str(&stream.push(&chunk.iter().collect::<String>()));
    }
    out.push_str(&stream.finish());
    out
}

#[test]
fn a_secret_on_a_border_is_masked() {
    let learned = Learned::builder().value("sup3rsecret").build();
    let begin = ["-----BEGIN ", "PRIVATE KEY-----"].concat();
    let end = ["-----END ", "PRIVATE KEY-----"].concat();
    let text = format!(
        "start\npassword=hunter2\n\u{1b}[31msup3rsecret\u{1b}[0m\r\n{begin}\n{}\n{}\n{end}\nafter\nlast",
        noise(64, 1),
        noise(64, 2)
    );
    let want = "start\npassword=[redacted]\n[redacted]\n[redacted]\nafter\nlast";
    for size in 1..40 {
        assert_eq!(streamed(&text, size, &learned), want, "{size}");
    }
}

#[test]
fn a_line_without_end_is_let_go() {
    let learned = Learned::builder().value("sup3rsecret").build();
    let text = "word sup3rsecret ".repeat(40_000);
    for size in [1_000, 16_384, 100_000] {
        let out = streamed(&text, size, &learned);
        assert!(!out.contains("sup3r") && !out.contains("secret"), "{size}");
        assert_eq!(out, "word [redacted] ".repeat(40_000));
    }
    let redactor = Redactor::default();
    let mut stream = Streaming::new(&redactor, learned);
    assert!(!stream.push(&"y".repeat(200_000)).is_empty());
}

#[test]
fn a_secret_longer_than_the_hold_is_swallowed() {
    let long = noise(300_000, 3);
    let out = streamed(&format!("a password={long} end\nnext\n"), 16_384, &Learned::default());
    assert!(out.len() < 200 && out.ends_with(" end\nnext\n"), "{}", out.len());
}
