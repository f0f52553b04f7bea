//! The kinds of values: how each is read, said and shown.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::forms::{
    defaults, flag, not_one_of, one_of, patterns, plain, regex, resolve, show_patterns, strings, time,
    time_words,
};
use super::layers::Form;
use super::reader::Reader;
use super::section::{How, Section, Shape};
use super::settings::Rule;
use super::tree::{Node, Value};
use super::units;
use crate::policy::Pattern;

type Merge<T> = fn(&T, T) -> Option<T>;

impl Section<'_, '_> {
    /// `true` or `false`, nothing else.
    pub fn flag(&mut self, key: &'static str, default: bool, merge: Merge<bool>) -> bool {
        let shape = Shape::new("true or false", Form::Bool);
        self.value(key, &shape, default, &How { parse: &flag, merge: &merge, show: &bool::to_string })
    }

    /// A whole number within a range.
    pub fn number<T>(&mut self, key: &'static str, default: T, range: RangeInclusive<T>, merge: Merge<T>) -> T
    where
        T: TryFrom<i64> + PartialOrd + Copy + std::fmt::Display,
    {
        let words = format!("a whole number from {} to {}", range.start(), range.end());
        let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| match node.value {
            Value::Int(number) => match T::try_from(number).ok().filter(|n| range.contains(n)) {
                Some(number) => Some(number),
                None => {
                    let message =
                        format!("`{path}` must be from {} to {}, not {number}", range.start(), range.end());
                    reader.problem(&node.at, message, None);
                    None
                }
            },
            _ => {
                reader.wrong_kind(path, node, "a whole number");
                None
            }
        };
        let shape = Shape::new(words, Form::Number);
        self.value(key, &shape, default, &How { parse: &parse, merge: &merge, show: &T::to_string })
    }

    /// A duration within a range.
    pub fn time(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
        merge: Merge<Duration>,
    ) -> Duration {
        let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| time(reader, path, node, &range);
        let shape = Shape::new(time_words(&range), Form::Number);
        let show = |time: &Duration| units::quote(&units::show_duration(*time));
        self.value(key, &shape, default, &How { parse: &parse, merge: &merge, show: &show })
    }

    /// One of a few words.
    pub fn choice<T: Copy + PartialEq>(
        &mut self,
        key: &'static str,
        default: T,
        words: &[(&'static str, T)],
        merge: Merge<T>,
    ) -> T {
        let mut names: Vec<&'static str> = words.iter().map(|(name, _)| *name).collect();
        names.sort_by_key(|name| words.iter().position(|(n, _)| n == name));
        names.dedup();
        let expected = one_of(&names);
        let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
            let Value::Text(text) = &node.value else {
                reader.wrong_kind(path, node, &expected);
                return None;
            };
            let found = words.iter().find(|(name, _)| name == text).map(|(_, value)| *value);
            if found.is_none() {
                not_one_of(reader, path, node, text, &names);
            }
            found
        };
        let show =
            |value: &T| units::quote(words.iter().find(|(_, v)| v == value).map_or("", |(name, _)| name));
        let shape = Shape::new(expected.clone(), Form::Text);
        self.value(key, &shape, default, &How { parse: &parse, merge: &merge, show: &show })
    }

    /// A string; the empty one means not set.
    pub fn text(&mut self, key: &'static str, merge: Merge<Option<String>>) -> Option<String> {
        self.text_or(key, None, merge)
    }

    /// A string with a default.
    pub fn text_or(
        &mut self,
        key: &'static str,
        default: Option<&str>,
        merge: Merge<Option<String>>,
    ) -> Option<String> {
        let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
            let text = plain(reader, path, node)?;
            Some(Some(text.to_owned()).filter(|t| !t.is_empty()))
        };
        let show = |text: &Option<String>| units::quote(text.as_deref().unwrap_or_default());
        let shape = Shape::new("a string", Form::Text);
        self.value(
            key,
            &shape,
            default.map(str::to_owned),
            &How { parse: &parse, merge: &merge, show: &show },
        )
    }

    /// An address that may carry a password, which is not shown.
    pub fn secret_url(&mut self, key: &'static str, merge: Merge<Option<String>>) -> Option<String> {
        let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
            let text = plain(reader, path, node)?;
            Some(Some(text.to_owned()).filter(|t| !t.is_empty()))
        };
        let show = |url: &Option<String>| {
            let url = url.as_deref().unwrap_or_default();
            match (url.split_once("://"), url.rsplit_once('@')) {
                (Some((scheme, _)), Some((_, host))) => units::quote(&format!("{scheme}://***@{host}")),
                _ => units::quote(url),
            }
        };
        let shape = Shape::new("an address", Form::Text);
        self.value(key, &shape, None, &How { parse: &parse, merge: &merge, show: &show })
    }

    /// A path; the empty string means not set.
    pub fn path(&mut self, key: &'static str, merge: Merge<Option<PathBuf>>) -> Option<PathBuf> {
        self.one_path(key, "a path", merge, &|_| None)
    }

    /// The same, from `/` or `~/`: other processes, started elsewhere, must find the same place.
    pub fn anchored_path(&mut self, key: &'static str, merge: Merge<Option<PathBuf>>) -> Option<PathBuf> {
        const HELP: &str = "write it from `/` or `~/`: docker-mcp pending, approve and audit look for it from wherever they run";
        let relative = |text: &str| (!text.starts_with(['/', '~'])).then_some(("is relative", HELP));
        self.one_path(key, "a path from / or ~/", merge, &relative)
    }

    /// `wrong`: what is wrong with a text, and the next step.
    fn one_path(
        &mut self,
        key: &'static str,
        words: &'static str,
        merge: Merge<Option<PathBuf>>,
        wrong: &dyn Fn(&str) -> Option<(&'static str, &'static str)>,
    ) -> Option<PathBuf> {
        let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
            let text = plain(reader, path, node)?;
            if text.is_empty() {
                return Some(None);
            }
            if let Some((what, help)) = wrong(text) {
                reader.problem(&node.at, format!("`{path}` {what}"), Some(help.to_owned()));
                return None;
            }
            resolve(reader, path, node, text).map(Some)
        };
        let show = |path: &Option<PathBuf>| {
            units::quote(&path.as_ref().map(|p| p.display().to_string()).unwrap_or_default())
        };
        let shape = Shape::new(words, Form::Text);
        self.value(key, &shape, None, &How { parse: &parse, merge: &merge, show: &show })
    }

    /// A list of paths.
    pub fn paths(
        &mut self,
        key: &'static str,
        default: Vec<PathBuf>,
        merge: Merge<Vec<PathBuf>>,
    ) -> Vec<PathBuf> {
        let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
            let list = strings(reader, path, node)?;
            let mut out = Vec::new();
            let mut fine = true;
            for (text, at) in list {
                let item = Node { at, value: Value::Null };
                match resolve(reader, path, &item, &text) {
                    Some(path) => out.push(path),
                    None => fine = false,
                }
            }
            fine.then_some(out)
        };
        let show = |paths: &Vec<PathBuf>| {
            let texts: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
            units::quote_all(texts.iter().map(String::as_str))
        };
        let shape = Shape::new("a list of paths", Form::List);
        self.value(key, &shape, default, &How { parse: &parse, merge: &merge, show: &show })
    }

    /// A list of strings that are not empty, each with its line.
    pub fn list(&mut self, key: &'static str, default: &[&str], merge: Merge<Vec<Pattern>>) -> Vec<Pattern> {
        let shape = Shape::new("a list of strings", Form::List);
        self.value(
            key,
            &shape,
            defaults(default),
            &How { parse: &patterns, merge: &merge, show: &show_patterns },
        )
    }

    /// A list of regexes.
    pub fn regexes(&mut self, key: &'static str, merge: Merge<Vec<Rule>>) -> Vec<Rule> {
        let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
            let list = strings(reader, path, node)?;
            let mut out = Vec::new();
            let count = list.len();
            for (text, at) in list {
                if let Some(regex) = regex(reader, &at, &text, &text) {
                    let source = reader.source(&at);
                    out.push(Rule { pattern: Pattern { text, source }, regex });
                }
            }
            (out.len() == count).then_some(out)
        };
        let show = |rules: &Vec<Rule>| units::quote_all(rules.iter().map(|r| r.pattern.text.as_str()));
        let shape = Shape::new("a list of regexes", Form::List);
        self.value(key, &shape, Vec::new(), &How { parse: &parse, merge: &merge, show: &show })
    }
}
