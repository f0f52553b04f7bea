//! The two forms of what a plan shows.

use serde_json::{Map, Value};

use super::cap::Lines;
use super::finish::{Finished, Plan};
use super::{Keep, render};

impl Plan {
    /// Both, with the cuts said.
    pub(super) fn forms(&self) -> Finished {
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
