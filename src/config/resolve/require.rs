//! `[confirm]`

use std::time::Duration;

use super::permissions::{compile, tool_globs};
use crate::config::forms::{not_one_of, strings};
use crate::config::layers::Form;
use crate::config::merge::{free, higher, lower};
use crate::config::reader::Reader;
use crate::config::section::{How, Section, Shape};
use crate::config::settings::{By, Confirm, Require};
use crate::config::tree::{Node, Value};
use crate::config::units::{quote, quote_all};
use crate::policy::Level;
use crate::policy::pattern::Kind;

pub(super) fn confirm(s: &mut Section<'_, '_>) -> Confirm {
    let by = [("caller", By::Caller), ("human", By::Human)];
    let secs = Duration::from_secs;
    Confirm {
        require: require(s),
        by: s.choice("by", By::Caller, &by, higher),
        in_client: s.flag("in_client", true, lower),
        ttl: s.time("ttl", secs(120), secs(5)..=secs(3_600), free),
        approval_ttl: s.time("approval_ttl", secs(900), secs(10)..=secs(86_400), free),
    }
}

const WORDS: [&str; 3] = ["none", "destructive", "mutating"];

fn require(s: &mut Section<'_, '_>) -> Require {
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| match &node.value {
        Value::Text(text) => match text.as_str() {
            "none" => Some(Require::None),
            "destructive" => Some(Require::Destructive),
            "mutating" => Some(Require::Mutating),
            _ => {
                not_one_of(reader, path, node, text, &WORDS);
                None
            }
        },
        Value::List(_) => listed(reader, path, node),
        _ => {
            reader.wrong_kind(
                path,
                node,
                "\"none\", \"destructive\", \"mutating\" or a list of levels and tools",
            );
            None
        }
    };
    let show = |require: &Require| match require {
        Require::None => quote("none"),
        Require::Destructive => quote("destructive"),
        Require::Mutating => quote("mutating"),
        Require::Listed { levels, tools } => {
            quote_all(levels.iter().map(|l| l.name()).chain(tools.patterns().iter().map(|p| p.text.as_str())))
        }
    };
    let shape = Shape::new(
        "\"none\", \"destructive\", \"mutating\", or a list of levels and tool globs",
        Form::WordOrList,
    );
    s.value("require", &shape, Require::Destructive, &How { parse: &parse, merge: &tighter, show: &show })
}

fn listed(reader: &mut Reader<'_>, path: &str, node: &Node) -> Option<Require> {
    let mut levels = Vec::new();
    let mut globs = Vec::new();
    let mut fine = true;
    for (text, at) in strings(reader, path, node)? {
        match Level::parse(&text) {
            Some(level) => levels.push(level),
            // With more confirmations than meant nobody is harmed: every tool that the glob may mean is taken.
            None => match tool_globs(reader, &text, &at, true) {
                Some(meant) => globs.extend(meant),
                None => fine = false,
            },
        }
    }
    let tools = compile(reader, Kind::Name, globs)?;
    fine.then_some(Require::Listed { levels, tools })
}

/// Lists cannot be ranked, so one may replace `none` only, and only `mutating` may replace one.
fn tighter(old: &Require, new: Require) -> Option<Require> {
    let fine = matches!(
        (old, &new),
        (Require::None, _) | (_, Require::Mutating) | (Require::Destructive, Require::Destructive)
    );
    fine.then_some(new)
}
