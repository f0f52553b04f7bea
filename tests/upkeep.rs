//! Removing, renaming, updating and recreating real containers.

mod called_off;
mod copied;
mod killed;
mod prune;
mod recreate;
mod remove;
mod rename;
mod update;

use serde_json::{Value, json};

use crate::support::one;

/// Ends at SIGTERM, at once.
const POLITE: &[&str] = &["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];

/// A configuration with these levels, and without confirmations.
fn on(levels: &str) -> String {
    let levels: String = levels.split_whitespace().map(|level| format!("{level} = true\n")).collect();
    format!("[permissions]\n{levels}[confirm]\nrequire = \"none\"\n")
}

/// Every form in which a container that is not to be found may be asked for.
fn forms(name: &str, id: &str) -> Vec<Value> {
    let forms = [name.to_owned(), format!("/{name}"), id.to_owned(), id[..12].to_owned(), id[..5].to_owned()];
    forms.into_iter().map(|form| json!(form)).collect()
}
