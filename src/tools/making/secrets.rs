//! `${secret:NAME}` in values of the environment.

use std::collections::BTreeMap;

use tokio::task::spawn_blocking;

use crate::config::Settings;
use crate::output::Learned;
use crate::tool::{Kind, ToolError};

use super::options::Options;

pub(super) const OPEN: &str = "${secret:";

/// A value in pieces: text, or the name of a secret.
enum Piece<'a> {
    Text(&'a str),
    Secret(&'a str),
}

/// The environment with its secrets, and what is to be masked of it.
pub(super) struct Environment {
    pub lines: Vec<String>,
    pub learned: Learned,
    /// Secrets that are too short to be masked wherever they show up.
    pub short: Vec<String>,
}

fn pieces(value: &str) -> Result<Vec<Piece<'_>>, ToolError> {
    let mut all = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find(OPEN) {
        let (before, after) = rest.split_at(at);
        let after = after.get(OPEN.len()..).unwrap_or_default();
        let Some((name, next)) = after.split_once('}') else {
            return Err(ToolError::invalid("`environment`: the reference to a secret has no end")
                .hint("close it with a `}`"));
        };
        all.extend([Piece::Text(before), Piece::Secret(name)]);
        rest = next;
    }
    all.push(Piece::Text(rest));
    Ok(all)
}

fn names(options: &Options) -> Result<Vec<&str>, ToolError> {
    let mut all = Vec::new();
    for (_, value) in Options::texts(options.environment.as_ref()) {
        all.extend(pieces(value)?.into_iter().filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name),
            Piece::Text(_) => None,
        }));
    }
    Ok(all)
}

/// Are all that are named among those that a person allows?
pub(super) fn known(options: &Options, settings: &Settings) -> Result<(), ToolError> {
    for name in names(options)? {
        if !settings.secrets.contains_key(name) {
            return Err(ToolError::invalid(format!("`environment`: there is no secret `{name}`"))
                .hint("a person can name it under [secrets], by a variable or a file of the server"));
        }
    }
    Ok(())
}

/// Reads the secrets and puts them in.
pub(super) async fn environment(options: &Options, settings: &Settings) -> Result<Environment, ToolError> {
    let mut sources = BTreeMap::new();
    for name in names(options)? {
        if let Some(source) = settings.secrets.get(name) {
            sources.insert(name.to_owned(), source.clone());
        }
    }
    let read = move || {
        let one = |(name, source): (String, crate::config::settings::SecretSource)| {
            let value = source.read().map_err(|why| (name.clone(), why))?;
            Ok((name, value))
        };
        sources.into_iter().map(one).collect::<Result<BTreeMap<String, String>, (String, String)>>()
    };
    let read =
        spawn_blocking(read).await.map_err(|e| ToolError::internal(format!("reading secrets: {e}")))?;
    // Where it lies is the host's business, and not the caller's.
    let secrets = read.map_err(|(name, why)| {
        ToolError::new(Kind::Conflict, format!("the secret `{name}` cannot be read"))
            .hint("a person can see to it under [secrets]; the log says why")
            .detail(why)
    })?;
    let mut learned = Learned::builder();
    for value in secrets.values() {
        learned = learned.value(value);
    }
    let mut lines = Vec::new();
    for (key, value) in Options::texts(options.environment.as_ref()) {
        let mut text = String::new();
        for piece in pieces(value)? {
            text.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Secret(name) => secrets.get(name).map_or("", String::as_str),
            });
        }
        if text.contains('\0') {
            return Err(ToolError::invalid(format!("`environment.{key}` holds a zero byte")));
        }
        learned = learned.env(key, &text);
        lines.push(format!("{key}={text}"));
    }
    let short = secrets.iter().filter(|(_, value)| value.len() < 8).map(|(name, _)| name.clone()).collect();
    Ok(Environment { lines, learned: learned.build(), short })
}
