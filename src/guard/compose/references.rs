//! Which further files compose would read while it loads one.
//!
//! What is found here is copied to where compose runs, and nothing else is there: a reference that is missed is a file that
//! compose does not find, never one that it reads unasked.

use super::yaml::{self, Yaml};
use super::{Fault, Read, Reads, References};

/// More than any project has.
const MOST: usize = 256;
const SERVICES: usize = 1000;
const LONGEST: usize = 4096;

/// Reads a compose file for what it names.
///
/// # Errors
/// It is no YAML, too large, or names what is not on this host or not for certain.
pub fn references(text: &str) -> Result<References, Fault> {
    let document = yaml::read(text)?;
    let Some(top) = document.root().and_then(Yaml::fields) else {
        let hint = "a compose file begins with keys such as `services:`";
        return Err(Fault::new(None, "the file is no map of keys and values", hint));
    };
    let mut found = References { name: None, reads: Vec::new() };
    for (key, value) in top {
        match key {
            "name" => found.name = value.text().filter(|_| !value.is_nothing()).map(str::to_owned),
            "include" => includes(value, &mut found.reads)?,
            "services" => {
                let services = value.fields().unwrap_or_default();
                if services.len() > SERVICES {
                    let line = Some(value.line());
                    return Err(Fault::new(line, "it has too many services", "1000 are the most"));
                }
                for (_, service) in services {
                    self::service(service, &mut found.reads)?;
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn service(service: Yaml<'_>, reads: &mut Vec<Read>) -> Result<(), Fault> {
    for (key, value) in service.fields().unwrap_or_default() {
        match key {
            // Without a file it is a service of this one.
            "extends" => {
                for (key, value) in value.fields().unwrap_or_default() {
                    if key == "file" {
                        one(Reads::Extends, value, true, reads)?;
                    }
                }
            }
            "env_file" => env_files(value, reads)?,
            "label_file" => {
                for value in each(value) {
                    one(Reads::LabelFile, value, true, reads)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn env_files(value: Yaml<'_>, reads: &mut Vec<Read>) -> Result<(), Fault> {
    for value in each(value) {
        let Some(fields) = value.fields() else {
            one(Reads::EnvFile, value, true, reads)?;
            continue;
        };
        let find = |name| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let required = find("required").and_then(Yaml::text);
        let required = required.is_none_or(|text| !text.eq_ignore_ascii_case("false"));
        if let Some(path) = find("path") {
            one(Reads::EnvFile, path, required, reads)?;
        }
    }
    Ok(())
}

fn includes(value: Yaml<'_>, reads: &mut Vec<Read>) -> Result<(), Fault> {
    for value in each(value) {
        let mut at = value;
        let (mut project_directory, mut env_files) = (None, Vec::new());
        if let Some(fields) = value.fields() {
            let find = |name| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            let Some(path) = find("path") else { continue };
            at = path;
            if let Some(directory) = find("project_directory") {
                project_directory = literal(directory)?;
            }
            for file in find("env_file").into_iter().flat_map(each) {
                // Compose's word for none.
                env_files.extend(literal(file)?.filter(|path| path != "/dev/null"));
            }
        }
        for path in each(at) {
            let kind =
                Reads::Include { project_directory: project_directory.clone(), env_files: env_files.clone() };
            one(kind, path, true, reads)?;
            // Further files of one entry lie upon the first, and belong where it does.
            if let (None, Some(first)) = (&project_directory, literal(path)?) {
                let folder = first.rsplit_once('/').map_or(".", |(folder, _)| folder);
                project_directory = Some(if folder.is_empty() { "/".to_owned() } else { folder.to_owned() });
            }
        }
    }
    Ok(())
}

/// One, or each of a list.
fn each(value: Yaml<'_>) -> Vec<Yaml<'_>> {
    let all = match value.list() {
        Some(list) => list.collect(),
        None => vec![value],
    };
    if value.is_nothing() { Vec::new() } else { all }
}

fn one(kind: Reads, value: Yaml<'_>, required: bool, reads: &mut Vec<Read>) -> Result<(), Fault> {
    let Some(path) = literal(value)? else { return Ok(()) };
    if reads.len() >= MOST {
        return Err(Fault::new(Some(value.line()), "it names too many files", "256 are the most"));
    }
    reads.push(Read { kind, path, line: value.line(), required });
    Ok(())
}

/// A path of this host that is what is written.
fn literal(value: Yaml<'_>) -> Result<Option<String>, Fault> {
    if value.is_nothing() {
        return Ok(None);
    }
    let fault = |message: &str, hint: &str| Err(Fault::new(Some(value.line()), message, hint));
    let Some(path) = value.text() else {
        return fault("a path must be plain text", "write the path as it is");
    };
    if path.is_empty() || path.len() > LONGEST || path.chars().any(char::is_control) {
        return fault(
            "a path is empty, too long, or has control characters in it",
            "write the path as it is",
        );
    }
    if path == "-" {
        return fault("`-` would be read from the standard input, which is empty", "name a file");
    }
    if path.starts_with('~') {
        return fault("a path begins with `~`, and compose has no home of anybody's", "write the whole path");
    }
    if path.contains('$') {
        return fault(
            "a path of a file that is read has a `$` in it: which file that is must stand in the file itself",
            "write the path as it is, without variables",
        );
    }
    if is_remote(path) {
        return fault(
            "a file of another host is named, and nothing is fetched",
            "copy it here, and name the copy",
        );
    }
    Ok(Some(path.to_owned()))
}

/// Would compose fetch it, now or in a later release?
fn is_remote(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
    };
    // `https:`, `oci:`, `host:path`, `git@host:path`
    let before = lower.split_once(':').map(|(before, _)| before);
    let scheme = before.is_some_and(|before| before.rsplit('@').all(word));
    scheme
        || lower.contains("://")
        || lower.starts_with("github.com/")
        || lower.ends_with(".git")
        || [".git#", ".git:", ".git?"].iter().any(|part| lower.contains(part))
}
