//! A tar of exactly what was given, sent into a folder that is there.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;
use tokio::sync::mpsc;

use crate::policy::{Container, Permit};

use super::super::Engine;
use super::super::budget::Budget;
use super::super::change::{Commit, Failed, Goal, Look, Looking, Outcome};
use super::super::error::EngineError;
use super::super::wire::Change;
use super::{Kind, Stat, join};

const BLOCK: usize = 512;
/// The highest id that fits into a header as digits.
const DIGITS: u32 = 0o7_777_777;

/// One folder or file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Below the folder that it is sent into.
    pub path: String,
    /// Absent: a folder.
    pub content: Option<Vec<u8>>,
    /// Who may do what.
    pub mode: u32,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// A folder that is there, without links on the way.
    pub folder: String,
    /// Whose all of it is: user and group.
    pub owner: (u32, u32),
    /// Folders before what is in them.
    pub items: Vec<Item>,
}

/// A load that the engine refused.
#[derive(Debug)]
pub struct Unwritten {
    /// Why.
    pub error: EngineError,
    /// What is there now of each file, in the order of the load; none where nothing was unpacked, or nobody could look.
    pub there: Option<Vec<Option<Stat>>>,
    /// It may have begun: what is there of the same name goes first.
    pub begun: bool,
}

/// All files of a load are there.
struct Arrived {
    permit: Permit<Container>,
    files: Vec<(String, u64)>,
    at: i64,
}

impl Engine {
    /// Sends files into a container. What is there of the same names is replaced; a folder is no file's, nor a file a folder's.
    ///
    /// # Errors
    /// It was not sent, or the engine refused it: before or while it unpacked.
    pub async fn archive_write(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Container>,
        load: Load,
    ) -> Result<Outcome<Permit<Container>>, Unwritten> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let body = tar(&load, now);
        let path = format!("/containers/{}/archive", permit.target().id);
        let query = [("path", load.folder.as_str()), ("noOverwriteDirNonDir", "1")];
        let (pieces, stream) = mpsc::channel::<io::Result<Bytes>>(1);
        let _there_is_room = pieces.try_send(Ok(body.into()));
        // The stream ends where nobody can send more.
        drop(pieces);
        let levels = permit.levels();
        let change = Change::put(&path, &query).tar(stream);
        let sent = self.wire.change(budget, levels, commit, change).await;
        let size =
            |item: &Item| item.content.as_ref().map(|c| (join(&load.folder, &item.path), c.len() as u64));
        let files = load.items.iter().filter_map(size).collect();
        let goal = Arrived { permit, files, at: i64::try_from(now).unwrap_or_default() };
        match sent {
            Ok(_) => Ok(Outcome::Answered(goal.permit)),
            Err(Failed { error, written: false }) => {
                let begun = begun(&error, goal.files.len() > 1);
                let there = if begun { goal.there(self, budget).await.ok() } else { None };
                Err(Unwritten { error: self.scrubbed(error), there, begun })
            }
            Err(lost) => self.settled(budget, Err(lost), goal).await.map_err(|error| Unwritten {
                error,
                there: None,
                begun: true,
            }),
        }
    }
}

/// May it have unpacked some of it? Not where its words say that it looked before.
fn begun(e: &EngineError, several: bool) -> bool {
    let before = |message: &str| message.contains("is marked read-only");
    match e {
        EngineError::Status { code: 404, .. } => false,
        EngineError::Status { message, .. } if before(message) => false,
        EngineError::Status { code: 500.., .. } => true,
        // What it refuses it does not touch; but files before that one are there.
        EngineError::Status { .. } => several,
        _ => false,
    }
}

impl Arrived {
    async fn there(&self, engine: &Engine, budget: &Budget) -> Result<Vec<Option<Stat>>, EngineError> {
        let mut there = Vec::with_capacity(self.files.len());
        for (path, _) in &self.files {
            there.push(engine.archive_stat(budget, &self.permit, path).await?);
        }
        Ok(there)
    }

    fn is_ours(&self, stat: Option<&Stat>, size: u64) -> bool {
        stat.is_some_and(|s| s.kind == Kind::File && s.size == size && s.modified == self.at)
    }
}

impl Goal for Arrived {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let stats = self.there(engine, budget).await?;
            let ours =
                |(stat, (_, size)): &(&Option<Stat>, &(String, u64))| self.is_ours(stat.as_ref(), *size);
            let there = stats.iter().zip(&self.files).filter(ours).count();
            let all = self.files.len();
            let evidence = match there {
                n if n == all => "the files are there as they were sent".to_owned(),
                0 => "none of the files is there as it was sent".to_owned(),
                n => format!("{n} of {all} files are there as they were sent"),
            };
            // Folders without files cannot be told from those of somebody else.
            let reached = (all > 0).then_some(there == all);
            Ok(Look { reached, as_before: there == 0, evidence })
        })
    }
}

fn tar(load: &Load, now: u64) -> Vec<u8> {
    let bytes: usize = load.items.iter().map(|i| i.content.as_ref().map_or(0, Vec::len) + 4 * BLOCK).sum();
    let mut out = Vec::with_capacity(bytes + 2 * BLOCK);
    for item in &load.items {
        let name = match &item.content {
            Some(_) => item.path.clone(),
            None => format!("{}/", item.path),
        };
        let (kind, size) = item.content.as_ref().map_or((b'5', 0), |content| (b'0', content.len()));
        if name.len() > 100 {
            let long = [name.as_bytes(), b"\0"].concat();
            out.extend(header(b"././@LongLink", b'L', 0, load.owner, long.len(), 0));
            fill(&mut out, &long);
        }
        out.extend(header(name.as_bytes(), kind, item.mode, load.owner, size, now));
        fill(&mut out, item.content.as_deref().unwrap_or_default());
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// Content, up to the end of its last block.
fn fill(out: &mut Vec<u8>, content: &[u8]) {
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

fn header(name: &[u8], kind: u8, mode: u32, owner: (u32, u32), size: usize, time: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        for (place, byte) in block.iter_mut().skip(at).zip(text) {
            *place = *byte;
        }
    };
    put(0, name.get(..100).unwrap_or(name));
    put(100, format!("{mode:07o}\0").as_bytes());
    put(108, &id(owner.0));
    put(116, &id(owner.1));
    put(124, format!("{size:011o}\0{time:011o}\0").as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar  \0");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    for (place, byte) in block.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").as_bytes()) {
        *place = *byte;
    }
    block
}

/// As digits, or where they do not fit as bytes behind a first one with its first bit set.
fn id(id: u32) -> Vec<u8> {
    match id > DIGITS {
        false => format!("{id:07o}\0").into_bytes(),
        true => [&[0x80, 0, 0, 0], id.to_be_bytes().as_slice()].concat(),
    }
}
