//! What compose would read of a file as it is written.

use super::*;

fn reads(text: &str) -> Vec<(String, String)> {
    let kind = |read: &Read| match &read.kind {
        Reads::Include { project_directory: None, env_files } if env_files.is_empty() => "include".to_owned(),
        Reads::Include { project_directory, env_files } => {
            format!("include {} {}", project_directory.as_deref().unwrap_or("-"), env_files.join(","))
        }
        Reads::Extends => "extends".to_owned(),
        Reads::EnvFile if read.required => "env".to_owned(),
        Reads::EnvFile => "env?".to_owned(),
        Reads::LabelFile => "label".to_owned(),
    };
    references(text).unwrap().reads.iter().map(|read| (kind(read), read.path.clone())).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(kind, path)| ((*kind).to_owned(), (*path).to_owned())).collect()
}

fn fault(text: &str) -> Fault {
    references(text).unwrap_err()
}

#[test]
fn every_form_of_a_reference() {
    let found = references("name: shop\nservices: {web: {image: nginx}}\n").unwrap();
    assert_eq!((found.name.as_deref(), found.reads.len()), (Some("shop"), 0));
    assert_eq!(reads("include: a.yml"), pairs(&[("include", "a.yml")]));
    assert_eq!(
        reads("include: [a.yml, sub/b.yml]"),
        pairs(&[("include", "a.yml"), ("include", "sub/b.yml")])
    );
    assert_eq!(
        reads("include:\n - path: a.yml\n   project_directory: ./x\n   env_file: [one, /dev/null, two]\n"),
        pairs(&[("include ./x one,two", "a.yml")])
    );
    // Those of one entry belong where the first lies.
    assert_eq!(
        reads("include:\n - path: [sub/a.yml, b.yml]\n - path: [/c.yml, d.yml]\n"),
        pairs(&[
            ("include", "sub/a.yml"),
            ("include sub ", "b.yml"),
            ("include", "/c.yml"),
            ("include / ", "d.yml")
        ])
    );
    let text = "
services:
  web:
    extends: base
    env_file: .env.web
    label_file: [l1, l2]
  base:
    extends:
      service: other
  deep:
    extends:
      file: ../common.yml
      service: app
    env_file:
      - plain
      - path: maybe
        required: false
      - {path: raw, format: raw}
  empty:
    env_file:
    label_file: null
  none: null
";
    assert_eq!(
        reads(text),
        pairs(&[
            ("env", ".env.web"),
            ("label", "l1"),
            ("label", "l2"),
            ("extends", "../common.yml"),
            ("env", "plain"),
            ("env?", "maybe"),
            ("env", "raw"),
        ])
    );
    let lines: Vec<usize> = references(text).unwrap().reads.iter().map(|read| read.line).collect();
    assert_eq!(lines, [5, 6, 6, 12, 15, 16, 18]);
}

/// C5: what is brought in by anchors and merges is seen.
#[test]
fn aliases_and_merges_are_followed() {
    let text = "
x-common: &common
  env_file: common.env
x-more: &more
  <<: *common
  label_file: more.labels
x-files: &files [one, two]
services:
  a:
    <<: *common
  b:
    <<: [*more, {env_file: never}]
  c:
    <<: *common
    env_file: own.env
  d: *more
  e:
    env_file: *files
  f:
    \"<<\": *common
";
    assert_eq!(
        reads(text),
        pairs(&[
            ("env", "common.env"),
            ("label", "more.labels"),
            ("env", "common.env"),
            ("env", "own.env"),
            ("label", "more.labels"),
            ("env", "common.env"),
            ("env", "one"),
            ("env", "two"),
        ])
    );
    assert_eq!(reads("x: &s {web: {env_file: a}}\nservices: *s"), pairs(&[("env", "a")]));
    assert_eq!(reads("x: &k env_file\nservices: {web: {*k : a}}"), pairs(&[("env", "a")]));
}

#[test]
fn tags_that_compose_knows() {
    assert_eq!(reads("services: {web: {env_file: !reset [a]}}"), pairs(&[]));
    assert_eq!(
        reads("services: {web: {env_file: !reset a, label_file: !override [b]}}"),
        pairs(&[("label", "b")])
    );
    assert_eq!(reads("services: {web: {env_file: !!str a}}"), pairs(&[("env", "a")]));
    // Compose would decode it, and read another file.
    assert!(fault("services: {web: {env_file: !!binary L2V0Yy9wYXNzd2Q=}}").message.contains("plain text"));
    assert!(references("services: {web: {ports: !mine [a]}}").is_ok());
}

/// C11
#[test]
fn nothing_is_fetched() {
    for path in [
        "https://example.com/compose.yml",
        "HTTP://example.com/x.git",
        "git@github.com:a/b.git",
        "ssh://git@github.com/a/b",
        "github.com/a/b.git",
        "GitHub.com/a/b",
        "oci://docker.io/a/b:1",
        "docker://image",
        "file:///etc/passwd",
        "example.com/b.git#main:sub",
        "host:path",
        "oci:x",
    ] {
        for text in [
            format!("include: ['{path}']"),
            format!("include: [{{path: ['a.yml', '{path}']}}]"),
            format!("include: [{{path: a.yml, project_directory: '{path}'}}]"),
            format!("include: [{{path: a.yml, env_file: '{path}'}}]"),
            format!("services: {{web: {{extends: {{service: a, file: '{path}'}}}}}}"),
            format!("services: {{web: {{env_file: '{path}'}}}}"),
        ] {
            let fault = fault(&text);
            assert!(fault.message.contains("nothing is fetched") && fault.line == Some(1), "{text}: {fault}");
        }
    }
    for path in ["a.git/compose.yml", "./a:b.yml", "sub/x@y.yml", "../github.com/x.yml", "a.gitx"] {
        assert_eq!(reads(&format!("include: ['{path}']")), pairs(&[("include", path)]));
    }
}

#[test]
fn paths_are_what_is_written() {
    for path in ["$FILE", "${FILE:-/etc/passwd}", "a$$b", "~/x", "-", "", "a\\nb", "a\\0b"] {
        let text = format!("services:\n  web:\n    env_file: \"{path}\"");
        assert_eq!(fault(&text).line, Some(3), "{path}");
    }
    assert!(fault("services: {web: {env_file: [[a]]}}").line.is_some());
    assert!(fault("services: {web: {env_file: {path: [a]}}}").line.is_some());
    // The name is no path, and said as it stands.
    assert_eq!(references("name: ${P:-x}\nservices: {}").unwrap().name.as_deref(), Some("${P:-x}"));
    assert!(fault(&format!("include: [{}]", "a,".repeat(257))).message.contains("too many"));
}

#[test]
fn what_is_no_compose_file() {
    for text in ["", "# nothing\n", "[a, b]", "just text", "--- \n"] {
        assert!(references(text).is_err(), "{text:?}");
    }
    assert_eq!(fault("services: {}\n---\nservices: {}").message, "a second document begins");
    assert!(references("---\nservices: {}\n...\n").is_ok());
    let bad = fault("services:\n  web:\n    image: [a\n  b: c\n");
    assert!(
        bad.line.is_some() && bad.message.len() < 120 && bad.message.starts_with("it is no YAML"),
        "{bad}"
    );
    assert!(fault("services: {web: *nobody}").line.is_some());
    assert!(fault("a: &a [*a]").message.contains("alias"));
    // Nothing of the file is said again.
    let secret = fault("services:\n  password: hunter2: x\n   y: [");
    assert!(!secret.to_string().contains("hunter2"), "{secret}");
}

/// C14
#[test]
fn bombs_are_refused_at_once() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(fault(&laughs).message.contains("too much"));
    let mut merges = "a0: &a0 {env_file: x}\n".to_owned();
    for level in 1..40 {
        merges.push_str(&format!("a{level}: &a{level} {{<<: [*a{0}, *a{0}]}}\n", level - 1));
    }
    assert!(fault(&merges).message.contains("too much"));
    // As deep, though each level is written but once.
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..80 {
        deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(fault(&deep).message.contains("levels"));
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        format!("a: {}", "? ".repeat(50_000)),
    ] {
        assert!(references(&text).is_err());
    }
    assert!(fault(&"a".repeat((1 << 20) + 1)).message.contains("1 MiB"));
    assert!(fault(&format!("a: [{}]", "b,".repeat(200_000))).message.contains("too much"));
}

#[test]
fn more_than_any_project_has() {
    let many =
        |count: usize, line: &str| (0..count).map(|n| line.replace('#', &n.to_string())).collect::<String>();
    let services = |count| format!("services:\n{}", many(count, "  s#: {image: x}\n"));
    assert!(references(&services(1000)).is_ok());
    assert!(fault(&services(1001)).message.contains("too many services"));
    assert!(references(&many(9_000, "x-#: 1\n")).is_ok());
    assert!(fault(&many(10_001, "x-#: 1\n")).message.contains("too much"));
}
