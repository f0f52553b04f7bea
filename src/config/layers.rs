//! What stands over and under the file: variables and options, each as text for one key.
//!
//! From the weakest to the strongest: default, a variable of the seeds, the file, `DOCKER_MCP__SECTION__KEY`, an option.

use std::sync::Arc;

use super::env;
use super::tree::{At, Node, Value};

/// A text that somebody gave for a key outside of the file.
#[derive(Debug, Clone)]
pub struct Given {
    /// `exec_safety.timeout`, or for `DOCKER_MCP__...` the whole name of the variable.
    pub key: String,
    /// The text.
    pub text: String,
    /// Who gave it.
    pub at: At,
    /// A key took it.
    pub used: bool,
}

/// A variable that was set and has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredEnv {
    /// Its name.
    pub name: String,
    /// Why, as a lowercase fragment.
    pub reason: String,
}

/// All texts from outside of the file.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Variables of the seeds, converted.
    pub seeds: Vec<Given>,
    /// `DOCKER_MCP__...`
    pub env: Vec<Given>,
    /// Options.
    pub flags: Vec<Given>,
    /// `--allow-env-override`
    pub may_loosen: bool,
    /// Seed variables that have no effect.
    pub ignored: Vec<IgnoredEnv>,
}

impl Layers {
    /// Sorts an environment. `flags` are (key, text, option).
    #[must_use]
    pub fn new(vars: &[(String, String)], flags: &[(String, String, String)], may_loosen: bool) -> Self {
        let mut layers = Self { may_loosen, ..Self::default() };
        for (name, text) in vars {
            if name.starts_with(env::PREFIX) {
                let at = At::Env(Arc::from(name.as_str()));
                layers.env.push(Given { key: name.clone(), text: text.clone(), at, used: false });
            }
        }
        env::seeds(vars, &mut layers);
        layers.flags = flags
            .iter()
            .map(|(key, text, option)| Given {
                key: key.clone(),
                text: text.clone(),
                at: At::Flag(Arc::from(option.as_str())),
                used: false,
            })
            .collect();
        layers
    }

    /// Gives the seed's list under `from` to the key `to`, each entry converted.
    pub fn route(&mut self, from: &str, to: &str, convert: impl Fn(&str) -> String) {
        for given in self.seeds.iter_mut().filter(|g| g.key == from) {
            if let Value::List(items) = &given.node(Form::List).value {
                let texts: Vec<String> = items
                    .iter()
                    .filter_map(
                        |item| if let Value::Text(text) = &item.value { Some(convert(text)) } else { None },
                    )
                    .collect();
                to.clone_into(&mut given.key);
                given.text = serde_json::to_string(&texts).unwrap_or_default();
            }
        }
    }

    /// The seed's text for a key.
    pub fn seed(&mut self, key: &str) -> Option<Given> {
        take(&mut self.seeds, key)
    }

    /// The variable's text for a key.
    pub fn env(&mut self, key: &str) -> Option<Given> {
        if self.env.is_empty() { None } else { take(&mut self.env, &env::variable(key)) }
    }

    /// The option's text for a key.
    pub fn flag(&mut self, key: &str) -> Option<Given> {
        take(&mut self.flags, key)
    }
}

fn take(list: &mut [Given], key: &str) -> Option<Given> {
    let given = list.iter_mut().find(|g| !g.used && g.key == key)?;
    given.used = true;
    Some(given.clone())
}

/// What kind of text a key takes from outside of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `true`, `false`, `1`, `0`
    Bool,
    /// Digits; anything else stays text for the key to judge.
    Number,
    /// Any text.
    Text,
    /// Separated by commas, or a JSON list.
    List,
    /// [`Form::Bool`], else a list.
    BoolOrList,
    /// One word, else a list where a comma or a bracket says so.
    WordOrList,
}

impl Given {
    /// The text as the file would have held it.
    #[must_use]
    pub fn node(&self, form: Form) -> Node {
        let text = self.text.trim();
        let flag = match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        let value = match (form, flag) {
            (Form::Bool | Form::BoolOrList, Some(flag)) => Value::Bool(flag),
            (Form::Number, _) => text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Int),
            (Form::List | Form::BoolOrList, _) => self.list(text),
            (Form::WordOrList, _) if text.contains([',', '[']) => self.list(text),
            _ => Value::Text(text.to_owned()),
        };
        Node { at: self.at.clone(), value }
    }

    fn list(&self, text: &str) -> Value {
        let item = |text: String| Node { at: self.at.clone(), value: Value::Text(text) };
        if text.starts_with('[')
            && let Ok(items) = serde_json::from_str::<Vec<String>>(text)
        {
            return Value::List(items.into_iter().map(item).collect());
        }
        let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
        Value::List(words.map(|w| item(w.to_owned())).collect())
    }
}
