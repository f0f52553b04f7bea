//! What was read of a container's files: how much of it, and how it is shown.

use serde_json::{Map, Value, json};

use crate::engine::archive::{Entry, Kind as What, Reader, Step, join};
use crate::engine::{EngineError, clock};
use crate::guard::exec::copies;
use crate::tool::Ctx;

use super::copy_content::{Encoding, SLACK, Shown, cost, is_text, shown};
use super::copy_from::Args;
use super::copy_shown::One;

/// So many entries of a folder are looked at.
const ENTRIES: u64 = 10_000;
/// What a result needs beside its entries, and an entry beside its paths and content.
const AROUND: usize = 1500;
const ROW: usize = 175;
/// Of a folder's files none takes more than this part of the room.
const SHARE: usize = 8;
/// In a folder, bytes that are no text are shown up to here.
const BYTES: u64 = 2 << 10;

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
    pub(super) all: Vec<One>,
    /// What the result may still take, and of content; of one file in a folder.
    room: usize,
    content: usize,
    share: usize,
    pub(super) entries: u64,
    pub(super) left_out: u64,
    /// Names of folders that only root may look into.
    closed: Vec<Vec<u8>>,
    pub(super) cut: bool,
    pub(super) ended: bool,
    /// It went or shrank while it was read.
    pub(super) torn: bool,
    /// Bytes of all files, and those that came.
    pub(super) size: u64,
    came: u64,
}

impl<'a> Seen<'a> {
    pub(super) fn new(ctx: &'a Ctx, args: &Args, path: &str) -> Self {
        let room = ctx.settings.output.max_bytes.saturating_sub(AROUND);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self {
            ctx,
            how: args.encoding.unwrap_or_default(),
            folder: if path == "/" { String::new() } else { format!("{folder}/") },
            all: Vec::new(),
            room,
            content: args.max_bytes.unwrap_or(room).min(room),
            share: room,
            entries: 0,
            left_out: 0,
            closed: Vec::new(),
            cut: false,
            ended: false,
            torn: false,
            size: 0,
            came: 0,
        }
    }

    pub(super) async fn read(mut self, mut reader: Reader) -> Result<Self, EngineError> {
        match self.entries(&mut reader).await {
            // Of what shrank or went the rest is lost; what came before is not.
            Err(EngineError::Changed(_)) if self.entries > 1 || self.came > 0 || self.is_folder() => {
                (self.torn, self.cut) = (true, true);
                Ok(self)
            }
            Err(e) => Err(e),
            // What cannot be read the engine leaves out, without a word.
            Ok(()) if self.entries + self.left_out == 0 => {
                Err(EngineError::Changed("an archive without entries".to_owned()))
            }
            Ok(()) => Ok(self),
        }
    }

    pub(super) fn is_folder(&self) -> bool {
        self.all.first().is_some_and(|one| one.json.get("kind") == Some(&json!(What::Folder.name())))
    }

    async fn entries(&mut self, reader: &mut Reader) -> Result<(), EngineError> {
        while self.entries < ENTRIES {
            match reader.next().await? {
                Step::End => {
                    self.ended = true;
                    break;
                }
                Step::Enough => break,
                Step::Entry(entry) => self.entry(entry, reader).await?,
            }
        }
        Ok(())
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
        // What was a file when it was judged may have become a folder.
        let unnamed = copies::is_by_name(safety, bypass) && (self.entries > 0 || entry.kind == What::Folder);
        if unnamed || copies::is_denied(&real, safety, bypass) || self.closed.iter().any(below) {
            self.left_out += 1;
            return Ok(());
        }
        if self.entries == 0 && entry.kind == What::Folder {
            self.share = self.room / SHARE;
        }
        self.entries += 1;
        self.size += entry.size;
        let rooted = !bypass && !safety.allow_root && !is_open(&entry);
        if rooted && entry.kind == What::Folder {
            self.closed.push(name.to_vec());
        }
        if !self.has_room(ROW + 2 * path.len()) {
            self.cut = true;
            return Ok(());
        }
        let mut one = One {
            json: Map::from_iter([
                ("path".to_owned(), json!(path)),
                ("kind".to_owned(), json!(entry.kind.name())),
                ("size".to_owned(), json!(entry.size)),
                ("mode".to_owned(), json!(format!("{:04o}", entry.mode))),
                ("owner".to_owned(), json!(format!("{}:{}", entry.uid, entry.gid))),
                ("modified".to_owned(), json!(clock::show(i128::from(entry.modified) * 1_000_000_000))),
            ]),
            path,
            target: String::new(),
            note: odd.then_some("its name is no plain text, and is shown escaped"),
            content: None,
            takes: 0,
        };
        if !entry.target.is_empty() {
            one.target = self.target(&entry);
            self.room = self.room.saturating_sub(2 * one.target.len());
            one.json.insert("target".to_owned(), json!(one.target));
        }
        if entry.kind == What::File && rooted {
            one.note = Some("only root may read it: [exec_safety] allow_root = false");
        } else if entry.kind == What::File {
            self.content(&entry, &mut one, reader).await?;
        }
        if let Some(note) = one.note {
            self.room = self.room.saturating_sub(2 * note.len() + 12);
        }
        self.all.push(one);
        Ok(())
    }

    /// Names come first: contents that are there already make room for them, the last ones first.
    fn has_room(&mut self, row: usize) -> bool {
        while self.room < row {
            let Some(one) = self.all.iter_mut().rev().find(|one| one.takes > 0) else { return false };
            self.room += std::mem::take(&mut one.takes);
            one.content = None;
            one.note = Some("its content made room for the names of others");
            one.json.insert("truncated".to_owned(), Value::Bool(true));
            self.cut = true;
        }
        self.room -= row;
        true
    }

    async fn content(
        &mut self,
        entry: &Entry,
        one: &mut One,
        reader: &mut Reader,
    ) -> Result<(), EngineError> {
        let room = self.room.min(self.content).min(self.share);
        let bytes = reader.content((room + SLACK) as u64).await?;
        self.came += bytes.len() as u64;
        let whole = bytes.len() as u64 == entry.size;
        let bulky =
            self.entries > 1 && self.how == Encoding::Auto && entry.size > BYTES && !is_text(&bytes, whole);
        let shown = match bulky {
            true => {
                Shown { cut: true, note: Some("no text; encoding = \"base64\" shows it"), ..Shown::default() }
            }
            false => shown(&self.ctx.mask, &bytes, whole, self.how, room),
        };
        one.note = shown.note.or(one.note);
        if shown.cut {
            self.cut = true;
            one.json.insert("truncated".to_owned(), Value::Bool(true));
        }
        if bulky {
            return Ok(());
        }
        one.takes = cost(&shown.content) + 2 * shown.content.lines().count();
        self.room = self.room.saturating_sub(one.takes);
        self.content = self.content.saturating_sub(shown.content.len());
        one.content = Some((shown.encoding, shown.content));
        Ok(())
    }

    /// Where a link leads, as it says itself. Masked whole: half of a secret is not known as one.
    fn target(&self, entry: &Entry) -> String {
        let target = match entry.kind {
            What::HardLink => self.path(bare(&entry.target)).0,
            _ => plain(&entry.target).map_or_else(|| entry.target.escape_ascii().to_string(), str::to_owned),
        };
        let (masked, _) = self.ctx.mask.lines().line(&target, false);
        masked.chars().take(300).collect()
    }

    /// Where an entry is, and whether its name is odd: then it is written so that it leads nowhere.
    fn path(&self, name: &[u8]) -> (String, bool) {
        match plain(name).filter(|name| !name.split('/').any(|part| part == "..")) {
            Some("") => ("/".to_owned(), false),
            Some(name) => (join(&self.folder, name), false),
            None => (join(&self.folder, &name.escape_ascii().to_string()), true),
        }
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
