//! Commands inside commands: what `sh -c`, `env`, `busybox`, `xargs` and their like would run. For the lists that catch
//! accidents; where it matters, such programs are simply not allowed.

use super::script;

/// A command, and those that it would run as far as can be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its words.
    pub words: Vec<String>,
    /// The files that it is redirected to or from.
    pub files: Vec<String>,
}

const DEEPEST: usize = 5;
const MOST: usize = 500;
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "hush"];
/// They run the rest of their words, after options and assignments.
const RUNNERS: &[&str] = &[
    "env",
    "nice",
    "nohup",
    "setsid",
    "timeout",
    "time",
    "xargs",
    "sudo",
    "doas",
    "exec",
    "command",
    "builtin",
    "stdbuf",
    "ionice",
    "chroot",
    "busybox",
    "toybox",
    "watch",
    "chpst",
    "gosu",
    "su-exec",
    "tini",
    "dumb-init",
];

/// Every command in it, and in what a shell without a script would read.
pub(super) fn all(argv: &[String], stdin: Option<&str>) -> Vec<Seen> {
    let mut found = Vec::new();
    add(Seen { words: argv.to_vec(), files: Vec::new() }, DEEPEST, &mut found);
    let reads = |seen: &Seen| {
        let mut rest = seen.words.iter().skip(1);
        seen.words.first().is_some_and(|word| SHELLS.contains(&name(word)))
            && rest.all(|w| w.starts_with('-'))
    };
    if let Some(text) = stdin
        && found.iter().any(reads)
    {
        lines(text, DEEPEST, &mut found);
    }
    found
}

/// The name of a program without its folder.
pub(super) fn name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn add(seen: Seen, depth: usize, found: &mut Vec<Seen>) {
    let words = seen.words.clone();
    found.push(seen);
    if depth == 0 || found.len() > MOST {
        return;
    }
    let program = words.first().map_or("", |word| name(word));
    let rest = words.get(1..).unwrap_or_default();
    if SHELLS.contains(&program) {
        if let Some(text) = after_c(rest) {
            lines(text, depth, found);
        }
    } else if program == "eval" {
        lines(&rest.join(" "), depth, found);
    } else if program == "find" {
        for (at, _) in
            rest.iter().enumerate().filter(|(_, w)| matches!(w.as_str(), "-exec" | "-execdir" | "-ok"))
        {
            let command = rest.iter().skip(at + 1).take_while(|w| !matches!(w.as_str(), ";" | "+"));
            add(Seen { words: command.cloned().collect(), files: Vec::new() }, depth - 1, found);
        }
    } else if RUNNERS.contains(&program) {
        // Which words are values of options differs: every word that could begin the command is tried.
        for at in 0..rest.len().min(6) {
            let before = rest.get(..at).unwrap_or_default();
            let fits = |(n, w): (usize, &String)| {
                let value = n.checked_sub(1).and_then(|n| before.get(n)).is_some_and(|w| w.starts_with('-'));
                value
                    || w.starts_with('-')
                    || w.contains('=')
                    || w.starts_with(|c: char| c.is_ascii_digit())
                    || w.len() < 3
            };
            if !before.iter().enumerate().all(fits)
                && program != "sudo"
                && program != "chroot"
                && program != "gosu"
            {
                break;
            }
            add(
                Seen { words: rest.get(at..).unwrap_or_default().to_vec(), files: Vec::new() },
                depth - 1,
                found,
            );
        }
    }
}

/// The text of `-c`, also in a bundle such as `-ec`.
fn after_c(rest: &[String]) -> Option<&str> {
    let at = rest.iter().position(|w| w.starts_with('-') && !w.starts_with("--") && w.contains('c'))?;
    rest.iter().skip(at + 1).find(|w| !w.starts_with('-')).map(String::as_str)
}

fn lines(text: &str, depth: usize, found: &mut Vec<Seen>) {
    if let Some(script) = script::read(text) {
        for simple in script.commands {
            add(Seen { words: simple.words, files: simple.files }, depth - 1, found);
        }
    }
}
