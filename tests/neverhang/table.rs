//! `docs/NEVERHANG.md`, made of what the tests saw.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::rows::ROWS;
use crate::support::ledger::Seen;

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/NEVERHANG.md")
}

/// The page names every row as the tests know it. Its numbers are those of the last run that wrote them.
#[test]
fn the_page_has_every_row() {
    let page = std::fs::read_to_string(page()).unwrap_or_default();
    let missing = |row: &&super::rows::Row| {
        !page.contains(&format!("| {} | {} | {} |", row.id, row.fault, row.promise))
    };
    let missing: Vec<&str> = ROWS.iter().filter(missing).map(|row| row.id).collect();
    assert!(
        missing.is_empty(),
        "make neverhang writes docs/NEVERHANG.md anew; not as the tests know them: {missing:?}"
    );
}

/// After a run of all tests with a ledger: every row was seen, none later than promised and a second.
#[test]
fn every_row_was_seen() {
    let Some(dir) = std::env::var_os("DOCKER_MCP_LEDGER_CHECK") else { return };
    let mut all: Vec<Seen> = Vec::new();
    for file in std::fs::read_dir(dir).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        all.push(serde_json::from_str(&text).unwrap());
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(page().parent().unwrap()).unwrap();
        std::fs::write(page(), render(&all)).unwrap();
    }
    let unseen = |row: &&super::rows::Row| row.later.is_none() && !all.iter().any(|seen| seen.id == row.id);
    let unseen: Vec<&str> = ROWS.iter().filter(unseen).map(|row| row.id).collect();
    assert!(unseen.is_empty(), "no test saw {unseen:?}");
    let late: Vec<&Seen> = all.iter().filter(|seen| seen.over_ms() > 1000).collect();
    assert!(late.is_empty(), "later than promised and a second: {late:?}");
}

fn render(all: &[Seen]) -> String {
    let worst = all.iter().map(Seen::over_ms).max().unwrap_or(0);
    let mut page =
        format!("{HEAD}\nThe latest answer of this run came {worst} ms after its promised time.\n\n");
    page.push_str("| id | fault | promise | seen | promised | took | circuit | memory |\n");
    page.push_str("| --- | --- | --- | --- | ---: | ---: | --- | ---: |\n");
    for row in ROWS {
        let seen: Vec<&Seen> = all.iter().filter(|seen| seen.id == row.id).collect();
        let words = |of: &dyn Fn(&Seen) -> String| {
            let words: BTreeSet<String> = seen.iter().map(|s| of(s)).filter(|w| !w.is_empty()).collect();
            words.into_iter().collect::<Vec<_>>().join(", ")
        };
        let kinds = match row.later {
            Some(part) => format!("not built yet: {part}"),
            None => words(&|s| s.kind.clone()),
        };
        // The one that was closest to its limit, or furthest beyond.
        let slow = seen.iter().max_by_key(|s| i128::from(s.took_ms) - i128::from(s.promised_ms));
        let promised = slow.map_or(String::new(), |s| format!("{} ms", s.promised_ms));
        let took = slow.map_or(String::new(), |s| format!("{} ms", s.took_ms));
        let memory = seen.iter().filter_map(|s| s.memory_kib).max();
        let memory = memory.map_or(String::new(), |kib| format!("{} KiB", kib));
        writeln!(
            page,
            "| {} | {} | {} | {kinds} | {promised} | {took} | {} | {memory} |",
            row.id,
            row.fault,
            row.promise,
            words(&|s| s.circuit.clone())
        )
        .unwrap();
    }
    page
}

const HEAD: &str = "\
<!-- Written by `make neverhang` from what the tests saw. Do not edit by hand. -->
# NEVERHANG: every call comes back

Each row is a fault that the tests make happen, through the served protocol: with a scripted fault daemon, with a fault
proxy before a real engine, by stopping or killing a private engine, with stub children, or with a client that misbehaves.
\"promised\" is the time of the promise under the clocks of that test (tests use classes of a few seconds); \"took\" is
what the client's clock saw, of all sightings the one closest to its limit. Every answer has its promised time and one
second at most. \"memory\" is how much the server grew.
";
