//! The lists that catch accidents.

use crate::config::settings::ExecSafety;
use crate::policy::Pattern;

use super::super::refusal::Refusal;
use super::wrapped::{self, Seen, name};
use super::{Asked, paths};

const NOTE: &str =
    "this list catches accidents and is no boundary: do it in another way that does no harm, or ask a person";

pub(super) fn judge(asked: Asked<'_>, safety: &ExecSafety) -> Result<(), Refusal> {
    let commands = wrapped::all(asked.argv, asked.stdin);
    let texts = texts(asked.argv, &commands);
    for blocked in &safety.blocked_commands {
        let by_text = texts.iter().any(|text| text.contains(&spaced(&blocked.text)));
        if by_text || commands.iter().any(|seen| flagged(&blocked.text, &seen.words)) {
            return Err(listed(format!("`{}` in the command", blocked.text), "blocked_commands", blocked));
        }
    }
    for rule in &safety.blocked_patterns {
        if texts.iter().any(|text| rule.regex.is_match(text)) {
            let what = format!("what `{}` matches in the command", rule.pattern.text);
            return Err(listed(what, "blocked_patterns", &rule.pattern));
        }
    }
    for flag in &safety.denied_flags {
        if commands.iter().any(|seen| carries(&flag.text, &seen.words)) {
            return Err(listed(format!("the flag `{}`", flag.text), "denied_flags", flag));
        }
    }
    if let Some((path, denied)) = asked.workdir.and_then(|dir| paths::denied(dir, None, safety)) {
        return Err(listed(format!("the folder `{path}`"), "denied_paths", denied));
    }
    for Seen { words, files } in &commands {
        // A bare program is looked for in PATH, not in the folder.
        let workdir = |at: usize, word: &str| asked.workdir.filter(|_| at > 0 || word.contains('/'));
        let words = words.iter().enumerate().filter(|(at, _)| !left_out(words, *at));
        let words = words.map(|(at, word)| (word, workdir(at, word)));
        for (word, workdir) in words.chain(files.iter().map(|file| (file, asked.workdir))) {
            if let Some((path, denied)) = paths::denied(word, workdir, safety) {
                return Err(listed(format!("the path `{path}`"), "denied_paths", denied));
            }
        }
    }
    Ok(())
}

/// A path that is named to be left alone: `--exclude=/proc`, `find / -path /proc -prune`.
fn left_out(words: &[String], at: usize) -> bool {
    let flags = ["--exclude", "-path", "-ipath", "-wholename"];
    let is = |word: &String| flags.iter().any(|flag| word == flag);
    let itself = words.get(at).is_some_and(|word| word.starts_with("--exclude="));
    itself || at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(is)
}

fn listed(what: String, list: &str, by: &Pattern) -> Refusal {
    Refusal::ruled(what, format!("`{}` in {list} under [exec_safety] ({})", by.text, by.source), NOTE)
}

/// The command as texts: as it is, without quotes, and each command in it by its bare name. Devices that do no harm are
/// taken out.
fn texts(argv: &[String], commands: &[Seen]) -> Vec<String> {
    let whole = argv.join(" ");
    let bare: String = whole.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
    let each = commands.iter().map(|seen| {
        let words = seen.words.iter().enumerate().map(|(at, w)| if at == 0 { name(w) } else { w.as_str() });
        let words: Vec<&str> = words.collect();
        let files: Vec<String> = seen.files.iter().map(|file| format!("> {file}")).collect();
        format!("{} {}", words.join(" "), files.join(" "))
    });
    let texts = [whole.clone(), bare].into_iter().chain(each).collect::<Vec<_>>();
    texts.iter().map(|text| spaced(&paths::without_harmless(text))).collect()
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `rm -rf` also means `rm -r -f`, `rm -fr` and `/bin/rm -Rf`: the program with all of these letters among its flags.
fn flagged(blocked: &str, words: &[String]) -> bool {
    let mut parts = blocked.split_whitespace();
    let (Some(program), Some(flags), None) = (parts.next(), parts.next(), parts.next()) else { return false };
    // `dd if=` also means `dd bs=1 if=x`.
    if flags.ends_with('=') {
        let mut rest = words.iter().skip(1);
        return words.first().is_some_and(|w| name(w) == program) && rest.any(|w| w.starts_with(flags));
    }
    let Some(letters) = flags.strip_prefix('-').filter(|l| !l.is_empty() && !l.starts_with('-')) else {
        return false;
    };
    let given: String = words
        .iter()
        .skip(1)
        .filter_map(|w| match w.as_str() {
            "--recursive" => Some("r"),
            "--force" => Some("f"),
            w => w.strip_prefix('-').filter(|l| !l.starts_with('-')),
        })
        .collect::<String>()
        .to_lowercase();
    words.first().is_some_and(|w| name(w) == program)
        && letters.to_lowercase().chars().all(|l| given.contains(l))
}

/// `--pid=host`, also as two words.
fn carries(flag: &str, words: &[String]) -> bool {
    let two = flag.split_once('=');
    words.iter().enumerate().any(|(at, word)| {
        word == flag
            || word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))
            || two.is_some_and(|(key, value)| {
                word == key && words.get(at + 1).is_some_and(|next| next == value)
            })
    })
}
