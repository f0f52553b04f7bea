//! Nothing runs but what is named.

use regex::Regex;

use crate::config::settings::{AllowedCommand, ArgvRule, ExecSafety};

use super::super::refusal::Refusal;
use super::script::{self, Simple};
use super::{Asked, Place, paths, shown, words};

/// What lets it run.
pub(super) struct By {
    pub because: String,
    /// The only user that it may run as.
    pub user: Option<String>,
}

pub(super) fn judge(asked: Asked<'_>, place: &Place, safety: &ExecSafety) -> Result<By, Refusal> {
    if let Some(by) = rule(asked.argv, place, safety) {
        return Ok(by);
    }
    let refused = |what: String| {
        Refusal::ruled(
            what,
            "[exec_safety] mode = \"allowlist\", and no entry of allowed_commands matches".to_owned(),
            "docker_policy with tool = \"docker_exec\" tells what a command would meet; a person can add an entry",
        )
    };
    let Some(text) = shell(asked.argv) else {
        return Err(refused(format!("the command `{}`", shown(&words::quoted(asked.argv)))));
    };
    // A shell that only joins what is allowed each for itself.
    let Some(script) = script::read(text).filter(|script| script.plain && !script.commands.is_empty()) else {
        return Err(refused(format!("the script `{}` is not a plain list of commands, and it", shown(text))));
    };
    let mut user = None;
    let mut because = Vec::new();
    for Simple { words: argv, files, .. } in &script.commands {
        if let Some(file) = files.iter().find(|file| !paths::is_harmless(file)) {
            return Err(refused(format!("writing to or reading from `{}` in the script", shown(file))));
        }
        let Some(by) = rule(argv, place, safety) else {
            return Err(refused(format!("`{}` in the script", shown(&words::quoted(argv)))));
        };
        match (&user, by.user) {
            (Some(one), Some(other)) if *one != other => {
                return Err(refused(format!("running one script as `{one}` and as `{other}`")));
            }
            (None, Some(one)) => user = Some(one),
            _ => {}
        }
        because.push(by.because);
    }
    because.dedup();
    Ok(By { because: because.join("; "), user })
}

/// The script of `sh -c SCRIPT`, in exactly this form.
fn shell(argv: &[String]) -> Option<&str> {
    match argv {
        [program, flag, text] if flag == "-c" => {
            let known = ["sh", "/bin/sh", "bash", "/bin/bash", "ash", "/bin/ash", "dash", "/bin/dash"];
            known.contains(&program.as_str()).then_some(text)
        }
        _ => None,
    }
}

fn rule(argv: &[String], place: &Place, safety: &ExecSafety) -> Option<By> {
    let line = words::quoted(argv);
    safety.allowed_commands.iter().find_map(|allowed| match allowed {
        AllowedCommand::Line(rule) => rule.regex.is_match(&line).then(|| By {
            because: format!("`{}` in allowed_commands ({})", rule.pattern.text, rule.pattern.source),
            user: None,
        }),
        AllowedCommand::Argv(rule) => fits(rule, argv, place).then(|| By {
            because: format!("`{}` in allowed_commands ({})", rule.argv0, rule.source),
            user: rule.user.clone(),
        }),
    })
}

fn fits(rule: &ArgvRule, argv: &[String], place: &Place) -> bool {
    let Some((program, args)) = argv.split_first() else { return false };
    let each = |(regex, arg): (&Regex, &String)| regex.is_match(arg);
    *program == rule.argv0
        && args.len() <= rule.args.len()
        && rule.args.iter().zip(args).all(each)
        && (rule.containers.is_empty() || rule.containers.matches(&place.name).is_some())
}
