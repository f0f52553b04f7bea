//! What buildx says while it builds (`--progress=rawjson`): JSON objects in lines or over several, and plain words at the
//! end.

use std::collections::{HashMap, VecDeque};

use serde::Deserialize;

use super::{Failure, words};

#[cfg(test)]
mod tests;

/// A single object is not longer; what is, is left out.
const LONGEST: usize = 4 << 20;
/// More steps are not kept apart.
const STEPS: usize = 1_000;
/// Of what a step wrote, so many lines are kept ...
const TAIL: usize = 12;
/// ... of at most so many characters.
const LINE: usize = 240;
/// Beginnings of the plain words that are kept ...
const SAID: usize = 600;
/// ... and so many lines, where no step and no word says that it is the failure.
const LASTS: usize = 4;
/// What errors are wrapped in.
const WRAPPED: [&str; 4] = [
    "failed to solve: ",
    "rpc error: code = Unknown desc = ",
    "failed to solve with frontend dockerfile.v0: ",
    "failed to create LLB definition: ",
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    vertexes: Vec<Vertex>,
    logs: Vec<Log>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Vertex {
    digest: String,
    name: String,
    started: Option<String>,
    completed: Option<String>,
    cached: bool,
    error: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Log {
    vertex: String,
    data: String,
}

/// One step, as far as it is known.
#[derive(Debug, Default)]
struct Step {
    name: String,
    started: bool,
    cached: bool,
    error: String,
    lines: VecDeque<String>,
    open: String,
}

/// What is known of a build so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    line: Vec<u8>,
    object: Vec<u8>,
    steps: HashMap<String, Step>,
    error: String,
    /// Plain words beside it.
    last: Vec<String>,
}

impl Progress {
    /// Reads on. Gives what is worth telling.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut news = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|b| *b == b'\n') {
            let (line, behind) = rest.split_at(at);
            self.push(line);
            self.ends(&mut news);
            rest = behind.get(1..).unwrap_or_default();
        }
        self.push(rest);
        news
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.line.len());
        self.line.extend(bytes.iter().take(room));
    }

    /// A line has ended.
    fn ends(&mut self, news: &mut Vec<String>) {
        let line = std::mem::take(&mut self.line);
        let begins = self.object.is_empty();
        if begins && !line.starts_with(b"{") {
            let words = String::from_utf8_lossy(&line);
            match words.strip_prefix("ERROR: ") {
                Some(error) => self.error = error.chars().take(SAID).collect(),
                // Between them it quotes the Dockerfile.
                None if !words.contains(" | ") && !words.trim().is_empty() && self.last.len() < LASTS => {
                    self.last.push(short(words.trim()));
                }
                None => {}
            }
            return;
        }
        if self.object.len() + line.len() <= LONGEST {
            self.object.extend_from_slice(&line);
            self.object.push(b'\n');
        }
        // In one line, or closed by a brace that stands at the beginning.
        if (begins && line.len() > 1) || line.starts_with(b"}") {
            let object = std::mem::take(&mut self.object);
            if let Ok(report) = serde_json::from_slice::<Report>(&object) {
                self.learn(report, news);
            }
        }
    }

    fn learn(&mut self, report: Report, news: &mut Vec<String>) {
        for vertex in report.vertexes {
            if self.steps.len() >= STEPS && !self.steps.contains_key(&vertex.digest) {
                continue;
            }
            let step = self.steps.entry(vertex.digest).or_default();
            step.name = short(&vertex.name);
            if (vertex.started.is_some() || vertex.cached) && !step.started {
                step.started = true;
                news.push(format!("{}{}", if vertex.cached { "cached: " } else { "" }, step.name));
            }
            step.cached |= vertex.cached;
            if vertex.completed.is_some() && !vertex.error.is_empty() {
                step.error = vertex.error.chars().take(SAID).collect();
            }
        }
        for log in report.logs {
            if let (Some(step), Some(data)) = (self.steps.get_mut(&log.vertex), base64(&log.data)) {
                step.wrote(&String::from_utf8_lossy(&data));
            }
        }
    }

    /// Steps of the Dockerfile, and how many of them were there already.
    pub(super) fn counts(&self) -> (usize, usize) {
        let steps = || self.steps.values().filter(|step| step.of_file());
        (steps().count(), steps().filter(|step| step.cached).count())
    }

    /// The step that failed.
    pub(super) fn failure(&self) -> Option<Failure> {
        let failed = self.steps.values().filter(|step| !step.error.is_empty());
        // Others are given up because one failed.
        let step = failed.min_by_key(|step| step.error.contains("context canceled"))?;
        if !step.of_file() || step.name.contains("] FROM ") {
            // What a registry says, or does not say, is not for the caller: it would tell of foreign hosts.
            tracing::debug!(step = step.name, error = step.error, "a build could not begin");
            let said = "an image that it needs could not be fetched".to_owned();
            return Some(Failure { step: step.name.clone(), said, lines: Vec::new() });
        }
        let open = Some(&step.open).filter(|open| !open.is_empty()).map(|open| short(open));
        let lines = step.lines.iter().cloned().chain(open).collect();
        Some(Failure { step: step.name.clone(), said: step.error.clone(), lines })
    }

    /// What it said last, where no step failed. What the builder cannot read it repeats, and that is not for everybody.
    pub(super) fn last_words(&self) -> String {
        let said = if self.error.is_empty() { self.last.join(" | ") } else { self.error.clone() };
        let lower = said.to_ascii_lowercase();
        if let Some((_, rest)) = lower.split_once("parse error") {
            let number = rest.split_once("line ").map(|(_, rest)| rest.chars());
            let number: String = number.into_iter().flatten().take_while(char::is_ascii_digit).collect();
            let line = if number.is_empty() { number } else { format!(", line {number}") };
            return format!("the Dockerfile cannot be read{line}");
        }
        if lower.contains("target stage") {
            return "there is no stage of that name to build".to_owned();
        }
        tracing::warn!(said, "docker buildx failed");
        if said.is_empty() {
            return "docker buildx ended without a word".to_owned();
        }
        if words::of_a_registry(&said) {
            return "docker buildx could not fetch what it needs, or did not reach its builder; the log has its words"
                .to_owned();
        }
        let mut said = said.as_str();
        // Which part of it found that is nobody's concern.
        while let Some(rest) = WRAPPED.iter().find_map(|wrap| said.strip_prefix(wrap)) {
            said = rest;
        }
        format!("docker buildx says: {said}")
    }
}

impl Step {
    /// `[2/3] RUN make`, `[build 2/3] COPY . .`: not the builder's own, such as `[internal] load .dockerignore`.
    fn of_file(&self) -> bool {
        let inside = self.name.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        inside.is_some_and(|(inside, _)| {
            inside.split_once('/').is_some_and(|(_, all)| all.trim().parse::<u32>().is_ok())
        })
    }

    fn wrote(&mut self, text: &str) {
        for part in text.split_inclusive('\n') {
            let ends = part.ends_with('\n');
            // Bars that are drawn anew: the last one counts.
            let part = part.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or_default();
            if self.open.len() < 4 * LINE {
                self.open.extend(part.chars().take(4 * LINE));
            }
            if ends {
                let line = std::mem::take(&mut self.open);
                self.lines.push_back(short(line.trim_end()));
                if self.lines.len() > TAIL {
                    self.lines.pop_front();
                }
            }
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LINE) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What buildx packs the output of steps into.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for b in text.bytes().take_while(|b| *b != b'=') {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(out)
}
