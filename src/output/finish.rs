//! From a draft to the two forms of a result.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::cap::{self, Lines};
use super::sanitise::floor;
use super::walk::{is_plain_map, is_reference};
use super::{Cut, Draft, Keep, Learned, Redactor, Row, clean_line};

/// A result, ready to leave: both forms say the same, and neither is above the cap.
#[derive(Debug, Clone)]
pub struct Finished {
    /// For `content[0].text`.
    pub text: String,
    /// For `structuredContent`: an object.
    pub json: Value,
}

/// What is left of a draft after masking, with the choice of what to show.
pub(super) struct Plan {
    pub(super) data: Map<String, Value>,
    pub(super) key: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Row>,
    pub(super) listed: bool,
    pub(super) shown: usize,
    pub(super) bodies: Vec<(&'static str, Keep, Lines)>,
    pub(super) head: String,
    pub(super) tail: String,
    pub(super) cut: Option<Cut>,
    pub(super) told: &'static [&'static str],
    pub(super) hint: Cow<'static, str>,
    pub(super) shortened: bool,
}

/// Sanitises, masks, caps and renders. Neither form is longer than `max_bytes`.
#[must_use]
pub fn finish(draft: Draft, redactor: &Redactor, max_bytes: usize) -> Finished {
    let mut plan = Plan::new(draft, redactor);
    let whole = plan.forms();
    if whole.fits(max_bytes) {
        return whole;
    }
    plan.shrink(max_bytes);
    let mut cut = plan.forms();
    if !cut.fits(max_bytes) {
        // nothing of it fits: say at least that
        cut.text = cap::shorten_text(&cut.text, max_bytes.min(cap::escaped_len(&cut.text) / 2));
        cut.text.truncate(floor(&cut.text, max_bytes));
        cut.json = Value::Object(Map::from_iter([("truncated".to_owned(), Value::Bool(true))]));
    }
    cut
}

impl Finished {
    fn fits(&self, max: usize) -> bool {
        self.text.len() <= max && cap::size(&self.json) <= max
    }

    fn room(&self, max: usize) -> usize {
        max.saturating_sub(self.text.len().max(cap::size(&self.json)))
    }
}

impl Plan {
    fn new(draft: Draft, redactor: &Redactor) -> Self {
        let learned = &draft.learned;
        let mut data = Value::Object(draft.data);
        redactor.json(&mut data, learned);
        prune(&mut data, draft.keep_empty, true);
        let (key, columns, mut rows, listed) =
            draft.list.map_or(("", [].as_slice(), Vec::new(), false), |l| (l.key, l.columns, l.rows, true));
        for row in &mut rows {
            redactor.json(&mut row.json, learned);
            prune(&mut row.json, draft.keep_empty, true);
            for (i, text) in row.cells.iter_mut().enumerate() {
                *text = cell(redactor, columns.get(i).copied().unwrap_or_default(), text, learned);
            }
        }
        let bodies = draft
            .bodies
            .into_iter()
            .map(|b| (b.key, b.keep, cap::lines(&redactor.block(&b.text, learned), b.keep, usize::MAX)))
            .collect::<Vec<_>>();
        let hint = match (draft.hint, listed, bodies.is_empty()) {
            ("", true, _) => "narrow with filter or limit",
            ("", false, false) => "ask for fewer lines",
            ("", false, true) => "ask for a part of it",
            (hint, _, _) => hint,
        };
        Self {
            data: if let Value::Object(map) = data { map } else { Map::new() },
            key,
            columns,
            shown: rows.len(),
            rows,
            listed,
            bodies,
            head: redactor.block(&draft.head, learned),
            tail: redactor.block(&draft.tail, learned),
            cut: draft.truncated.map(|c| Cut { hint: redactor.line(&c.hint, learned), ..c }),
            told: draft.told,
            hint: Cow::Borrowed(hint),
            shortened: false,
        }
    }

    /// Cuts until both forms fit: the data to half if something else is there, then rows, then bodies.
    fn shrink(&mut self, max: usize) {
        self.head = cap::shorten_text(&self.head, max / 8);
        self.tail = cap::shorten_text(&self.tail, max / 8);
        let alone = !self.listed && self.bodies.is_empty();
        let budget = if alone {
            max.saturating_sub(self.head.len() + self.tail.len() + 160 + self.hint.len())
        } else {
            max / 2
        };
        self.shortened = cap::object(&mut self.data, budget);
        let bodies = std::mem::take(&mut self.bodies);
        self.shrink_rows(if bodies.is_empty() { max } else { max * 2 / 3 });
        self.bodies = bodies;
        self.shrink_bodies(max);
    }

    fn shrink_rows(&mut self, max: usize) {
        let (mut low, mut high) = (0, self.rows.len());
        // rows that cannot fit by their JSON alone need no rendering
        let mut used = 0;
        for (i, row) in self.rows.iter().enumerate() {
            used += cap::size(&row.json) + 1;
            if used > max {
                high = i;
                break;
            }
        }
        self.shown = high;
        if self.forms().fits(max) {
            return;
        }
        while low < high {
            self.shown = (low + high).div_ceil(2);
            if self.forms().fits(max) {
                low = self.shown;
            } else {
                high = self.shown - 1;
            }
        }
        self.shown = low;
    }

    fn shrink_bodies(&mut self, max: usize) {
        if self.bodies.is_empty() {
            return;
        }
        let full: Vec<String> = self.bodies.iter_mut().map(|(_, _, l)| std::mem::take(&mut l.text)).collect();
        let mut spare = 0;
        for _ in 0..6 {
            for (_, _, lines) in &mut self.bodies {
                lines.text.clear();
            }
            let room = self.forms().room(max).saturating_sub(spare);
            // small ones whole, the others share what is left
            let mut order: Vec<usize> = (0..full.len()).collect();
            order.sort_by_key(|i| full.get(*i).map_or(0, String::len));
            let (mut left, mut waiting) = (room, order.len());
            for i in order {
                let (Some((_, keep, lines)), Some(source)) = (self.bodies.get_mut(i), full.get(i)) else {
                    continue;
                };
                *lines = cap::lines(source, *keep, left / waiting.max(1));
                left = left.saturating_sub(cap::escaped_len(&lines.text));
                waiting -= 1;
            }
            let forms = self.forms();
            if forms.fits(max) {
                return;
            }
            spare += forms.text.len().max(cap::size(&forms.json)).saturating_sub(max) + 16;
        }
    }
}

/// A cell is judged by its column: names, ids and references are never masked.
fn cell(redactor: &Redactor, column: &str, text: &str, learned: &Learned) -> String {
    let line = clean_line(text);
    if is_reference(column, &line) {
        return line.into_owned();
    }
    redactor.key_value(column, &line, learned).into_owned()
}

/// Leaves out nulls and empty lists. Maps whose keys are data (`Ports: {"80/tcp": null}`) stay as they are.
fn prune(value: &mut Value, keep: &[&str], fields: bool) {
    match value {
        Value::Object(map) => {
            if fields {
                map.retain(|key, v| match v {
                    Value::Null => keep.contains(&key.as_str()),
                    Value::Array(list) => !list.is_empty() || keep.contains(&key.as_str()),
                    _ => true,
                });
            }
            for (key, v) in map.iter_mut() {
                prune(v, keep, !is_plain_map(key));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| prune(v, keep, true)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
