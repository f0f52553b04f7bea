//! What compose complains of, made fit for a caller: paths as they were written, none of ours, and nothing of what stands
//! in files that are no compose files.

use std::sync::LazyLock;

use regex::Regex;

use super::mirror::Gathered;

/// So many characters of it are told.
const MOST: usize = 2_000;
/// So many variables.
const UNSET: usize = 50;

/// Lines of its log: `time="..." level=warning msg="..."`.
static LOGGED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^time="[^"]*" level=(\w+) msg="((?:[^"\\]|\\.)*)""#).ok());
static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^The "(\w+)" variable is not set"#).ok());
/// It repeats lines of env files that it cannot read; some versions without the name. Of a compose file it says `yaml: line`.
static ENV_FILE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)failed to (?:read|parse(?: env_file)?) (.+?): (?:.*?(line \d+))?|^(?:.*: )?(line \d+): (?:unexpected|unterminated|key cannot)|^Invalid template: |^zero length string")
        .ok()
});

/// Its last words, and the variables that it did not find.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub words: String,
    pub unset: Vec<String>,
}

/// Takes what it wrote apart.
pub(super) fn said(stderr: &str) -> Said {
    let mut said = Said::default();
    let mut lines = Vec::new();
    for line in stderr.lines().filter(|line| !line.trim().is_empty()) {
        let logged = LOGGED.as_ref().and_then(|logged| logged.captures(line));
        let Some(logged) = logged else {
            lines.push(line.trim_end().to_owned());
            continue;
        };
        let part = |n| logged.get(n).map_or("", |part| part.as_str());
        let message = part(2).replace("\\\"", "\"").replace("\\n", " ").replace("\\\\", "\\");
        if let Some(name) = VARIABLE.as_ref().and_then(|it| it.captures(&message)?.get(1)) {
            let name = name.as_str().to_owned();
            if said.unset.len() < UNSET && !said.unset.contains(&name) {
                said.unset.push(name);
            }
        } else if ["error", "fatal", "panic"].contains(&part(1)) {
            lines.push(message);
        }
    }
    said.words = lines.join("\n");
    said
}

impl Gathered {
    /// Its words about these files.
    pub(super) fn retold(&self, words: &str) -> String {
        let mut words = words.to_owned();
        for (path, name) in &self.told {
            words =
                words.replace(&format!("{path}/"), if name.is_empty() || name == "." { "" } else { name });
            words = words.replace(path, name);
        }
        if let Some(env) = ENV_FILE.as_ref().and_then(|it| it.captures(&words)) {
            let part = |n| env.get(n).map(|part| part.as_str());
            let file = part(1).map_or_else(|| "one of the env files".to_owned(), |file| format!("`{file}`"));
            let line = part(2).or(part(3)).map(|line| format!(", {line}")).unwrap_or_default();
            return format!("{file} cannot be read as an env file{line}");
        }
        cut(words.trim())
    }
}

pub(super) fn cut(words: &str) -> String {
    match words.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", words.get(..at).unwrap_or_default()),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_not_its_last_words() {
        let stderr = "time=\"2026-11-28T11:29:12Z\" level=warning msg=\"The \\\"PWD\\\" variable is not set. Defaulting to a blank string.\"\n\
            time=\"x\" level=warning msg=\"Found orphan containers ([vault]) for this project.\"\n\
            time=\"x\" level=error msg=\"a \\\"b\\\"\"\nservices.web: bad\n\n";
        let want = Said { words: "a \"b\"\nservices.web: bad".into(), unset: vec!["PWD".into()] };
        assert_eq!(said(stderr), want);
    }
}
