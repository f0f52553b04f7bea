//! From text to statements: comments, continued lines, here-documents, the lines at the top that speak to the builder.

use crate::policy::reference::ImageRef;

use super::heredoc::{self, Heredoc};
use super::{Named, Refused};

/// A file taken apart.
#[derive(Debug, Default)]
pub(super) struct File {
    pub statements: Vec<Statement>,
    /// What `# syntax=` names.
    pub frontend: Option<Named>,
    pub here_documents: bool,
}

/// An instruction in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub line: usize,
    /// In lower case.
    pub keyword: String,
    /// `--name=value`, as they stand.
    pub flags: Vec<String>,
    /// What stands behind them.
    pub rest: String,
}

const KEYWORDS: &[&str] = &[
    "add",
    "arg",
    "cmd",
    "copy",
    "entrypoint",
    "env",
    "expose",
    "from",
    "healthcheck",
    "label",
    "maintainer",
    "onbuild",
    "run",
    "shell",
    "stopsignal",
    "user",
    "volume",
    "workdir",
];

pub(super) fn split(text: &str) -> Result<File, Refused> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut file = File::default();
    let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r')).zip(1..);
    while let Some((first, number)) = lines.next() {
        if let Some(comment) = comment(first) {
            if file.statements.is_empty() {
                directive(comment, number, &mut file)?;
            }
            continue;
        }
        let (mut whole, mut more) = continued(first.trim_start_matches([' ', '\t']), number)?;
        while more && let Some((next, number)) = lines.next() {
            // Builders skip both within a statement.
            if comment(next).is_some() || next.trim().is_empty() {
                continue;
            }
            let (part, goes_on) = continued(next, number)?;
            whole.push_str(&part);
            more = goes_on;
        }
        if whole.trim().is_empty() {
            continue;
        }
        if whole.chars().any(|c| (c.is_control() && c != '\t') || (c.is_whitespace() && !c.is_ascii())) {
            return Err(Refused::unclear(number, "a control character or a space that is none"));
        }
        let statement = statement(&whole, number)?;
        for Heredoc { name, tabs } in heredoc::of(&statement)? {
            file.here_documents = true;
            let ends = |(line, _): &(&str, usize)| match tabs {
                true => line.trim_start_matches('\t') == name,
                false => *line == name,
            };
            if !lines.any(|line| ends(&line)) {
                return Err(Refused::unclear(number, "a here-document without an end"));
            }
        }
        file.statements.push(statement);
    }
    Ok(file)
}

fn comment(line: &str) -> Option<&str> {
    line.trim_start_matches([' ', '\t']).strip_prefix('#')
}

/// A line without the backslash that continues it.
fn continued(line: &str, number: usize) -> Result<(String, bool), Refused> {
    let bare = line.trim_end_matches([' ', '\t']);
    match bare.strip_suffix('\\') {
        None => Ok((line.to_owned(), false)),
        // Builders differ in whether this goes on.
        Some(before) if before.ends_with('\\') => {
            Err(Refused::unclear(number, "a line that ends with two backslashes"))
        }
        Some(before) => Ok((before.to_owned(), true)),
    }
}

/// A comment at the top may speak to the builder. Where one builder stops to listen another may not yet: all are heard.
fn directive(comment: &str, line: usize, file: &mut File) -> Result<(), Refused> {
    let Some((key, value)) = comment.split_once('=') else { return Ok(()) };
    match key.trim().to_ascii_lowercase().as_str() {
        "escape" => Err(Refused::unsafe_(line, "`escape` is not served: it changes what the lines mean")),
        "syntax" => {
            let image = ImageRef::parse(value.trim())
                .map_err(|_| Refused::unclear(line, "`syntax` does not name an image"))?;
            let version = image.tag().is_some_and(|tag| tag == "1" || tag.starts_with("1."));
            let plain = image.tag().is_some_and(|tag| tag.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
            if image.repository() != "docker.io/docker/dockerfile" || !version || !plain {
                let why = "`syntax` names another frontend than docker/dockerfile:1, and a frontend is code";
                return Err(Refused::unsafe_(line, why));
            }
            if file.frontend.is_some() {
                return Err(Refused::unclear(line, "`syntax` stands twice"));
            }
            file.frontend = Some(Named { line, image });
            Ok(())
        }
        _ => Ok(()),
    }
}

/// One statement, also of what stands behind `ONBUILD`.
pub(super) fn statement(whole: &str, line: usize) -> Result<Statement, Refused> {
    let whole = whole.trim();
    let (keyword, mut rest) = whole.split_once([' ', '\t']).unwrap_or((whole, ""));
    let keyword = keyword.to_ascii_lowercase();
    if !KEYWORDS.contains(&keyword.as_str()) {
        return Err(Refused::unclear(line, "no instruction that is known; is this a Dockerfile?"));
    }
    let mut flags = Vec::new();
    loop {
        rest = rest.trim_start();
        if !rest.starts_with("--") {
            break;
        }
        let (flag, behind) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        rest = behind;
        if flag == "--" {
            break;
        }
        if flag.contains(['"', '\'', '\\', '`']) {
            return Err(Refused::unclear(line, "a flag with quotes or backslashes"));
        }
        flags.push(flag.to_owned());
    }
    Ok(Statement { line, keyword, flags, rest: rest.trim().to_owned() })
}
