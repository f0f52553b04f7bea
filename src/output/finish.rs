//! From a draft to the two forms of a result.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::cap::{self, Lines};
use super::sanitise::floor;
use super::walk::{is_plain_map, is_reference};
use super::{Cut, Draft, Keep, Learned, Redactor, Row, clean_line, render};

/// A result, ready to leave: both forms say the same, and neither is above the cap.
#[derive(Debug, Clone)]
pub struct Finished {
    /// For `content[0].text`.
    pub text: String,
    /// For `structuredContent`: an object.
    pub json: Value,
}

/// What is left of a draft after masking, with the choice of what to show.
struct Plan {
    data: Map<String, Value>,
    key: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Row>,
    listed: bool,
    shown: usize,
    bodies: Vec<(&'static str, Keep, Lines)>,
    head: String,
    tail: String,
    cut: Option<Cut>,
    told: &'static [&'static str],
    hint: Cow<'static, str>,
    shortened: bool,
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

    fn forms(&self) -> Finished {
        let mut map = self.data.clone();
        if self.listed {
            let rows = self.rows.iter().take(self.shown).map(|r| r.json.clone()).collect();
            map.insert(self.key.to_owned(), Value::Array(rows));
        }
        for (key, _, lines) in &self.bodies {
            map.insert((*key).to_owned(), Value::String(lines.text.clone()));
        }
        self.say_cut(&mut map);
        Finished { text: self.text(), json: Value::Object(map) }
    }

    /// `truncated`, totals and the way to the rest.
    fn say_cut(&self, map: &mut Map<String, Value>) {
        let mut put = |key: String, value: Value| {
            map.entry(key).or_insert(value);
        };
        let mut cut = self.shortened;
        if let Some(c) = &self.cut {
            cut = true;
            if let Some(n) = c.shown.filter(|_| self.shown == self.rows.len()) {
                put("shown".to_owned(), n.into());
            }
            if let Some(n) = c.total {
                put("total".to_owned(), n.into());
            }
        }
        if self.shown < self.rows.len() {
            cut = true;
            put("total".to_owned(), self.rows.len().into());
            put("shown".to_owned(), self.shown.into());
        }
        let several = self.bodies.len() > 1;
        for (key, _, lines) in self.bodies.iter().filter(|(_, _, l)| l.is_cut()) {
            cut = true;
            let prefix = if several { format!("{key}_") } else { String::new() };
            put(format!("{prefix}total_lines"), lines.total.into());
            put(format!("{prefix}total_bytes"), lines.total_bytes.into());
        }
        if cut {
            put("truncated".to_owned(), Value::Bool(true));
            put("hint".to_owned(), Value::String(self.way().to_owned()));
        }
    }

    /// How to get the rest: the tool knows better.
    fn way(&self) -> &str {
        self.cut.as_ref().map(|c| c.hint.as_str()).filter(|h| !h.is_empty()).unwrap_or(&self.hint)
    }

    fn text(&self) -> String {
        let mut out = String::new();
        push_block(&mut out, &self.head);
        if self.listed {
            let shown: Vec<&[String]> =
                self.rows.iter().take(self.shown).map(|r| r.cells.as_slice()).collect();
            if shown.is_empty() && self.rows.is_empty() {
                push_block(&mut out, &format!("no {}", self.key.replace('_', " ")));
            } else {
                push_block(&mut out, &render::table(self.columns, &shown));
            }
        }
        let mut facts = self.data.clone();
        facts.retain(|key, _| !self.told.contains(&key.as_str()) && key != "notes" && key != "summary");
        push_block(&mut out, &render::tree(&Value::Object(facts)));
        let bare = self.bodies.len() == 1 && !self.listed && self.data.is_empty();
        for (key, _, lines) in &self.bodies {
            if lines.total_bytes == 0 {
                push_block(&mut out, &format!("{key}: (empty)"));
                continue;
            }
            if !bare {
                push_block(&mut out, &format!("{key}:"));
            }
            push_block(&mut out, &lines.text);
        }
        for key in ["summary", "notes"] {
            match self.data.get(key).filter(|_| !self.told.contains(&key)) {
                Some(Value::String(s)) => push_block(&mut out, s),
                Some(Value::Array(list)) => {
                    list.iter().filter_map(Value::as_str).for_each(|s| push_block(&mut out, s));
                }
                Some(other) => push_block(&mut out, &format!("{key}:\n{}", render::tree(other))),
                None => {}
            }
        }
        push_block(&mut out, &self.tail);
        self.cut_lines(&mut out);
        out.truncate(out.trim_end_matches('\n').len());
        out
    }

    fn cut_lines(&self, out: &mut String) {
        let way = self.way();
        if self.shown < self.rows.len() {
            let total = self.cut.as_ref().and_then(|c| c.total).unwrap_or(self.rows.len() as u64);
            push_block(out, &format!("... {} of {total} shown; {way}", self.shown));
        } else if let Some(c) = &self.cut {
            let what = match (c.shown, c.total) {
                (Some(n), Some(total)) => format!("{n} of {total} {} shown", c.what),
                (Some(n), None) => format!("only {n} {} shown", c.what),
                (None, Some(total)) => format!("cut; {total} {} in all", c.what),
                (None, None) => format!("more {} not shown", c.what),
            };
            push_block(out, &format!("... {what}; {way}"));
        }
        for (key, keep, lines) in self.bodies.iter().filter(|(_, _, l)| l.is_cut()) {
            let which = match keep {
                Keep::Head => "first",
                Keep::Tail => "last",
                Keep::Both => "first and last",
            };
            let Lines { shown, total, total_bytes, .. } = lines;
            let note =
                format!("... {key}: {which} {shown} of {total} lines shown ({total_bytes} bytes); {way}");
            push_block(out, &note);
        }
        if self.shortened {
            push_block(out, &format!("... shortened where marked [... cut]; {way}"));
        }
    }
}

fn push_block(out: &mut String, text: &str) {
    out.push_str(text);
    if !text.is_empty() && !text.ends_with('\n') {
        out.push('\n');
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
