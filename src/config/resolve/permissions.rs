//! `[permissions]`, and the same keys in a role: levels and filters, compiled.

use crate::config::forms::{show_patterns, strings};
use crate::config::globs;
use crate::config::layers::Form;
use crate::config::merge::union;
use crate::config::reader::Reader;
use crate::config::section::{How, Section, Shape};
use crate::config::tree::{At, Node, Value};
use crate::config::units::quote_all;
use crate::policy::pattern::Kind;
use crate::policy::{Filter, Grant, Level, LevelRule, Pattern, PatternSet, Rights, Rules, Source};

/// Reads the levels and filters of a section. `global`: the section is a role, and these are what it stands under.
pub(super) fn rules(s: &mut Section<'_, '_>, global: Option<&Rules>) -> Rules {
    let levels = Level::ALL.map(|name| level(s, name, global.is_some()));
    Rules {
        bypass: false,
        levels,
        containers: filter(s, Kind::Name, CONTAINERS, global.map(|g| &g.containers)),
        images: filter(s, Kind::Image, IMAGES, global.map(|g| &g.images)),
        volumes: filter(s, Kind::Name, VOLUMES, global.map(|g| &g.volumes)),
        networks: filter(s, Kind::Name, NETWORKS, global.map(|g| &g.networks)),
        projects: filter(s, Kind::Name, PROJECTS, global.map(|g| &g.projects)),
        disabled_tools: PatternSet::default(),
        role: None,
        rights: Rights::default(),
        allowed_tools: PatternSet::default(),
    }
}

const CONTAINERS: [&str; 2] = ["whitelist_containers", "blacklist_containers"];
const IMAGES: [&str; 2] = ["whitelist_images", "blacklist_images"];
const VOLUMES: [&str; 2] = ["whitelist_volumes", "blacklist_volumes"];
const NETWORKS: [&str; 2] = ["whitelist_networks", "blacklist_networks"];
const PROJECTS: [&str; 2] = ["whitelist_projects", "blacklist_projects"];

/// A level's grant. Container globs are for the levels that act on containers: on another they would limit nothing.
fn level(s: &mut Section<'_, '_>, level: Level, role: bool) -> LevelRule {
    let globs = level.takes_globs();
    let words = if globs { "true or false, or a list of container globs" } else { "true or false" };
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
        let source = reader.source(&node.at);
        let grant = match &node.value {
            Value::Bool(true) => Grant::On,
            Value::Bool(false) => Grant::Off,
            Value::List(_) if globs => {
                let list = strings(reader, path, node)?;
                if list.is_empty() { Grant::Off } else { Grant::Only(compile(reader, Kind::Name, list)?) }
            }
            Value::List(_) => {
                let hint = "container globs are for `read`, `lifecycle`, `exec` and `create`; the filters \
                            (`whitelist_...`) limit the rest";
                reader.problem(&node.at, format!("`{path}` must be true or false"), Some(hint.to_owned()));
                return None;
            }
            _ => {
                reader.wrong_kind(path, node, words);
                return None;
            }
        };
        Some(LevelRule { grant, source })
    };
    let show = |rule: &LevelRule| match &rule.grant {
        Grant::Off => "false".to_owned(),
        Grant::On => "true".to_owned(),
        Grant::Only(globs) => quote_all(globs.patterns().iter().map(|p| p.text.as_str())),
    };
    // In a role an absent level is off, and the role's own line is what says so.
    let grant = if level == Level::Read && !role { Grant::On } else { Grant::Off };
    let source = if role { s.reader.source(&s.at) } else { Source::default_value() };
    let form = if globs { Form::BoolOrList } else { Form::Bool };
    let how = How { parse: &parse, merge: &tighter, show: &show };
    s.value(level.name(), &Shape::new(words, form), LevelRule { grant, source }, &how)
}

fn tighter(old: &LevelRule, new: LevelRule) -> Option<LevelRule> {
    let grant = match (&old.grant, new.grant) {
        (_, Grant::Off) => Grant::Off,
        (Grant::On, grant) => grant,
        (Grant::Only(old), Grant::Only(new)) => {
            let both = globs::both(Kind::Name, old.patterns(), new.patterns())?;
            if both.is_empty() { Grant::Off } else { Grant::Only(PatternSet::new(Kind::Name, both).ok()?) }
        }
        (Grant::Only(_), Grant::On) => return None,
        (Grant::Off, _) => return None,
    };
    Some(LevelRule { grant, source: new.source })
}

/// An allow list that can say "nothing", which an empty one cannot: empty means all.
#[derive(Debug, Clone)]
enum Allow {
    Listed(Vec<Pattern>),
    /// The narrower of two lists that have nothing in common. Never empty.
    Nothing(Vec<Pattern>),
}

fn narrow(kind: Kind, old: &Allow, new: Allow) -> Allow {
    match (old, new) {
        (Allow::Nothing(list), _) => Allow::Nothing(list.clone()),
        (_, Allow::Nothing(list)) => Allow::Nothing(list),
        (Allow::Listed(old), Allow::Listed(new)) if old.is_empty() => Allow::Listed(new),
        (Allow::Listed(old), Allow::Listed(new)) if new.is_empty() => Allow::Listed(old.clone()),
        (Allow::Listed(old), Allow::Listed(new)) => match globs::both(kind, old, &new) {
            Some(both) if !both.is_empty() => Allow::Listed(both),
            _ => Allow::Nothing(new),
        },
    }
}

/// `*secret*` looks like every image with the word; it means Docker Hub's official ones, and a blacklist that misses is a hole.
fn narrow_denials(s: &mut Section<'_, '_>, deny: &[Pattern], key: &'static str) {
    let narrow = |p: &&Pattern| p.text.starts_with('*') && p.text != "*" && !p.text.contains('/');
    for pattern in deny.iter().filter(narrow) {
        let at = s.reader.place(&s.key(key));
        let message = format!("`{}` hides official images of Docker Hub only", pattern.text);
        let hint = "`*` does not cross `/`: name accounts (`org/*`) and registries (`ghcr.io/*`) as well";
        s.reader.warning(&at, message, Some(hint.to_owned()));
    }
}

/// A pair of lists. In a role, deny lists are united with the global ones and allow lists intersected.
fn filter(
    s: &mut Section<'_, '_>,
    kind: Kind,
    [allow_key, deny_key]: [&'static str; 2],
    global: Option<&Filter>,
) -> Filter {
    let shape = Shape::new("a list of globs", Form::List);
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
        let list = strings(reader, path, node)?;
        Some(compile(reader, kind, list)?.patterns().to_vec())
    };
    let parse_allow =
        |reader: &mut Reader<'_>, path: &str, node: &Node| parse(reader, path, node).map(Allow::Listed);
    let show_allow = |allow: &Allow| match allow {
        Allow::Listed(list) => show_patterns(list),
        Allow::Nothing(_) => "nothing".to_owned(),
    };
    let merge = |old: &Allow, new: Allow| Some(narrow(kind, old, new));
    let how = How { parse: &parse_allow, merge: &merge, show: &show_allow };
    let mut allow = s.value(allow_key, &shape, Allow::Listed(Vec::new()), &how);
    let how = How { parse: &parse, merge: &union, show: &show_patterns };
    let mut deny = s.value(deny_key, &shape, Vec::new(), &how);
    contradictions(s, &allow, &deny, deny_key);
    if kind == Kind::Image {
        narrow_denials(s, &deny, deny_key);
    }
    if let Some(global) = global {
        allow = narrow(kind, &Allow::Listed(global.allow.patterns().to_vec()), allow);
        deny = union(&global.deny.patterns().to_vec(), deny).unwrap_or_default();
    }
    let allow = match allow {
        Allow::Listed(list) => list,
        Allow::Nothing(list) => {
            let at = s.reader.place(&s.key(allow_key));
            let message = format!(
                "`{}` and the list that it narrows have nothing in common: all are hidden",
                s.key(allow_key)
            );
            s.reader.warning(&at, message, None);
            // Both: the star hides what has a name, the list what has none, such as an untagged image.
            deny.extend(list.first().map(|p| Pattern { text: "*".to_owned(), source: p.source.clone() }));
            list
        }
    };
    Filter { allow: set(s.reader, kind, allow), deny: set(s.reader, kind, deny) }
}

fn contradictions(s: &mut Section<'_, '_>, allow: &Allow, deny: &[Pattern], deny_key: &'static str) {
    let Allow::Listed(allow) = allow else { return };
    for both in deny.iter().filter(|d| allow.iter().any(|a| a.text == d.text)) {
        let at = s.reader.place(&s.key(deny_key));
        let message = format!("`{}` is both allowed and denied in `[{}]`: denied wins", both.text, s.path);
        s.reader.warning(&at, message, Some("remove one of the two".to_owned()));
    }
}

/// Compiled already once, so that failing here cannot happen; were it to, the start is refused.
fn set(reader: &mut Reader<'_>, kind: Kind, list: Vec<Pattern>) -> PatternSet {
    if list.is_empty() {
        return PatternSet::default();
    }
    PatternSet::new(kind, list).unwrap_or_else(|bad| {
        for bad in bad {
            reader.problem(&At::Nowhere, bad.message, bad.hint);
        }
        PatternSet::default()
    })
}

/// Compiles a list, with a problem at each glob that is bad.
pub(super) fn compile(reader: &mut Reader<'_>, kind: Kind, list: Vec<(String, At)>) -> Option<PatternSet> {
    if list.is_empty() {
        return Some(PatternSet::default());
    }
    let (texts, places): (Vec<String>, Vec<At>) = list.into_iter().unzip();
    let patterns =
        texts.iter().zip(&places).map(|(text, at)| Pattern { text: text.clone(), source: reader.source(at) });
    match PatternSet::new(kind, patterns.collect()) {
        Ok(set) => Some(set),
        Err(bad) => {
            for bad in bad {
                let text = texts.get(bad.index).map(String::as_str).unwrap_or_default();
                let at = places.get(bad.index).cloned().unwrap_or(At::Nowhere);
                reader.problem(
                    &at,
                    format!("the pattern `{text}` cannot be used: {}", bad.message),
                    bad.hint,
                );
            }
            None
        }
    }
}

/// A list of tool globs. `denies`: a variable adds to it; else it may only leave entries out.
pub(super) fn tools(s: &mut Section<'_, '_>, key: &'static str, denies: bool) -> PatternSet {
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
        let list = strings(reader, path, node)?;
        let count = list.len();
        let meant: Vec<_> =
            list.into_iter().filter_map(|(text, at)| tool_globs(reader, &text, &at, denies)).collect();
        if meant.len() < count {
            return None;
        }
        Some(compile(reader, Kind::Name, meant.into_iter().flatten().collect())?.patterns().to_vec())
    };
    let merge = if denies { union::<Pattern> } else { crate::config::merge::subset::<Pattern> };
    let how = How { parse: &parse, merge: &merge, show: &show_patterns };
    let list = s.value(key, &Shape::new("a list of tool globs", Form::List), Vec::new(), &how);
    set(s.reader, Kind::Name, list)
}

/// The globs that one entry means: names of the seeds become ours, and one that means no tool is a problem.
pub(super) fn tool_globs(
    reader: &mut Reader<'_>,
    text: &str,
    at: &At,
    denies: bool,
) -> Option<Vec<(String, At)>> {
    let one = |text: &str| (text.to_owned(), at.clone());
    if reader.tools.is_empty() {
        return Some(vec![one(text)]);
    }
    let pattern = vec![Pattern { text: text.to_owned(), source: Source::default_value() }];
    // A bad glob is named by `compile`.
    let Ok(glob) = PatternSet::new(Kind::Name, pattern) else { return Some(vec![one(text)]) };
    let ours = reader.tools.iter().any(|(_, name)| glob.matches(name).is_some());
    let mut out = if ours { vec![one(text)] } else { Vec::new() };
    if !ours || denies {
        for (written, name) in reader.tools {
            if written != name && glob.matches(written).is_some() && glob.matches(name).is_none() {
                out.push(one(name));
            }
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out.dedup_by(|a, b| a.0 == b.0);
    if out.is_empty() {
        let names = reader.tools.iter().map(|(written, _)| written.as_str());
        let hint = match crate::config::error::nearest(text, names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "`docker-mcp tools --all` lists them".to_owned(),
        };
        reader.problem(at, format!("`{text}` is no tool"), Some(hint));
        return None;
    }
    Some(out)
}
