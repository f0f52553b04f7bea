//! Each tool that needs a level other than `read`, in each way a call can go: success, its level off, a hidden target,
//! bad arguments, the engine refuses, given up or out of time midway. The rows are those of the catalogue: a new tool
//! without its row, or without one of its cells, fails here.

mod bad;
mod dry;
mod hidden;
mod midway;
mod persons;
mod refused;
mod rows;
mod session;
mod site;
mod success;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use docker_mcp::policy::Level;
use docker_mcp::server::catalogue;

use rows::{Cell, ROWS, Row};

/// The levels of this table; those of `read` and `exec` have tests of their own.
const LEVELS: [Level; 6] =
    [Level::Lifecycle, Level::Create, Level::Images, Level::Volumes, Level::Networks, Level::System];

#[test]
fn every_tool_has_its_row() {
    let served: BTreeSet<&str> = catalogue::all()
        .filter(|def| def.spec.levels.iter().any(|level| LEVELS.contains(level)))
        .map(|def| def.spec.name)
        .collect();
    let rows: BTreeSet<&str> = ROWS.iter().map(|row| row.tool).collect();
    assert_eq!(served, rows, "the tools of the catalogue, and those of tests/served/rows.rs");
    assert_eq!(rows.len(), ROWS.len(), "a row stands twice");
    // A tool that changes something tells how that is seen at the engine.
    for row in ROWS {
        let reads = catalogue::find(row.tool).unwrap().spec.effect.read_only();
        assert_eq!(reads, row.came.is_none(), "{}", row.tool);
    }
}

/// What is tested elsewhere is there.
#[test]
fn tests_that_a_row_points_to_exist() {
    for row in ROWS {
        let cells = [&row.success, &row.named, &row.refuses, &row.cancelled, &row.timed_out];
        for name in cells.into_iter().flat_map(Cell::elsewhere) {
            assert!(exists(name), "{}: there is no test {name}", row.tool);
        }
    }
    assert!(!exists("lifecycle::no_such_test"), "this test sees nothing");
}

fn exists(name: &str) -> bool {
    let (module, function) = name.rsplit_once("::").unwrap();
    let file = format!("{}/tests/{}.rs", env!("CARGO_MANIFEST_DIR"), module.replace("::", "/"));
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains(&format!("fn {function}(")));
    at.is_some_and(|at| lines[at.saturating_sub(3)..at].contains(&"#[test]"))
}

/// Does it for each row, several at a time (they mostly wait), and names all that fail. `SERVED=docker_tag` in the
/// environment: that row alone.
fn each(rows: impl IntoIterator<Item = &'static Row>, test: impl Fn(&'static Row) + Sync) {
    let only = std::env::var("SERVED").ok();
    let rows: Vec<&Row> =
        rows.into_iter().filter(|row| only.as_ref().is_none_or(|only| only == row.tool)).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(row)));
                    if run.is_err() {
                        failed.lock().unwrap().push(row.tool);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "failed for {failed:?}; what each said stands above");
}

/// The rows whose cell is tested here.
fn here(cell: fn(&Row) -> &Cell) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| cell(row).is_here())
}
