//! `[exec_safety]`

use std::time::Duration;

use regex::Regex;

use crate::config::env;
use crate::config::forms::{not_one_of, plain, regex, strings};
use crate::config::layers::Form;
use crate::config::merge::{Entry, free, higher, lower, subset, union};
use crate::config::reader::Reader;
use crate::config::section::{How, Section, Shape};
use crate::config::settings::{AllowedCommand, ArgvRule, ExecEnv, ExecMode, ExecSafety, Rule};
use crate::config::tree::{At, Node, Value};
use crate::config::units::{quote, quote_all};
use crate::policy::Pattern;
use crate::policy::pattern::Kind;

pub(super) fn exec(s: &mut Section<'_, '_>) -> ExecSafety {
    let modes =
        [("denylist", ExecMode::Denylist), ("allowlist", ExecMode::Allowlist), ("none", ExecMode::None)];
    let mode = s.choice("mode", ExecMode::Denylist, &modes, higher);
    // The seeds' one list of regexes means the one or the other, by the mode.
    if mode == ExecMode::Allowlist {
        s.reader.layers.route(env::COMMAND_PATTERNS, "exec_safety.allowed_commands", env::whole_line);
    } else {
        s.reader.layers.route(env::COMMAND_PATTERNS, "exec_safety.blocked_patterns", str::to_owned);
    }
    let ms = Duration::from_millis;
    ExecSafety {
        mode,
        blocked_commands: s.list("blocked_commands", &["rm -rf", "dd if=", "mkfs", "> /dev/"], union),
        blocked_patterns: s.regexes("blocked_patterns", union),
        allowed_commands: allowed(s),
        denied_paths: denied_paths(s),
        denied_flags: s.list("denied_flags", &["--privileged", "--pid=host", "--net=host"], union),
        allow_root: s.flag("allow_root", false, lower),
        default_user: user(s),
        env: variables(s),
        allow_privileged_targets: s.flag("allow_privileged_targets", false, lower),
        max_output: s.number("max_output", 10_000, 256..=16_777_216, free),
        timeout: s.time("timeout", ms(30_000), ms(1_000)..=ms(1_800_000), free),
        max_concurrent: s.number("max_concurrent", 10, 1..=1_000, free),
    }
}

impl Entry for Rule {
    fn same(&self, other: &Self) -> bool {
        self.pattern.text == other.pattern.text
    }
}

impl Entry for AllowedCommand {
    fn same(&self, other: &Self) -> bool {
        show(self) == show(other)
    }
}

fn show(command: &AllowedCommand) -> String {
    match command {
        AllowedCommand::Line(rule) => quote(&rule.pattern.text),
        AllowedCommand::Argv(rule) => {
            let args: Vec<&str> = rule.args.iter().map(|a| inner(a.as_str())).collect();
            let mut out = format!("{{ argv0 = {}, args = {}", quote(&rule.argv0), quote_all(args));
            if let Some(user) = &rule.user {
                out.push_str(&format!(", user = {}", quote(user)));
            }
            if !rule.containers.is_empty() {
                let globs = rule.containers.patterns().iter().map(|p| p.text.as_str());
                out.push_str(&format!(", containers = {}", quote_all(globs)));
            }
            out.push_str(" }");
            out
        }
    }
}

/// Both ends must match, whatever alternatives the person wrote.
fn anchored(text: &str) -> String {
    format!("\\A(?:{text})\\z")
}

/// Anchored; what is no regex by itself would break out of its frame: `a)|(?:b`.
fn framed(reader: &mut Reader<'_>, at: &At, text: &str) -> Option<Regex> {
    regex(reader, at, text, text)?;
    regex(reader, at, text, &anchored(text))
}

fn inner(full: &str) -> &str {
    full.strip_prefix("\\A(?:").and_then(|t| t.strip_suffix(")\\z")).unwrap_or(full)
}

fn allowed(s: &mut Section<'_, '_>) -> Vec<AllowedCommand> {
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
        let Value::List(items) = &node.value else {
            reader.wrong_kind(path, node, "a list of regexes and tables");
            return None;
        };
        let read: Vec<AllowedCommand> = items.iter().filter_map(|item| command(reader, path, item)).collect();
        (read.len() == items.len()).then_some(read)
    };
    let show_all = |list: &Vec<AllowedCommand>| {
        let texts: Vec<String> = list.iter().map(show).collect();
        format!("[{}]", texts.join(", "))
    };
    // A list that grants counts as loosened only where the file has put it in force.
    let in_force = matches!(s.reader.place("exec_safety.mode"), At::File(_));
    let merge = if in_force { subset::<AllowedCommand> } else { free::<Vec<AllowedCommand>> };
    let shape =
        Shape::new("a list of anchored regexes, or tables { argv0, args, user, containers }", Form::List);
    s.value("allowed_commands", &shape, Vec::new(), &How { parse: &parse, merge: &merge, show: &show_all })
}

fn command(reader: &mut Reader<'_>, path: &str, item: &Node) -> Option<AllowedCommand> {
    match &item.value {
        Value::Text(text) if text.trim().is_empty() => {
            reader.problem(&item.at, format!("an entry of `{path}` is empty"), Some("remove it".to_owned()));
            None
        }
        Value::Text(text) => {
            let regex = framed(reader, &item.at, text)?;
            if PROBES.iter().any(|probe| regex.is_match(probe)) {
                let hint = "name the program and its arguments as narrowly as the work allows".to_owned();
                reader.warning(
                    &item.at,
                    format!("`{text}` is so broad that it allows any command"),
                    Some(hint),
                );
            }
            let source = reader.source(&item.at);
            Some(AllowedCommand::Line(Rule { pattern: Pattern { text: text.clone(), source }, regex }))
        }
        Value::Table(_) => argv(reader, path, item).map(AllowedCommand::Argv),
        _ => {
            let message = format!("the entries of `{path}` must be regexes or tables, not {}", item.kind());
            reader.problem(&item.at, message, None);
            None
        }
    }
}

/// A regex that matches one of these allows everything.
const PROBES: [&str; 6] = [
    "sh -c 'rm -r /'",
    "bash -c id",
    "/bin/sh -c id",
    "python3 -c 'print(1)'",
    "anything --at all",
    "busybox sh -c id",
];

/// Programs that run other programs: to allow one is to allow all.
const RUNNERS: &[&str] = &[
    "sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox", "toybox", "python", "python2", "python3",
    "perl", "ruby", "node", "php", "lua", "env", "xargs", "nice", "nohup", "timeout", "setsid", "sudo", "su",
    "doas", "find", "awk", "gawk", "vi", "vim", "less", "more", "tar", "ssh", "rsync", "git", "watch",
    "strace", "gdb", "chroot", "unshare", "nsenter",
];

fn argv(reader: &mut Reader<'_>, path: &str, item: &Node) -> Option<ArgvRule> {
    reader.closed(path, item, &["argv0", "args", "user", "containers"]);
    let before = reader.problems.len();
    let text = |reader: &mut Reader<'_>, key: &str| {
        item.get(key).and_then(|f| plain(reader, &format!("{path}.{key}"), &f.node).map(str::to_owned))
    };
    let argv0 = text(reader, "argv0").unwrap_or_default();
    if argv0.is_empty() && reader.problems.len() == before {
        let hint = Some("`argv0` is the program, as the container knows it".to_owned());
        reader.problem(&item.at, format!("an entry of `{path}` has no `argv0`"), hint);
    }
    let user = text(reader, "user").filter(|u| !u.is_empty());
    let list = |reader: &mut Reader<'_>, key: &str| {
        let field = item.get(key);
        field.and_then(|f| strings(reader, &format!("{path}.{key}"), &f.node)).unwrap_or_default()
    };
    let args = list(reader, "args");
    let args = args.iter().filter_map(|(text, at)| framed(reader, at, text)).collect();
    let globs = list(reader, "containers");
    let containers = super::permissions::compile(reader, Kind::Name, globs).unwrap_or_default();
    let program = argv0.rsplit('/').next().unwrap_or_default();
    if RUNNERS.contains(&program) {
        let hint = Some("name the program that it would run".to_owned());
        reader.warning(&item.at, format!("`{argv0}` runs other programs: this allows any command"), hint);
    }
    let source = reader.source(&item.at);
    (reader.problems.len() == before).then_some(ArgvRule { argv0, args, user, containers, source })
}

fn denied_paths(s: &mut Section<'_, '_>) -> Vec<Pattern> {
    let list = s.list("denied_paths", &["/proc", "/sys", "/dev"], union);
    for path in list.iter().filter(|p| !p.text.starts_with('/')) {
        let hint = Some("these are paths within a container, from its root on".to_owned());
        s.reader.relation(
            "exec_safety.denied_paths",
            format!("`{}` is not an absolute path", path.text),
            hint,
        );
    }
    list
}

fn user(s: &mut Section<'_, '_>) -> Option<String> {
    let user = s.text("default_user", free);
    let fine = |c: char| c.is_ascii_alphanumeric() || "_.-:$".contains(c);
    if let Some(name) = &user
        && !name.chars().all(fine)
    {
        let hint = Some("write a name or `uid:gid`".to_owned());
        s.reader.relation("exec_safety.default_user", format!("`{name}` is not a user"), hint);
    }
    user
}

fn variables(s: &mut Section<'_, '_>) -> ExecEnv {
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| match &node.value {
        Value::Text(text) if text == "any" => Some(ExecEnv::Any),
        Value::Text(text) if text == "none" => Some(ExecEnv::None),
        Value::Text(text) => {
            not_one_of(reader, path, node, text, &["any", "none"]);
            None
        }
        Value::List(_) => {
            let names: Vec<String> = strings(reader, path, node)?.into_iter().map(|(name, _)| name).collect();
            Some(if names.is_empty() { ExecEnv::None } else { ExecEnv::Names(names) })
        }
        _ => {
            reader.wrong_kind(path, node, "\"any\", \"none\" or a list of names");
            None
        }
    };
    let merge = |old: &ExecEnv, new: ExecEnv| match (old, &new) {
        (ExecEnv::Any, _) | (_, ExecEnv::None) => Some(new),
        (ExecEnv::Names(old), ExecEnv::Names(names)) if names.iter().all(|n| old.contains(n)) => Some(new),
        _ => None,
    };
    let show = |env: &ExecEnv| match env {
        ExecEnv::Any => quote("any"),
        ExecEnv::None => quote("none"),
        ExecEnv::Names(names) => quote_all(names.iter().map(String::as_str)),
    };
    let shape = Shape::new("\"any\", \"none\" or a list of names", Form::WordOrList);
    s.value("env", &shape, ExecEnv::Any, &How { parse: &parse, merge: &merge, show: &show })
}
