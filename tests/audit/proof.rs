//! `docker-mcp audit --verify`: what was changed, removed or put in is found, at its line.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::shim::Shim;
use crate::support::{Client, Launch};

/// A server whose log has some lines, none of which needed an engine.
fn written(lines: usize) -> Client {
    let client = Launch::without_engine().config("[permissions]\nread = true\n").connect();
    for n in 0..lines {
        // Words that a reader may stumble over.
        client.call("docker_policy", &json!({ "tool": format!("{{\"\\n{n}") }));
    }
    client.audit_wait(lines);
    client
}

fn folder(client: &Client) -> PathBuf {
    client.home().join("state/docker-mcp/audit")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<PathBuf> = all.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
    files.sort();
    files
}

/// What a proof says, if it finds something.
fn fault(client: &Client) -> Option<String> {
    let output = client.beside(&["audit", "--verify"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => None,
        Some(1) => Some(said),
        other => panic!("{other:?}: {said}"),
    }
}

#[test]
fn l4_a_flipped_bit_is_found_at_its_line() {
    let client = written(4);
    let path = files(&folder(&client)).pop().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(fault(&client), None);
    let text = std::fs::read(&path).unwrap();
    let mut begins = 0;
    let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    for (at, line) in lines.iter().enumerate() {
        let last = line.len() - 1;
        // The ends of each line, its newline, and places in between.
        let places = (0..last).step_by(37).chain([1, last - 20, last - 3, last - 2, last - 1, last]);
        for (n, place) in places.enumerate() {
            // The newline of the last line is no part of it: whoever writes next adds it.
            if place == last && at + 1 == lines.len() {
                continue;
            }
            let mut changed = text.clone();
            changed[begins + place] ^= 1 << (n % 7);
            std::fs::write(&path, &changed).unwrap();
            let said =
                fault(&client).unwrap_or_else(|| panic!("line {at}, byte {place} of {last}: not found"));
            assert!(said.contains(&format!("{name}:{}:", at + 1)), "line {at}, byte {place}: {said}");
        }
        begins += line.len();
    }
    std::fs::write(&path, &text).unwrap();
    assert_eq!(fault(&client), None);
}

#[test]
fn l4_lines_that_are_missing_doubled_or_forged_are_found() {
    let client = written(5);
    let path = files(&folder(&client)).pop().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let with = |lines: &[&str]| {
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        fault(&client)
    };
    let missing = with(&[lines[0], lines[1], lines[3], lines[4]]).unwrap();
    assert!(missing.contains(":3:") && missing.contains("missing"), "{missing}");
    let doubled = with(&[lines[0], lines[1], lines[1], lines[2], lines[3], lines[4]]).unwrap();
    assert!(doubled.contains(":3:") && doubled.contains("has the number"), "{doubled}");
    // A line with a sum of its own, which is easily made, does not carry the next one.
    let forged = {
        use sha2::{Digest, Sha256};
        let before = lines[2].split(",\"sum\":").next().unwrap().replace("docker_policy", "docker_ps");
        let sum: String =
            Sha256::digest(before.as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("{before},\"sum\":\"{sum}\"}}")
    };
    assert_ne!(forged, lines[2]);
    let found = with(&[lines[0], lines[1], &forged, lines[3], lines[4]]).unwrap();
    assert!(found.contains(":4:") && found.contains(":3: that is not the one"), "{found}");
    // A process of one line, as `docker-mcp grant` is one: that it is gone is seen at the line below it.
    std::fs::write(&path, &text).unwrap();
    client.prints(&["grant", "exec", "1h"]);
    let granted = std::fs::read_to_string(&path).unwrap();
    client.call("docker_policy", &json!({}));
    client.audit_wait(7);
    let all = std::fs::read_to_string(&path).unwrap();
    assert_eq!(fault(&client), None);
    let without: Vec<&str> = all.lines().filter(|line| !line.contains("(grant)")).collect();
    assert_eq!((without.len() + 1, granted.lines().count()), (all.lines().count(), 6));
    let erased = with(&without).unwrap();
    assert!(erased.contains(":6:") && erased.contains("stood below another line"), "{erased}");
    let beheaded = with(&all.lines().skip(1).collect::<Vec<_>>()).unwrap();
    assert!(beheaded.contains(":1:") && beheaded.contains("missing"), "{beheaded}");
    // What was written by another process stands between as it likes; where one breaks off is known.
    let other = lines[0].replacen("\"boot\":\"", "\"boot\":\"00", 1);
    assert!(with(&[lines[0], &other, lines[1]]).unwrap().contains(":2:"), "its sum is wrong");
    assert_eq!(with(&[lines[0], lines[1], &lines[2][..lines[2].len() / 2]]), None);
    let output = client.beside(&["audit", "--verify"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains(":3: breaks off"));
}

#[test]
fn a_day_that_is_gone_is_found_unless_its_time_was_over() {
    const DAY: i64 = 86_400;
    let Some(shim) = Shim::new("audit::proof::days") else { return };
    let launch = Launch::without_engine().config("[permissions]\nread = true\n");
    let client = shim.under(launch).connect();
    for day in 0..3 {
        shim.clock(day * DAY);
        for _ in 0..2 {
            client.call("docker_policy", &json!({}));
        }
    }
    client.audit_wait(6);
    let days = files(&folder(&client));
    assert_eq!(days.len(), 3);
    assert_eq!(fault(&client), None);
    std::fs::remove_file(&days[1]).unwrap();
    let third = days[2].file_name().unwrap().to_str().unwrap();
    assert!(fault(&client).unwrap().contains(&format!("{third}:1: ")));
    // The oldest as well, unless its removal is on record.
    std::fs::remove_file(&days[0]).unwrap();
    assert!(fault(&client).unwrap().contains("before are missing"));
    std::fs::remove_file(&days[2]).unwrap();
    assert_eq!(fault(&client), None);
    assert!(client.prints(&["audit", "--verify"]).contains("nothing to prove"));
}

#[test]
fn files_go_when_their_time_is_over_and_that_is_on_record() {
    let first = written(1);
    let dir = folder(&first);
    let now = files(&dir).pop().unwrap();
    let put = |name: &str| std::fs::copy(&now, dir.join(name)).unwrap();
    put("audit-20200101.jsonl");
    put("audit-20200401.jsonl");
    put("audit-20200402.jsonl");
    put("notes-20200101.jsonl");
    let config = "[permissions]\nread = true\n[audit]\nretention_days = 60\n";
    let later = Launch::without_engine().config(config).connect_beside(&first);
    later.audit_wait(1);
    let names = |paths: Vec<PathBuf>| {
        paths.iter().map(|p| p.file_name().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let today = now.file_name().unwrap().to_str().unwrap();
    // The day before the last one counts, not a clock that may have jumped.
    let left = || names(files(&dir));
    assert!(
        crate::support::eventually(std::time::Duration::from_secs(5), || left().len() == 4),
        "{:?}",
        left()
    );
    assert_eq!(left(), ["audit-20200401.jsonl", "audit-20200402.jsonl", today, "notes-20200101.jsonl"]);
    let lines = later.audit_lines();
    let line = lines.iter().find(|line| line["tool"] == "(retention)").unwrap();
    assert_eq!(line["target"], json!(["audit-20200101.jsonl"]));
}
