//! The room as a whole: texts in, settings or problems out.

mod example;
mod meaning;
mod mistakes;
mod seed;
mod variables;

use super::*;
use crate::policy::Container;

fn sources() -> Sources {
    Sources { home: Some("/home/ada".into()), cwd: Some("/srv/shop".into()), ..Sources::default() }
}

fn with_env(vars: &[(&str, &str)]) -> Sources {
    Sources { env: vars.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(), ..sources() }
}

fn toml(text: &str) -> Arc<Settings> {
    loaded(&sources(), text).settings
}

fn loaded(sources: &Sources, text: &str) -> Loaded {
    load_text(sources, "config.toml", text).unwrap_or_else(|p| panic!("{p}"))
}

fn problems(text: &str) -> Vec<Problem> {
    load_text(&sources(), "config.toml", text).map(|_| Vec::new()).unwrap_or_else(|p| p.list)
}

fn messages(sources: &Sources, text: &str) -> Vec<String> {
    let list = load_text(sources, "config.toml", text).map(|_| Vec::new()).unwrap_or_else(|p| p.list);
    list.into_iter().map(|p| p.message).collect()
}

fn value<'s>(settings: &'s Settings, key: &str) -> (&'s str, String) {
    let found = settings.describe().iter().find(|d| d.key == key).unwrap_or_else(|| panic!("{key}"));
    (&found.value, found.origin.to_string())
}

fn container(name: &str) -> Container {
    Container { id: "0".repeat(64), name: name.into(), aliases: Vec::new(), project: None, ..blank() }
}

fn blank() -> Container {
    Container::default()
}
