//! What a preview says of a container beyond its image, ports and mounts.

use crate::config::Settings;
use crate::guard::create;
use crate::policy::Permits;
use crate::tool::ToolError;

use super::options::Options;
use super::{asks, blueprint};

/// Longer words are cut: it is a preview.
const LONGEST: usize = 200;

/// One line each. Of variables their names alone: values may be secrets.
pub(super) fn more(
    permits: &Permits,
    options: &Options,
    settings: &Settings,
) -> Result<Vec<String>, ToolError> {
    let mut lines = Vec::new();
    for (field, argv) in [("entrypoint", &options.entrypoint), ("command", &options.command)] {
        if let Some(words) = blueprint::words(field, argv.as_ref())? {
            lines.push(format!("{field}: {}", cut(&written(&words))));
        }
    }
    if let Some(user) = &options.user {
        lines.push(format!("user {user}"));
    }
    let networks: Vec<&str> = permits.networks.iter().map(|permit| permit.target().name.as_str()).collect();
    match (options.network_mode.as_deref(), networks.as_slice()) {
        (Some(mode), []) => lines.push(format!("network_mode {mode}")),
        (_, []) => {}
        (_, networks) => lines.push(format!("on the networks {}", networks.join(", "))),
    }
    let names: Vec<&str> = Options::texts(options.environment.as_ref()).map(|(name, _)| name).collect();
    if !names.is_empty() {
        lines.push(cut(&format!("variables (values not shown): {}", names.join(", "))));
    }
    if let Some(policy) = &options.restart_policy {
        lines.push(format!("restart_policy {policy}"));
    }
    // Binds are judged by where they lead, and are lines of their own.
    let beyond = create::beyond(&asks::wanted(options, settings, &[])?, &settings.create);
    if !beyond.is_empty() {
        lines.push(cut(&format!("beyond what the profile allows: {}", beyond.join(", "))));
    }
    Ok(lines)
}

fn written(words: &[String]) -> String {
    let word = |word: &String| match word.is_empty() || word.contains(char::is_whitespace) {
        true => format!("{word:?}"),
        false => word.clone(),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
