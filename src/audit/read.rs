//! The log, read back line by line, and proved: what is there is what was written, and nothing in between is missing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Result};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::days;

/// Bytes of a line at most: what is longer is none of ours.
const LINE: u64 = 16 * 1024 * 1024;
/// Faults that are told; one is enough to know.
const FAULTS: usize = 100;

/// One line as it stands in its file.
#[derive(Debug, Clone)]
pub struct Line {
    /// The name of its file.
    pub file: String,
    /// From 1.
    pub number: usize,
    /// Without the newline.
    pub bytes: Vec<u8>,
}

impl Line {
    fn place(&self) -> String {
        format!("{}:{}", self.file, self.number)
    }
}

/// What a line says, as far as readers ask.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the fields are the contract's, section 7")]
pub struct Entry {
    pub seq: u64,
    pub ts: Timestamp,
    pub boot: String,
    #[serde(default)]
    pub lost: u64,
    pub call: String,
    pub caller: String,
    #[serde(default)]
    pub role: Option<String>,
    #[serde(default)]
    pub request_id: Option<String>,
    #[serde(default)]
    pub trace_id: Option<String>,
    pub tool: String,
    #[serde(default)]
    pub target: Vec<String>,
    pub decision: String,
    #[serde(default)]
    pub rule: Option<String>,
    pub effect: String,
    pub outcome: String,
    #[serde(default)]
    pub error_kind: Option<String>,
    pub duration_ms: u64,
    pub prev: String,
    #[serde(default)]
    pub above: Option<String>,
}

impl Entry {
    /// What the line says; none if it is torn or none of ours.
    #[must_use]
    pub fn of(line: &Line) -> Option<Self> {
        serde_json::from_slice(&line.bytes).ok()
    }

    /// Is that word its outcome, its decision or its kind of error?
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        self.outcome == word || self.decision == word || self.error_kind.as_deref() == Some(word)
    }
}

/// Every line from that moment's day on, in the order of the files.
///
/// # Errors
/// The folder or a file cannot be read.
pub fn each(dir: &Path, from: Option<Timestamp>, mut take: impl FnMut(Line)) -> Result<()> {
    let from = from.map(days::of);
    for day in days::all(dir)?.into_iter().filter(|day| from.is_none_or(|from| day.date >= from)) {
        let mut reader = BufReader::new(File::open(&day.path)?);
        for number in 1.. {
            let mut bytes = Vec::new();
            if (&mut reader).take(LINE).read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            take(Line { file: day.name(), number, bytes });
        }
    }
    Ok(())
}

/// What a proof found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// Whole lines.
    pub lines: u64,
    /// Processes that wrote them.
    pub boots: usize,
    /// What was changed, is missing, or was put in: the place and the words. Not all of them, where there are many.
    pub faults: Vec<(String, String)>,
    /// What is no fault and good to know: lines that broke off, files that are gone by their age.
    pub notes: Vec<(String, String)>,
}

impl Proof {
    fn fault(&mut self, place: String, what: String) {
        if self.faults.len() < FAULTS {
            self.faults.push((place, what));
        }
    }
}

/// A link of one process's chain.
struct Link {
    lost: u64,
    hash: [u8; 32],
    prev: String,
    place: String,
    /// Its own sum is wrong: what follows from that is not told as well.
    changed: bool,
}

/// Proves the chains of all processes over the raw bytes of the lines.
///
/// # Errors
/// The folder or a file cannot be read.
pub fn verify(dir: &Path) -> Result<Proof> {
    let mut proof = Proof::default();
    let mut chains: BTreeMap<String, BTreeMap<u64, Link>> = BTreeMap::new();
    let mut expired = false;
    // Of the line above: its file, and its sum.
    let mut above = (String::new(), String::new());
    each(dir, None, |line| {
        let place = line.place();
        let (file, before) = std::mem::replace(&mut above, (line.file.clone(), sum(&line.bytes)));
        let before = if file == line.file { before } else { String::new() };
        if line.bytes.is_empty() {
            return;
        }
        let Some(entry) = Entry::of(&line) else {
            if is_torn(&line.bytes) {
                let why = "breaks off: its process or its disk came to an end within it";
                proof.notes.push((place, why.to_owned()));
            } else {
                proof.fault(place, "is no line of ours, or was changed".to_owned());
            }
            return;
        };
        proof.lines += 1;
        expired |= entry.tool == super::writer::RETENTION;
        let changed = !has_its_sum(&line.bytes);
        if changed {
            proof
                .fault(place.clone(), "was changed: it does not have the sum it was written with".to_owned());
        }
        if let Some(wanted) = entry.above.filter(|wanted| !changed && *wanted != before) {
            above_is_wrong(&mut proof, &place, &wanted, line.number);
        }
        let hash = Sha256::digest(&line.bytes).into();
        let link = Link { lost: entry.lost, hash, prev: entry.prev, place: place.clone(), changed };
        if let Some(first) = chains.entry(entry.boot).or_default().insert(entry.seq, link) {
            proof.fault(place, format!("has the number of the line at {}", first.place));
        }
    })?;
    proof.boots = chains.len();
    for (boot, chain) in chains {
        prove(&mut proof, &boot, &chain, expired);
    }
    Ok(proof)
}

fn above_is_wrong(proof: &mut Proof, place: &str, wanted: &str, number: usize) {
    let what = match (wanted.is_empty(), number) {
        (true, _) => "was the first line of its file, and stands below others",
        (false, 1) => "stood below another line, which is missing",
        (false, _) => {
            "stood below another line than the one above it: that was changed, taken out, or put in"
        }
    };
    proof.fault(place.to_owned(), what.to_owned());
}

fn prove(proof: &mut Proof, boot: &str, chain: &BTreeMap<u64, Link>, expired: bool) {
    let mut before: Option<(u64, &Link)> = None;
    for (&seq, link) in chain {
        let place = link.place.clone();
        match before {
            None if seq == link.lost && link.prev.is_empty() => {}
            None if link.changed => {}
            // Which files went by their age is on record.
            None if expired => {
                let why = format!("what process {boot} wrote before is in files that are gone");
                proof.notes.push((place, why));
            }
            None => proof.fault(place, format!("the lines that process {boot} wrote before are missing")),
            Some((last, one)) if last + 1 + link.lost != seq => {
                if !one.changed && !link.changed {
                    let why = format!(
                        "between this and {} lines of process {boot} are missing: {last} is followed by {seq}",
                        one.place
                    );
                    proof.fault(place, why);
                }
            }
            Some((_, one)) => {
                let hash = hex::encode(one.hash);
                if hash != link.prev && !one.changed && !link.changed {
                    let why = format!(
                        "does not follow the line at {}: that is not the one that was written",
                        one.place
                    );
                    proof.fault(place, why);
                }
            }
        }
        before = Some((seq, link));
    }
}

/// It is the beginning of a line, and not a whole one that was changed so that it seems to go on.
fn is_torn(line: &[u8]) -> bool {
    let open = serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err_and(|e| e.is_eof());
    let whole = memchr::memmem::rfind(line, b",\"sum\":\"").is_some_and(|at| line.len() - at >= 26);
    line.starts_with(b"{\"seq\":") && open && !whole
}

/// The last field is a sum over all before it, so that a change is found at its line and not at the next one.
pub(super) fn sum(before: &[u8]) -> String {
    hex::encode(Sha256::digest(before)).chars().take(16).collect()
}

fn has_its_sum(line: &[u8]) -> bool {
    // `,"sum":"0123456789abcdef"}`
    let Some((before, field)) = line.len().checked_sub(26).and_then(|at| line.split_at_checked(at)) else {
        return false;
    };
    field == format!(",\"sum\":\"{}\"}}", sum(before)).as_bytes()
}
