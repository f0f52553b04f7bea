//! From what the caller wrote to program and arguments, and back.

use super::super::refusal::Refusal;
use super::{LONGEST, script};

/// What shells do themselves, and mostly no program does.
const BUILTINS: &[&str] = &[
    ".", ":", "alias", "bg", "cd", "command", "eval", "exec", "exit", "export", "fg", "hash", "jobs", "read",
    "readonly", "set", "shift", "source", "times", "trap", "type", "ulimit", "umask", "unalias", "unset",
    "wait",
];

/// One string as program and arguments. With what only a shell understands (operators, expansions, patterns) it becomes
/// `sh -c` of the whole string, and that is said.
///
/// # Errors
/// An empty one, and a quote that is not closed.
pub fn said(line: &str) -> Result<(Vec<String>, bool), Refusal> {
    if line.trim().is_empty() {
        return Err(Refusal::malformed("`command` is empty", "name a program and its arguments"));
    }
    if line.len() > LONGEST {
        return Err(too_long());
    }
    if let Some(words) = script::one_command(line)
        && words.first().is_none_or(|first| !BUILTINS.contains(&first.as_str()))
    {
        return Ok((words, false));
    }
    if script::unclosed(line) {
        return Err(Refusal::malformed(
            "a quote in `command` is not closed",
            "close it, or give `command` as an array of program and arguments",
        ));
    }
    Ok((vec!["sh".to_owned(), "-c".to_owned(), line.to_owned()], true))
}

/// Can it be run at all?
pub(super) fn sound(argv: &[String]) -> Result<(), Refusal> {
    match argv.first() {
        None => return Err(Refusal::malformed("`command` is empty", "name a program and its arguments")),
        Some(program) if program.trim().is_empty() => {
            return Err(Refusal::malformed(
                "the program in `command` is empty",
                "its first word is the program",
            ));
        }
        Some(_) => {}
    }
    if argv.iter().any(|word| word.contains('\0')) {
        return Err(Refusal::malformed(
            "`command` contains a NUL character",
            "leave it out; use `stdin` for data",
        ));
    }
    if argv.iter().map(|word| word.len() + 1).sum::<usize>() > LONGEST {
        return Err(too_long());
    }
    Ok(())
}

fn too_long() -> Refusal {
    Refusal::malformed(
        format!("`command` is longer than {} KiB", LONGEST / 1024),
        "give what is long as `stdin`, or copy it in with docker_copy_to",
    )
}

/// The argv as a shell would need it written: what the regexes of `allowed_commands` are matched against.
#[must_use]
pub fn quoted(argv: &[String]) -> String {
    let word = |word: &String| match !word.is_empty() && word.chars().all(plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The same for a person who is to decide: line ends and other controls are written out, and of what is very long both
/// ends are shown.
#[must_use]
pub fn spelled(argv: &[String]) -> String {
    const MOST: usize = 3000;
    let line: String = quoted(argv)
        .chars()
        .flat_map(|c| match c.is_control() {
            true => c.escape_default().collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect();
    if line.len() <= 2 * MOST {
        return line;
    }
    let (head, tail) = (line.floor_char_boundary(MOST), line.ceil_char_boundary(line.len() - MOST));
    let (first, last) = (line.get(..head).unwrap_or_default(), line.get(tail..).unwrap_or_default());
    format!("{first} [... {} bytes not shown ...] {last}", tail - head)
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./,:=@%+^".contains(c)
}
