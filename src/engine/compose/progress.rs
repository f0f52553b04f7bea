//! What compose says while it works: ` Container x-web-1  Starting` in lines (`--progress plain`), or objects in lines from
//! 2.29 on; and plain words where something went wrong. Whatever it is fed, it keeps little.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;

use super::said::said;

#[cfg(test)]
mod tests;

/// Of a line.
const LINE: usize = 4 << 10;
/// Things that are kept apart.
const THINGS: usize = 1_000;
/// Lines of plain words.
const WORDS: usize = 30;
/// What it works on.
const KINDS: [&str; 8] = ["Container", "Network", "Volume", "Image", "Service", "Secret", "Config", "Model"];

/// How its containers are called.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub project: String,
    /// Services, and the name that a service's container has where the file says one.
    pub services: BTreeMap<String, Option<String>>,
}

impl Names {
    /// Whose container that is.
    pub(super) fn service(&self, container: &str) -> Option<&str> {
        let named = self.services.iter().find(|(_, name)| name.as_deref() == Some(container));
        let numbered = || {
            let rest = container.strip_prefix(&self.project)?.strip_prefix(['-', '_'])?;
            let (service, number) = rest.rsplit_once(['-', '_'])?;
            number.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
            self.services.get_key_value(service)
        };
        named.or_else(numbered).map(|(service, _)| service.as_str())
    }
}

/// What became of a container, as far as it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub container: String,
    /// Its service, where it is one of the model's.
    pub service: Option<String>,
    /// `creating`, `started`, `running`, `healthy`, `error`, ...
    pub state: String,
}

/// An object of a line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    id: String,
    text: String,
    status: String,
    details: String,
    error: bool,
    message: String,
}

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    names: Names,
    line: Vec<u8>,
    /// By kind and name.
    things: BTreeMap<(String, String), String>,
    words: VecDeque<String>,
}

impl Progress {
    pub(super) fn new(names: Names) -> Self {
        Self { names, ..Self::default() }
    }

    /// Reads on. Gives what is worth telling.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut news = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|b| *b == b'\n') {
            let (line, behind) = rest.split_at(at);
            self.push(line);
            news.extend(self.ends());
            rest = behind.get(1..).unwrap_or_default();
        }
        self.push(rest);
        news
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = LINE.saturating_sub(self.line.len());
        self.line.extend(bytes.iter().take(room));
    }

    /// A line has ended.
    fn ends(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.trim().is_empty() {
            return None;
        }
        if line.starts_with('{')
            && let Ok(told) = serde_json::from_str::<Told>(line)
        {
            if told.error || (told.id.is_empty() && !told.message.is_empty()) {
                self.word(&told.message);
                return None;
            }
            // Which of them says it changed from version to version.
            let said = [&told.text, &told.status, &told.details];
            let said = said.into_iter().find(|it| !it.is_empty() && !is_class(it))?;
            let (kind, name) = thing(&told.id)?;
            return self.is(kind, name, said);
        }
        let Some((kind, rest)) = line.strip_prefix(' ').and_then(thing) else {
            self.word(line);
            return None;
        };
        let (name, state) = rest.split_once(' ').unwrap_or((rest, ""));
        self.is(kind, name, state.trim())
    }

    fn word(&mut self, line: &str) {
        self.words.push_back(line.to_owned());
        if self.words.len() > WORDS {
            self.words.pop_front();
        }
    }

    fn is(&mut self, kind: &str, name: &str, state: &str) -> Option<String> {
        let name = name.trim_matches('"');
        let state = lower(state.trim());
        if name.is_empty() || state.is_empty() {
            return None;
        }
        let key = (kind.to_owned(), name.to_owned());
        if !self.things.contains_key(&key) && self.things.len() >= THINGS {
            return None;
        }
        let same = self.things.insert(key, state.clone()).is_some_and(|was| was == state);
        let short = name.strip_prefix(&self.names.project).and_then(|rest| rest.strip_prefix(['-', '_']));
        let short = short.filter(|short| !short.is_empty()).unwrap_or(name);
        match kind {
            _ if same => None,
            "Container" => Some(format!("{short}: {state}")),
            _ => Some(format!("{} {short}: {state}", lower(kind))),
        }
    }

    /// What it said of containers.
    pub(super) fn steps(&self) -> Vec<Step> {
        let containers = self.things.iter().filter(|((kind, _), _)| kind == "Container");
        containers
            .map(|((_, container), state)| Step {
                container: container.clone(),
                service: self.names.service(container).map(str::to_owned),
                state: state.clone(),
            })
            .collect()
    }

    /// What it said last in plain words.
    pub(super) fn last_words(&mut self) -> String {
        // The last line may have no end.
        let _news = self.ends();
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        said(&words.join("\n")).words
    }

    /// The service that it failed at: the one that its words name, or the only one that it was at.
    pub(super) fn failed_at(&self, words: &str) -> Option<String> {
        let steps = self.steps();
        let of_words = || {
            let named = |service: &&String| words.contains(&format!("service \"{service}\""));
            let by_container = steps.iter().filter(|step| words.contains(&step.container));
            // `x-web-1` stands in `x-web-10`, too.
            let by_container = by_container.max_by_key(|step| step.container.len());
            self.names.services.keys().find(named).cloned().or_else(|| by_container?.service.clone())
        };
        let of_states = |at: &[&str]| {
            let mut at = steps.iter().filter(|step| at.iter().any(|state| step.state.starts_with(state)));
            at.next().filter(|_| at.next().is_none())?.service.clone()
        };
        of_words()
            .or_else(|| of_states(&["error"]))
            .or_else(|| of_states(&["creating", "starting", "recreate"]))
    }
}

/// In objects, the class of a state stands where its words may stand in other versions.
fn is_class(text: &str) -> bool {
    ["Working", "Done", "Warning"].contains(&text)
}

/// `Container x-web-1`
fn thing(text: &str) -> Option<(&str, &str)> {
    let (kind, rest) = text.split_once(' ')?;
    KINDS.contains(&kind).then(|| (kind, rest.trim_start()))
}

/// Its first letter in lower case.
fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
