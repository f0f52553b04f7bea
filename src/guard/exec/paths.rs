//! Paths in a container, as far as words tell.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::config::settings::ExecSafety;
use crate::policy::Pattern;

use super::super::refusal::Refusal;

/// Devices that everybody writes to and nobody is hurt by.
static HARMLESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"/dev/(?:null|zero|full|random|urandom|stdin|stdout|stderr|tty|fd/[0-9]+)([^A-Za-z0-9_./-]|$)",
    )
    .ok()
});

pub(super) fn without_harmless(text: &str) -> Cow<'_, str> {
    match &*HARMLESS {
        Some(regex) => regex.replace_all(text, "-$1"),
        None => Cow::Borrowed(text),
    }
}

/// Is it one of these, and nothing else?
pub(super) fn is_harmless(path: &str) -> bool {
    // `-` is a file of that name.
    path.starts_with("/dev/") && without_harmless(path) == "-"
}

/// A working directory: absolute, and without steps that lead elsewhere.
pub(super) fn directory(dir: &str) -> Result<(), Refusal> {
    let sound = dir.starts_with('/') && !dir.contains('\0') && !dir.split('/').any(|part| part == "..");
    // Where runc keeps its own files open, such a folder led out of the container (CVE-2024-21626).
    match sound && !clean(dir).starts_with("/proc/self/fd") {
        true => Ok(()),
        false => Err(Refusal::malformed(
            format!("`{dir}` cannot be the working directory"),
            "an absolute path in the container, without `..`",
        )),
    }
}

/// The first denied path that a word names, and the entry that denies it.
pub(super) fn denied<'a>(
    word: &str,
    workdir: Option<&str>,
    safety: &'a ExecSafety,
) -> Option<(String, &'a Pattern)> {
    let word = without_harmless(word);
    let mut found: Vec<String> = Vec::new();
    match workdir {
        // In the root folder every word is a name of something, `dev` and `proc` too: only what is written as a path counts.
        Some(dir) if !word.starts_with(['/', '-']) && (clean(dir) != "/" || word.contains('/')) => {
            found.push(clean(&format!("{dir}/{word}")));
        }
        // However deep the folder is that nobody named.
        None if word.starts_with("../") => found.push(clean(&word)),
        _ => {}
    }
    // Behind `=`, `:`, a flag's letter, a bracket, ...: wherever a path can begin.
    let mut before = None;
    for (at, c) in word.char_indices() {
        let letter = word.starts_with('-') && at == 2;
        let begins = before.is_none_or(|b: char| !(b.is_ascii_alphanumeric() || "_.-/".contains(b)));
        if c == '/' && (begins || letter) {
            let rest = word.get(at..).unwrap_or_default();
            let end =
                rest.find(|c: char| c.is_whitespace() || "\"';|&<>(){},:".contains(c)).unwrap_or(rest.len());
            found.push(clean(rest.get(..end).unwrap_or_default()));
        }
        before = Some(c);
    }
    found.into_iter().find_map(|path| beneath(&path, safety).map(|by| (path, by)))
}

/// The entry that denies this path, or a folder above it.
pub(super) fn beneath<'a>(path: &str, safety: &'a ExecSafety) -> Option<&'a Pattern> {
    let path = clean(path);
    safety.denied_paths.iter().find(|denied| below(&path, &clean(&denied.text)))
}

/// The folder itself, and what lies in it.
pub(super) fn below(path: &str, folder: &str) -> bool {
    path == folder || path.strip_prefix(folder).is_some_and(|rest| folder == "/" || rest.starts_with('/'))
}

/// Absolute, without empty, `.` and `..` parts; links are not known here.
#[must_use]
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                let _the_root_has_no_parent = parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
