//! `docker-mcp key new --role ROLE`: a key for a caller over HTTP, shown once.

use std::process::ExitCode;

use crate::config::Sources;
use crate::transport::http::new_key;

use super::persons::settings;
use super::{OK, failed, misused, out};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// A new one: the key, and the lines for the configuration, which holds its hash only
    New {
        /// What its holder may do: a [roles.ROLE] of the configuration
        #[arg(long)]
        role: String,
        /// Whose it is; the audit log shows it
        #[arg(long, default_value = "NAME")]
        name: String,
    },
}

pub(super) fn run(sources: &Sources, command: &Command) -> ExitCode {
    let Command::New { role, name } = command;
    let settings = match settings(sources) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    if !settings.roles.contains_key(role) {
        let known: Vec<&str> = settings.roles.keys().map(String::as_str).collect();
        out::error(&format!("there is no [roles.{role}] in the configuration"));
        out::note(&match known.as_slice() {
            [] => format!("help: write a [roles.{role}] with the levels that it has: `read = true`"),
            known => format!("help: there are {}", known.join(", ")),
        });
        return misused();
    }
    match new_key() {
        Ok((key, hash)) => {
            out::line(&key);
            out::line("[[http.keys]]");
            out::line(&format!("name = {:?}", name));
            out::line(&format!("role = {role:?}"));
            out::line(&format!("hash = \"sha256:{hash}\""));
            out::note("the first line is the key, shown once; the others go into the configuration");
            OK
        }
        Err(e) => {
            out::error(&format!("there is no randomness: {e}"));
            failed()
        }
    }
}
