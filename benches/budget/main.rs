//! `make bench`: the budget of the contract, measured on this machine, with a raw request on the same socket and the
//! `docker` CLI beside it.
//!
//! Takes a private engine of its own (`scripts/engine new bench`), because one row stops the daemon. `UPDATE=1` writes
//! the table into the README. Without an engine, the rows that need none are measured and the others are named.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a bench that cannot go on stops")]
#![expect(clippy::disallowed_macros, reason = "a bench prints")]

mod client;
mod engine;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use docker_mcp::output::Redactor;
use docker_mcp::policy::decide::decides;
use docker_mcp::policy::pattern::Kind;
use docker_mcp::policy::{Container, Filter, Level, Pattern, PatternSet, Rules, Source};
use serde_json::{Value, json};

use client::Client;
use engine::Engine;

const CONTAINERS: usize = 150;

/// One line of the table.
struct Row {
    what: &'static str,
    goal: String,
    measured: String,
    beside: String,
    held: bool,
}

fn main() {
    // cargo passes `--bench`, and `--test` for a dry run, which must not take minutes.
    if std::env::args().any(|a| a == "--test" || a == "--list") {
        return;
    }
    let mut rows = vec![binary_size(), start(), decision(), masking(), tokens()];
    match Engine::new() {
        Ok(engine) => {
            eprintln!("starting {CONTAINERS} containers");
            engine.fill(CONTAINERS);
            rows.extend(listing(&engine));
            rows.extend(memory(&engine));
            rows.push(log_tail(&engine));
            rows.extend(hung(&engine));
        }
        Err(why) => eprintln!(
            "left out, because there is no engine of our own: memory, docker_ps, logs, hung daemon ({why})"
        ),
    }
    let table = render(&rows);
    println!("{table}");
    if std::env::var_os("UPDATE").is_some() {
        write_readme(&table);
    }
    if rows.iter().any(|row| !row.held) {
        println!("some goals are not held");
        std::process::exit(1);
    }
}

fn render(rows: &[Row]) -> String {
    let mut table = String::from("| what | goal | measured | beside it |\n|---|---|---|---|\n");
    for row in rows {
        let mark = if row.held { "" } else { " (**missed**)" };
        table.push_str(&format!(
            "| {} | {} | {}{mark} | {} |\n",
            row.what, row.goal, row.measured, row.beside
        ));
    }
    table
}

fn write_readme(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).expect("README.md");
    let (head, rest) = text.split_once("<!-- bench:begin -->\n").expect("the begin marker");
    let (_, tail) = rest.split_once("<!-- bench:end -->").expect("the end marker");
    std::fs::write(&path, format!("{head}<!-- bench:begin -->\n{table}<!-- bench:end -->{tail}"))
        .expect("README.md");
}

fn binary_size() -> Row {
    let bytes = std::fs::metadata(client::BINARY).expect("the binary").len();
    Row {
        what: "release binary, stripped",
        goal: "≤ 12 MB".into(),
        measured: format!("{:.1} MB", bytes as f64 / 1e6),
        beside: String::new(),
        held: bytes <= 12_000_000,
    }
}

fn start() -> Row {
    let mut times: Vec<Duration> = (0..30).map(|_| Client::start("", None).initialized_in).collect();
    let p50 = median(&mut times);
    Row {
        what: "start to `initialize` answered",
        goal: "≤ 10 ms".into(),
        measured: ms(p50),
        beside: String::new(),
        held: p50 <= Duration::from_millis(10),
    }
}

fn decision() -> Row {
    let source = Source::flag("bench");
    let patterns = |what: &str| {
        let one = |i| Pattern { text: format!("{what}-{i}-*"), source: source.clone() };
        PatternSet::new(Kind::Name, (0..100).map(one).collect()).expect("patterns")
    };
    let containers = Filter { allow: patterns("app"), deny: patterns("secret") };
    let rules = Arc::new(Rules { containers, ..Rules::default() });
    let container = Container {
        id: "ab".repeat(32),
        name: "app-99-web".into(),
        aliases: vec!["web".into(), "shop-web-1".into()],
        project: Some("shop".into()),
        service: Some("web".into()),
        image: "shop/web:1".into(),
        image_id: format!("sha256:{}", "cd".repeat(32)),
    };
    const ROUNDS: u32 = 20_000;
    let containers = vec![container; ROUNDS as usize];
    let began = Instant::now();
    for container in containers {
        std::hint::black_box(decides(&rules, "docker_logs", &[Level::Read], container));
    }
    let each = began.elapsed() / ROUNDS;
    Row {
        what: "policy decision with 200 patterns",
        goal: "≤ 2 µs".into(),
        measured: format!("{:.2} µs", each.as_secs_f64() * 1e6),
        beside: String::new(),
        held: each <= Duration::from_micros(2),
    }
}

/// A log of many lines, in which 200 secrets are known and one line in a hundred holds one, or a key and its value.
fn masking() -> Row {
    let redactor = Redactor::default();
    let secret = |n: u32| format!("s3cr3t-{n:04}-value");
    let learned = (0..200).fold(redactor.learn(), |all, n| all.value(&secret(n))).build();
    let line = |n: u32| match n % 100 {
        0 => format!("connected with {} to db-{n}\n", secret(n % 200)),
        50 => format!("retry {n}: password=hunter{n} url=http://shop:80/items?page={n}\n"),
        _ => format!(
            "2026-01-31T12:00:00.{n:06}Z INFO http: GET /api/v1/items?page={n} 200 12ms peer=10.0.0.7\n"
        ),
    };
    let text: String = (0..200_000).map(line).collect();
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(redactor.text(&text, &learned));
            began.elapsed()
        })
        .collect();
    let speed = text.len() as f64 / median(&mut times).as_secs_f64() / 1e6;
    Row {
        what: "masking a log with 200 known secrets",
        goal: "≥ 20 MB/s".into(),
        measured: format!("{speed:.0} MB/s"),
        beside: String::new(),
        held: speed >= 20.0,
    }
}

fn tokens() -> Row {
    let mut client = Client::start("", None);
    let list = client.request("tools/list", json!({}));
    let tools = &list.1["result"]["tools"];
    let tokens = tools.to_string().len() / 4;
    let count = tools.as_array().map_or(0, Vec::len);
    Row {
        what: "`tools/list`, read-only default",
        goal: "≤ 3,000 tokens".into(),
        measured: format!("{tokens} tokens, {count} tools"),
        beside: String::new(),
        held: tokens <= 3_000,
    }
}

fn listing(engine: &Engine) -> Vec<Row> {
    let mut client = Client::start("", Some(engine));
    let all = json!({ "all": true });
    let (_, answer) = client.call("docker_ps", all.clone());
    let result = &answer["result"];
    let shown = result["structuredContent"]["containers"].as_array().map_or(1, Vec::len).max(1);
    let text = result["content"][0]["text"].as_str().unwrap_or_default().len() / shown;
    let json = result["structuredContent"].to_string().len() / shown;
    let rounds = 200;
    // Taken in turns, so that a busy moment of the machine hits both.
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(client.call("docker_ps", all.clone()).0);
        raw.push(engine.raw("/v1.45/containers/json?all=1").0);
    }
    let mut cli: Vec<Duration> = (0..10).map(|_| engine.timed(&["ps", "-a", "--no-trunc"])).collect();
    let (ours, raw, cli) = (median(&mut ours), median(&mut raw), median(&mut cli));
    let ratio = ours.as_secs_f64() / raw.as_secs_f64();
    vec![
        Row {
            what: "`docker_ps` of 150 containers over a raw request for the same list",
            goal: "≤ 1.3 ×".into(),
            measured: format!("{ratio:.2} × ({})", ms(ours)),
            beside: format!("raw {}, `docker ps -a` {}", ms(raw), ms(cli)),
            held: ratio <= 1.3,
        },
        Row {
            what: "`docker_ps` of 150 containers, bytes a container",
            goal: "≤ 150 each".into(),
            measured: format!("text {text}, JSON {json} ({shown} shown)"),
            beside: String::new(),
            held: text <= 150 && json <= 150 && shown >= CONTAINERS,
        },
    ]
}

fn memory(engine: &Engine) -> Vec<Row> {
    let mut client = Client::start("", Some(engine));
    std::thread::park_timeout(Duration::from_millis(300));
    let idle = client.rss();
    for i in 0..1_000 {
        let (tool, arguments) = match i % 3 {
            0 => ("docker_ps", json!({ "all": true })),
            1 => ("docker_inspect", json!({ "container": "bench-1" })),
            _ => ("docker_health", json!({})),
        };
        let (_, answer) = client.call(tool, arguments);
        assert_eq!(answer["result"]["isError"], Value::Bool(false), "{answer}");
    }
    let after = client.rss();
    vec![
        Row {
            what: "memory, idle",
            goal: "≤ 12 MB".into(),
            measured: mb(idle),
            beside: String::new(),
            held: idle <= 12_000_000,
        },
        Row {
            what: "memory after 1,000 calls",
            goal: "≤ 20 MB".into(),
            measured: mb(after),
            beside: String::new(),
            held: after <= 20_000_000,
        },
    ]
}

fn log_tail(engine: &Engine) -> Row {
    engine.big_log("bench-log", 200);
    let mut client = Client::start("", Some(engine));
    client.call("docker_logs", json!({ "container": "bench-1", "tail": 100 }));
    let before = client.rss();
    let (took, answer) = client.call("docker_logs", json!({ "container": "bench-log", "tail": 100 }));
    assert_eq!(answer["result"]["isError"], Value::Bool(false), "{answer}");
    let grown = client.peak().saturating_sub(before);
    let cli = engine.timed(&["logs", "--tail", "100", "bench-log"]);
    Row {
        what: "tail of a 200 MB log: memory grows",
        goal: "≤ 2 MB".into(),
        measured: format!("{} in {}", mb(grown), ms(took)),
        beside: format!("`docker logs --tail 100` {}", ms(cli)),
        held: grown <= 2_000_000,
    }
}

fn hung(engine: &Engine) -> Vec<Row> {
    // Short class times, so that the row takes seconds: the promise is class time and a second.
    let config = "[neverhang]\nread_timeout = \"3s\"\n";
    let mut client = Client::start(config, Some(engine));
    client.call("docker_ps", json!({}));
    engine.signal("STOP");
    let mut slowest = Duration::ZERO;
    for _ in 0..3 {
        let (took, answer) = client.call("docker_ps", json!({}));
        assert_eq!(answer["result"]["isError"], Value::Bool(true), "{answer}");
        slowest = slowest.max(took);
    }
    let mut open: Vec<Duration> = (0..20).map(|_| client.call("docker_ps", json!({})).0).collect();
    let (_, answer) = client.call("docker_ps", json!({}));
    engine.signal("CONT");
    let kind = answer["result"]["structuredContent"]["error"]["kind"].as_str().unwrap_or_default().to_owned();
    let open = median(&mut open);
    vec![
        Row {
            what: "a hung daemon (class time 3 s)",
            goal: "answered in ≤ 4 s".into(),
            measured: ms(slowest),
            beside: "`docker ps` hangs".into(),
            held: slowest <= Duration::from_secs(4),
        },
        Row {
            what: "open breaker",
            goal: "≤ 50 ms".into(),
            measured: format!("{} ({kind})", ms(open)),
            beside: String::new(),
            held: open <= Duration::from_millis(50) && kind == "circuit_open",
        },
    ]
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn mb(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
