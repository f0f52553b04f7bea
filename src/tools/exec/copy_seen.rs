//! What was read of a container's files, and how it is shown.

use serde_json::{Map, Value, json};

use crate::engine::archive::{Entry, Found, Kind as What, Reader, Step, join};
use crate::engine::{EngineError, clock};
use crate::guard::exec::copies;
use crate::output::{Cut, Draft, Row};
use crate::tool::Ctx;

use super::copy_content::{Encoding, SLACK, cost, shown};
use super::copy_from::Args;

/// So many entries of a folder are looked at.
const ENTRIES: u64 = 10_000;
/// What a result needs beside its entries, and an entry beside its paths and content.
const AROUND: usize = 1500;
const ROW: usize = 175;

/// Could anybody but root read it; of folders: read and enter it?
fn is_open(entry: &Entry) -> bool {
    let mode = if entry.kind == What::Folder { entry.mode & (entry.mode << 2) } else { entry.mode };
    copies::is_open(mode, (entry.uid, entry.gid))
}

/// What was read.
pub(super) struct Seen<'a> {
    ctx: &'a Ctx,
    how: Encoding,
    /// The folder that the archive's names are in.
    folder: String,
    rows: Vec<Row>,
    tail: Vec<(String, &'static str, String)>,
    /// What the result may still take, and of content.
    room: usize,
    content: usize,
    entries: u64,
    left_out: u64,
    /// Names of folders that only root may look into.
    closed: Vec<Vec<u8>>,
    cut: bool,
    ended: bool,
    /// Bytes of all files.
    size: u64,
}

impl<'a> Seen<'a> {
    pub(super) fn new(ctx: &'a Ctx, args: &Args, path: &str) -> Self {
        let room = ctx.settings.output.max_bytes.saturating_sub(AROUND);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self {
            ctx,
            how: args.encoding.unwrap_or_default(),
            folder: if path == "/" { String::new() } else { format!("{folder}/") },
            rows: Vec::new(),
            tail: Vec::new(),
            room,
            content: args.max_bytes.unwrap_or(room).min(room),
            entries: 0,
            left_out: 0,
            closed: Vec::new(),
            cut: false,
            ended: false,
            size: 0,
        }
    }

    pub(super) async fn read(mut self, mut reader: Reader) -> Result<Self, EngineError> {
        while self.entries < ENTRIES {
            match reader.next().await? {
                Step::End => {
                    self.ended = true;
                    break;
                }
                Step::Enough => break,
                Step::Entry(entry) => self.entry(entry, &mut reader).await?,
            }
        }
        Ok(self)
    }

    async fn entry(&mut self, entry: Entry, reader: &mut Reader) -> Result<(), EngineError> {
        let name = bare(&entry.name);
        let (path, odd) = self.path(name);
        let (safety, bypass) = (&self.ctx.settings.exec, self.ctx.settings.bypass);
        let below = |folder: &Vec<u8>| {
            name.strip_prefix(folder.as_slice())
                .is_some_and(|rest| folder.is_empty() || rest.starts_with(b"/"))
        };
        let real = join(&self.folder, &String::from_utf8_lossy(name));
        if copies::is_denied(&real, safety, bypass) || self.closed.iter().any(below) {
            self.left_out += 1;
            return Ok(());
        }
        self.entries += 1;
        self.size += entry.size;
        let rooted = !bypass && !safety.allow_root && !is_open(&entry);
        if rooted && entry.kind == What::Folder {
            self.closed.push(name.to_vec());
        }
        let row = ROW + 2 * path.len();
        if self.room < row {
            self.cut = true;
            return Ok(());
        }
        self.room -= row;
        let mut json = Map::from_iter([
            ("path".to_owned(), json!(path)),
            ("kind".to_owned(), json!(entry.kind.name())),
            ("size".to_owned(), json!(entry.size)),
            ("mode".to_owned(), json!(format!("{:04o}", entry.mode))),
            ("owner".to_owned(), json!(format!("{}:{}", entry.uid, entry.gid))),
            ("modified".to_owned(), json!(clock::show(i128::from(entry.modified) * 1_000_000_000))),
        ]);
        let mut note = odd.then_some("its name is no plain text, and is shown escaped");
        if !entry.target.is_empty() {
            let target = match entry.kind {
                What::HardLink => self.path(bare(&entry.target)).0,
                _ => plain(&entry.target)
                    .map_or_else(|| entry.target.escape_ascii().to_string(), str::to_owned),
            };
            let target: String = target.chars().take(300).collect();
            self.room = self.room.saturating_sub(2 * target.len());
            json.insert("target".to_owned(), json!(target));
        }
        if entry.kind == What::File && rooted {
            note = Some("only root may read it: [exec_safety] allow_root = false");
        } else if entry.kind == What::File {
            let room = self.room.min(self.content);
            let bytes = reader.content((room + SLACK) as u64).await?;
            let whole = bytes.len() as u64 == entry.size;
            let shown = shown(&self.ctx.mask, &bytes, whole, self.how, room);
            note = shown.note.or(note);
            if shown.cut {
                self.cut = true;
                json.insert("truncated".to_owned(), Value::Bool(true));
            }
            let takes = cost(&shown.content) + 2 * shown.content.lines().count();
            (self.room, self.content) =
                (self.room.saturating_sub(takes), self.content.saturating_sub(shown.content.len()));
            json.insert("encoding".to_owned(), json!(shown.encoding));
            json.insert("content".to_owned(), json!(shown.content));
            if !shown.content.is_empty() {
                self.tail.push((path.clone(), shown.encoding, shown.content));
            }
        }
        if let Some(note) = note {
            self.room = self.room.saturating_sub(note.len() + 12);
            json.insert("note".to_owned(), json!(note));
        }
        let cells = |json: &Map<String, Value>| {
            ["path", "kind", "size", "mode", "owner", "modified", "target", "note"].map(|key| {
                match json.get(key) {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => String::new(),
                }
            })
        };
        let cells = cells(&json);
        self.rows.push(Row::new(Value::Object(json), cells));
        Ok(())
    }

    /// Where an entry is, and whether its name is odd: then it is written so that it leads nowhere.
    fn path(&self, name: &[u8]) -> (String, bool) {
        match plain(name).filter(|name| !name.split('/').any(|part| part == "..")) {
            Some("") => ("/".to_owned(), false),
            Some(name) => (join(&self.folder, name), false),
            None => (join(&self.folder, &name.escape_ascii().to_string()), true),
        }
    }

    pub(super) fn draft(self, container: &str, path: &str, found: &Found) -> Draft {
        let mut draft = Draft::list(
            "files",
            &["path", "kind", "size", "mode", "owner", "modified", "target", "note"],
            Vec::new(),
        )
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
            draft = draft
                .with("left_out", self.left_out)
                .note("denied_paths or allow_root = false under [exec_safety] leave some of it out");
        }
        let several = self.tail.len() > 1;
        let tail = self.tail.into_iter().map(|(path, encoding, content)| match several {
            false => content,
            true => {
                // No content can look like the heading of another file.
                let lines = content.lines().fold(String::new(), |all, line| all + "| " + line + "\n");
                format!("{path} ({encoding})\n{lines}")
            }
        });
        draft = draft.tail(tail.collect::<Vec<_>>().join("\n"));
        let (shown, total) = (self.rows.len() as u64, self.entries);
        if let Some(list) = &mut draft.list {
            list.rows = self.rows;
        }
        if !self.cut && self.ended {
            return draft;
        }
        let hint =
            "docker_exec with head, tail or sed -n gives other parts; a narrower path gives fewer files";
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

/// A name as the archive has it, without what stands around it: of the root folder all names begin with a slash.
fn bare(name: &[u8]) -> &[u8] {
    let name =
        name.strip_prefix(b".").filter(|rest| rest.is_empty() || rest.starts_with(b"/")).unwrap_or(name);
    let begin = name.iter().position(|b| *b != b'/').unwrap_or(name.len());
    let end = name.iter().rposition(|b| *b != b'/').map_or(begin, |at| at + 1);
    name.get(begin..end).unwrap_or_default()
}

fn plain(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name).ok().filter(|name| !name.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bare() {
        for (name, is) in
            [("/", ""), ("./", ""), ("/a/b/", "a/b"), ("a", "a"), (".env", ".env"), ("..", ".."), ("", "")]
        {
            assert_eq!(bare(name.as_bytes()), is.as_bytes(), "{name}");
        }
    }
}
