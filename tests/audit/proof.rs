//! `docker-mcp audit --verify`: what was changed, removed or put in is found, at its line.

use std::path::{Path, PathBuf};

use serde_json::json;

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
    // What was written by another process stands between as it likes; where one breaks off is known.
    let other = lines[0].replacen("\"boot\":\"", "\"boot\":\"00", 1);
    assert!(with(&[lines[0], &other, lines[1]]).unwrap().contains(":2:"), "its sum is wrong");
    assert_eq!(with(&[lines[0], lines[1], &lines[2][..lines[2].len() / 2]]), None);
    let output = client.beside(&["audit", "--verify"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains(":3: breaks off"));
}

#[test]
fn a_day_that_is_gone_is_found_unless_its_time_was_over() {
    let client = written(6);
    let dir = folder(&client);
    let path = files(&dir).pop().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let day = |day: &str, lines: &[&str]| {
        std::fs::write(dir.join(format!("audit-{day}.jsonl")), lines.join("\n") + "\n").unwrap();
    };
    std::fs::remove_file(&path).unwrap();
    day("20260101", &lines[..2]);
    day("20260102", &lines[2..4]);
    day("20260103", &lines[4..]);
    assert_eq!(fault(&client), None);
    std::fs::remove_file(dir.join("audit-20260102.jsonl")).unwrap();
    assert!(fault(&client).unwrap().contains("audit-20260103.jsonl:1: "));
    // The oldest may be gone: that is how a log grows old.
    std::fs::remove_file(dir.join("audit-20260101.jsonl")).unwrap();
    assert_eq!(fault(&client), None);
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
