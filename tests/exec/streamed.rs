//! Output that goes out while the command runs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{asleep, client, config, others};
use crate::support::fixture::Scope;
use crate::support::{Client, Launch, engine};

fn begin(client: &Client, arguments: Value) -> Value {
    let params = json!({ "name": "docker_exec", "arguments": arguments, "_meta": { "progressToken": "p" } });
    client.begin("tools/call", params)
}

fn messages(client: &Client) -> Vec<String> {
    let text = |(m, _): (Value, _)| m["params"]["message"].as_str().map(str::to_owned);
    client.others().into_iter().filter_map(text).collect()
}

#[test]
fn lines_come_while_it_runs() {
    let Some(engine) = engine::at_hand("exec::streamed::lines") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    let script = "echo first; sleep 1.5; echo second >&2; printf half; sleep 1.5; echo whole";
    let id = begin(&client, json!({ "container": app, "command": ["sh", "-c", script], "stream": true }));
    let says = |word: &'static str| {
        move |m: &Value| m["params"]["message"].as_str().is_some_and(|t| t.contains(word))
    };
    client.other_within(Duration::from_secs(5), says("first")).expect("the first line comes at once");
    assert!(client.answer_within(&id, Duration::ZERO).is_none(), "before the answer");
    client.other_within(Duration::from_secs(5), says("[stderr] second")).expect("so does the other output");
    assert!(client.answer_within(&id, Duration::ZERO).is_none(), "before the answer");
    let result = client.wait(&id).tool().ok().structured;
    assert_eq!((&result["stdout"], &result["stderr"]), (&json!("first\nhalfwhole\n"), &json!("second\n")));
    // Without being asked for there are no pieces; nor without a token.
    let quiet = begin(&client, json!({ "container": app, "command": ["echo", "unasked"] }));
    client.wait(&quiet).tool().ok();
    assert!(messages(&client).iter().all(|m| !m.contains("unasked")), "{:?}", messages(&client));
}

/// Issue 5: a second after it was written, at most. Each line waits for a file that the test makes.
#[test]
fn a_line_comes_within_a_second_of_its_writing() {
    let Some(engine) = engine::at_hand("exec::streamed::soon") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    let script = "for n in 1 2 3 4 5; do until [ -e /tmp/go-$n ]; do sleep 0.02; done; echo line-$n; done";
    let arguments =
        json!({ "container": app, "command": ["sh", "-c", script], "stream": true, "timeout": 60 });
    let id = begin(&client, arguments);
    for n in 1..=5 {
        engine.docker(&["exec", &app, "touch", &format!("/tmp/go-{n}")]);
        let written = Instant::now();
        let line = format!("line-{n}");
        let says = move |m: &Value| m["params"]["message"].as_str().is_some_and(|text| text.contains(&line));
        client.other_within(Duration::from_secs(10), says).expect("it comes");
        let took = written.elapsed();
        assert!(took <= Duration::from_secs(1), "line {n} came after {took:?}");
    }
    let result = client.wait(&id).tool().ok().structured;
    assert_eq!(result["stdout"], "line-1\nline-2\nline-3\nline-4\nline-5\n");
}

#[test]
fn pieces_have_the_size_that_was_asked_for() {
    let Some(engine) = engine::at_hand("exec::streamed::chunks") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    let arguments =
        json!({ "container": app, "command": ["seq", "20000"], "stream": true, "chunk_bytes": 1000 });
    let result = client.wait(&begin(&client, arguments)).tool().ok();
    assert_eq!(
        (&result.structured["truncated"], &result.structured["total"]),
        (&json!(true), &json!(108_894))
    );
    let pieces: Vec<String> =
        messages(&client).into_iter().filter(|m| m.starts_with(char::is_numeric)).collect();
    assert!(pieces.len() > 90 && pieces.iter().all(|p| p.len() <= 1000), "{}", pieces.len());
    let lines: Vec<String> = pieces.iter().flat_map(|p| p.lines().map(str::to_owned)).collect();
    let all: Vec<String> = (1..=20_000).map(|n: u32| n.to_string()).collect();
    assert!(lines == all, "no line is lost or said twice: {} of {}", lines.len(), all.len());
}

/// The answer is quick, and what was reported before it comes before it.
#[test]
fn the_end_of_what_is_streamed_is_not_lost() {
    let Some(engine) = engine::at_hand("exec::streamed::end") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    let mut known = 0;
    for (script, bytes, chunk) in [
        ("seq 1 60000", 348_893, 16_384),
        ("seq 1 60000", 348_893, 65_536),
        ("head -c 100000 /dev/zero | tr '\\0' x", 100_000, 5000),
        ("head -c 300000 /dev/zero | tr '\\0' x", 300_000, 1000),
    ] {
        let arguments = json!({ "container": app, "command": ["sh", "-c", script], "stream": true, "chunk_bytes": chunk });
        client.wait(&begin(&client, arguments)).tool().ok();
        let all = messages(&client);
        let pieces = all.iter().skip(known).filter(|m| m.starts_with(|c: char| c.is_numeric() || c == 'x'));
        // Between two pieces that end with a line, its end goes.
        let (count, got) = pieces.fold((0, 0), |(n, sum), piece| (n + 1, sum + piece.len()));
        assert!(
            (bytes - 1 - count..=bytes).contains(&got),
            "{script} by {chunk}: {got} of {bytes} in {count} pieces"
        );
        known = all.len();
    }
}

#[test]
fn a_client_that_reads_slowly_holds_nothing_up() {
    let Some(engine) = engine::at_hand("exec::streamed::slow") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let launch = Launch::at(&engine.host).config(&config(""));
    let client = launch.connect_slow(Duration::from_millis(50));
    let arguments = json!({ "container": app, "command": ["yes", "word"], "stream": true, "timeout": 3 });
    let start = Instant::now();
    let id = begin(&client, arguments);
    // Killed at its time, whether or not its pieces were read.
    while start.elapsed() < Duration::from_millis(4500)
        && (start.elapsed() < Duration::from_secs(2) || !others(&engine, &app).is_empty())
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(others(&engine, &app), Vec::<String>::new(), "after {:?}", start.elapsed());
    let result = client.wait(&id).tool();
    assert_eq!(result.kind(), "exec_timeout", "{}", result.text);
}
