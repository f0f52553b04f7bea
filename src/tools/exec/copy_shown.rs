//! What was read of a container's files as a result: a row for each, and the contents below them.

use serde_json::{Map, Value, json};

use crate::engine::archive::{Found, Kind as What};
use crate::guard::exec::{Place, copies};
use crate::output::{Cut, Draft, Row};

use super::copy_seen::Seen;

const COLUMNS: &[&str] = &["kind", "size", "mode", "owner", "modified", "file"];

/// One entry.
pub(super) struct One {
    pub path: String,
    pub json: Map<String, Value>,
    pub target: String,
    pub note: Option<&'static str>,
    pub content: Option<(&'static str, String)>,
    /// What the content takes of the room.
    pub takes: usize,
}

impl Seen<'_> {
    pub(super) fn draft(self, container: &str, path: &str, found: &Found, place: &Place) -> Draft {
        let mut draft = Draft::list("files", COLUMNS, Vec::new())
            .with("container", container)
            .with("path", path)
            .keep_empty(&["files"])
            .hint("ask for one file of it");
        if found.path != path.trim_end_matches('/') && found.path != path {
            draft = draft.with("leads_to", found.path.clone());
        }
        if found.stat.kind == What::Link {
            draft = draft.note(format!("a link; ask for where it leads: {}", found.stat.target));
        }
        if self.left_out > 0 {
            draft = draft.with("left_out", self.left_out).note(
                "denied_paths, allow_root = false or the allowlist under [exec_safety] leave some of it out",
            );
        }
        if self.torn {
            draft = draft.note("it shrank or went while it was read: what is here came before that");
        }
        if found.stat.kind == What::Folder
            && let Some(folder) = copies::memory_in(&found.path, place)
        {
            draft = draft.note(format!("`{folder}` is a tmpfs: what is in it is not seen here"));
        }
        let folder = self.is_folder();
        let (shown, total) = (self.all.len() as u64, self.entries);
        let mut tail = String::new();
        let rows = self.all.into_iter().map(|one| one.row(&mut tail)).collect();
        if let Some(list) = &mut draft.list {
            list.rows = rows;
        }
        draft = draft.tail(tail);
        if !self.cut && self.ended {
            return draft;
        }
        let hint = match folder {
            true => "a narrower path gives fewer files; max_bytes = 0 gives names only",
            false => "docker_exec with head, tail or sed -n gives other parts",
        };
        draft.cut(match (total, shown) {
            (1, 1) => Cut { total: Some(self.size), shown: None, what: "bytes", hint: hint.to_owned() },
            _ => Cut {
                total: self.ended.then_some(total),
                shown: Some(shown),
                what: "files",
                hint: hint.to_owned(),
            },
        })
    }
}

impl One {
    /// Its row, and below the table its content. No content can look like the heading of another file, or like our words.
    fn row(mut self, tail: &mut String) -> Row {
        if let Some((encoding, content)) = self.content {
            if !content.is_empty() {
                tail.push_str(&format!("{} ({encoding})\n", self.path));
                content.lines().for_each(|line| tail.extend(["| ", line, "\n"]));
            }
            self.json.insert("encoding".to_owned(), json!(encoding));
            self.json.insert("content".to_owned(), json!(content));
        }
        if let Some(note) = self.note {
            self.json.insert("note".to_owned(), json!(note));
        }
        let cells = ["kind", "size", "mode", "owner", "modified"].map(|key| match self.json.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        });
        // The last cell of a row is not cut where paths are.
        let target = if self.target.is_empty() { String::new() } else { format!(" -> {}", self.target) };
        let note = self.note.map(|note| format!("  ({note})")).unwrap_or_default();
        let file = format!("{}{target}{note}", self.path);
        Row::new(Value::Object(self.json), cells.into_iter().chain([file]))
    }
}
