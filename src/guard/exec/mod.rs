//! May this command run in this container, and as whom?
//!
//! What is promised: the argv that was judged is the argv that runs, as that user, or nothing runs. In `allowlist` mode that
//! is a boundary for what is asked; the lists of `denylist` mode catch accidents, and say so. What a permitted program does
//! is its own business in either.

mod allow;
pub mod copies;
mod deny;
mod paths;
mod script;
mod user;
mod words;
mod wrapped;

#[cfg(test)]
mod tests;

use crate::config::settings::{ExecEnv, ExecMode, ExecSafety};

use super::refusal::Refusal;

pub use paths::clean;
pub use words::{quoted, said, spelled};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Program and arguments.
    pub argv: &'a [String],
    /// They came as one string that needs a shell.
    pub shell: bool,
    /// A name or `uid[:gid]`.
    pub user: Option<&'a str>,
    /// An absolute path in the container.
    pub workdir: Option<&'a str>,
    /// Names of the variables that the call sets.
    pub env: &'a [String],
    /// What it reads: to a shell without a script, that is the script.
    pub stdin: Option<&'a str>,
}

/// The container that it is to run in.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// The user of its configuration; empty: root.
    pub user: String,
    /// What makes it as good as the host: `privileged`, the engine's socket, ...
    pub powers: Vec<String>,
    /// Groups that all of its processes are in, whoever they are.
    pub groups: Vec<String>,
    /// Files that root may run in it: what its words of the start and of the health check name.
    pub programs: Vec<String>,
    /// Folders where root looks for programs.
    pub folders: Vec<String>,
    /// Where it has mounts in memory: the engine's copies do not see them.
    pub memory: Vec<String>,
    /// Where it has other mounts.
    pub mounts: Vec<String>,
}

/// It may run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ready {
    /// As whom; absent: as the container's own user.
    pub user: Option<String>,
    /// Why it may, one reason a line.
    pub because: Vec<String>,
}

/// A script or an argument list that is longer is no command.
pub const LONGEST: usize = 64 * 1024;

/// What of it can be judged before the container is known.
///
/// # Errors
/// What is wrong or not let through, and by which rule.
pub fn form(asked: Asked<'_>, safety: &ExecSafety, bypass: bool) -> Result<(), Refusal> {
    words::sound(asked.argv)?;
    for name in asked.env {
        variable(name)?;
    }
    if let Some(dir) = asked.workdir {
        paths::directory(dir)?;
    }
    if bypass {
        return Ok(());
    }
    for name in asked.env {
        settable(name, safety)?;
    }
    if safety.mode != ExecMode::None {
        deny::judge(asked, safety)?;
    }
    if safety.mode == ExecMode::Allowlist && asked.shell {
        return Err(Refusal::ruled(
            format!("the command `{}` needs a shell", shown(asked.argv.last().map_or("", String::as_str))),
            "[exec_safety] mode = \"allowlist\" runs programs, not shell lines".to_owned(),
            "give `command` as an array of program and arguments, or several calls",
        ));
    }
    Ok(())
}

/// The whole judgement.
///
/// # Errors
/// What is wrong or not let through, and by which rule.
pub fn judge(asked: Asked<'_>, place: &Place, safety: &ExecSafety, bypass: bool) -> Result<Ready, Refusal> {
    form(asked, safety, bypass)?;
    if bypass {
        let because = vec!["--bypass-permissions: commands are not judged".to_owned()];
        return Ok(Ready { user: asked.user.map(str::to_owned), because });
    }
    if !safety.allow_privileged_targets && !place.powers.is_empty() {
        return Err(Refusal::ruled(
            format!(
                "container `{}` is as good as the host ({}), so running a command in it",
                place.name,
                place.powers.join(", ")
            ),
            "[exec_safety] allow_privileged_targets = false".to_owned(),
            "use another container; a person can do it at the host or change that setting",
        ));
    }
    let mut because = Vec::new();
    let mut as_user = None;
    match safety.mode {
        ExecMode::None => because.push("[exec_safety] mode = \"none\": commands are not judged".to_owned()),
        ExecMode::Denylist => because.push(
            "[exec_safety] mode = \"denylist\": nothing on its lists matches (they catch accidents, and are no boundary)"
                .to_owned(),
        ),
        ExecMode::Allowlist => {
            let by = allow::judge(asked, place, safety)?;
            as_user = by.user;
            because.push(by.because);
        }
    }
    let user = user::judge(asked.user, as_user.as_deref(), place, safety)?;
    user::groups(place, safety)?;
    because.push(match &user {
        Some(user) => format!("it runs as `{user}`"),
        None => "it runs as the container's own user (allow_root = true)".to_owned(),
    });
    Ok(Ready { user, because })
}

/// A command in a message: enough to know it by.
fn shown(text: &str) -> String {
    const MOST: usize = 120;
    match text.chars().count() > MOST {
        true => format!("{}...", text.chars().take(MOST).collect::<String>()),
        false => text.to_owned(),
    }
}

/// The grammar of names of variables.
fn variable(name: &str) -> Result<(), Refusal> {
    let mut chars = name.chars();
    let fine = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    match fine {
        true => Ok(()),
        false => Err(Refusal::malformed(
            format!("`{}` cannot be the name of a variable", shown(name)),
            "letters, digits and `_`, the first no digit",
        )),
    }
}

/// May a call set it? A variable can change what a program does: PATH, LD_PRELOAD, ...
fn settable(name: &str, safety: &ExecSafety) -> Result<(), Refusal> {
    let (fine, rule) = match &safety.env {
        // Where only what is named may run, `any` would let a variable choose the program.
        ExecEnv::Any if safety.mode == ExecMode::Allowlist => {
            (false, "[exec_safety] env = \"any\" means none while mode = \"allowlist\"")
        }
        ExecEnv::Any => (true, ""),
        ExecEnv::Names(names) => (names.iter().any(|n| n == name), "[exec_safety] env does not name it"),
        ExecEnv::None => (false, "[exec_safety] env = \"none\""),
    };
    match fine {
        true => Ok(()),
        false => Err(Refusal::ruled(
            format!("the variable `{name}`"),
            rule.to_owned(),
            "leave it out; a person can name it in `env` under [exec_safety]",
        )),
    }
}
