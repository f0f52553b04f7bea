//! What a call asks for, as the guard and the engine need it.

use std::collections::BTreeMap;

use crate::config::Settings;
use crate::engine::exec::{Program, RESERVED};
use crate::guard::exec::{self, Place, Ready};
use crate::tool::ToolError;
use crate::tools::guarded::refused;
use crate::tools::making::forms::Argv;

use super::command::Args;

/// What a command may read. More is a file: `docker_copy_to`.
pub(super) const STDIN_MAX: usize = 64 << 10;
/// Typed into a terminal, these two leave the command running and end its streams.
const DETACH: &str = "\u{10}\u{11}";

/// A command in its own words.
#[derive(Debug)]
pub(super) struct Asked {
    pub argv: Vec<String>,
    /// It came as one text that needs a shell.
    pub shell: bool,
    pub env: BTreeMap<String, String>,
}

impl Asked {
    /// # Errors
    /// What is no command, or more than may be asked for.
    pub(super) fn of(args: &Args) -> Result<Self, ToolError> {
        let (argv, shell) = match &args.command {
            Argv::Words(words) => (words.clone(), false),
            Argv::Line(line) => exec::said(line).map_err(refused)?,
        };
        let env = args.env.as_ref().map(|texts| texts.0.clone()).unwrap_or_default();
        if let Some(name) = env.keys().find(|name| name.to_ascii_uppercase().starts_with(RESERVED)) {
            return Err(ToolError::invalid(format!("the variable `{name}` is not free"))
                .hint(format!("names that begin with {RESERVED} are the server's own")));
        }
        if let Some(name) = env.iter().find(|(_, value)| value.contains('\0')).map(|(name, _)| name) {
            return Err(ToolError::invalid(format!("the value of `{name}` contains a NUL character")));
        }
        if let Some(stdin) = &args.stdin {
            if stdin.len() > STDIN_MAX {
                return Err(ToolError::invalid(format!("`stdin` is longer than {} KiB", STDIN_MAX >> 10))
                    .hint("copy it in as a file (docker_copy_to), or give it in several calls"));
            }
            if args.tty == Some(true) && stdin.contains(DETACH) {
                return Err(ToolError::invalid("`stdin` holds Ctrl-P Ctrl-Q, which leaves a terminal")
                    .hint("leave it out, or do without `tty`"));
            }
        }
        Ok(Self { argv, shell, env })
    }

    /// # Errors
    /// What is not let through, and by which rule.
    pub(super) fn judge(&self, args: &Args, settings: &Settings, place: &Place) -> Result<Ready, ToolError> {
        let names: Vec<String> = self.env.keys().cloned().collect();
        let asked = exec::Asked {
            argv: &self.argv,
            shell: self.shell,
            user: args.user.as_deref(),
            workdir: args.workdir.as_deref(),
            env: &names,
            stdin: args.stdin.as_deref(),
        };
        exec::judge(asked, place, &settings.exec, settings.bypass).map_err(refused)
    }

    /// As it is to run.
    pub(super) fn program(&self, args: &Args, ready: &Ready) -> Program {
        Program {
            argv: self.argv.clone(),
            user: ready.user.clone(),
            workdir: args.workdir.clone(),
            env: self.env.clone().into_iter().collect(),
            stdin: args.stdin.clone().map(String::into_bytes),
            tty: args.tty == Some(true),
        }
    }
}
