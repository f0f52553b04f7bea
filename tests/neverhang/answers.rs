//! Bad answers: late, stalled, slow, cut short, or not what an engine says.

use std::time::Duration;

use serde_json::json;

use super::meet::{CLASS, Case, SHORT, all, connect, failures};
use crate::support::faultd::{Answer, Fault, Faultd, Made, get};
use crate::support::ledger::{Seen, saw};

const S: fn(u64) -> Duration = Duration::from_secs;

/// The clocks for the head and for silence are ten seconds each, where the class has more.
#[test]
fn silence_is_given_up_by_its_clock() {
    all(
        "read_timeout = \"11s\"\n",
        vec![
            Case::new("B1", Fault::NoRead, "daemon_timeout").at("headers", S(10)),
            Case::new("B1", Fault::NoAnswer, "daemon_timeout").at("headers", S(10)),
            Case::new("B3", Fault::HalfHeaders, "daemon_timeout").at("headers", S(10)),
            Case::new("B3", Fault::SlowHeaders { bps: 10 }, "daemon_timeout").at("headers", S(10)),
            Case::new("B4", Fault::BodyStall { after: 1 }, "daemon_timeout").at("idle", S(10)),
            Case::new("B6", Fault::ErrorStall(500), "daemon_protocol").within(S(10)),
        ],
    );
}

#[test]
fn a_call_has_one_time_for_all() {
    all(
        SHORT,
        vec![
            Case::new("B5", Fault::Trickle { bps: 20 }, "daemon_timeout").at("total", CLASS),
            Case::new("B1", Fault::NoAnswer, "daemon_timeout").at("total", CLASS),
        ],
    );
}

/// What stands in an answer that is none is not repeated.
const LOUD: &str = "LOUD-TEXT";

#[test]
fn what_is_no_answer_of_an_engine_is_said_to_be_none() {
    let loud = |body: String| Fault::Answer(Answer::json(200, &body));
    let cases = vec![
        Case::new("B9", Fault::Malformed, "daemon_protocol"),
        Case::new("B9", Fault::WrongType, "daemon_protocol"),
        Case::new("B9", Fault::TrailingGarbage, "daemon_protocol"),
        Case::new("B9", Fault::Empty, "daemon_protocol"),
        Case::new("B9", loud(format!("{{\"{}\":", LOUD.repeat(200))), "daemon_protocol"),
        Case::new("B9", loud(format!("[{{\"Id\":[\"{}\"]}}]", LOUD.repeat(200))), "daemon_protocol"),
        Case::new("B11", Fault::Status(500, "<html>Oops</html>".into()), "daemon_protocol"),
        Case::new("B11", Fault::Status(500, String::new()), "daemon_protocol"),
        Case::new("B11", Fault::Status(502, LOUD.repeat(200)), "daemon_protocol"),
        Case::new("B11", Fault::Status(504, "<html>504</html>".into()), "daemon_protocol"),
        Case::new("B9", Fault::Redirect("http://169.254.169.254/".into()), "daemon_protocol"),
        Case::new("B13", Fault::EarlyEof, "daemon_protocol"),
        Case::new("B13", Fault::TruncateChunk { after: 1 }, "daemon_protocol"),
        Case::new("B13", Fault::ShortLength { after: 1 }, "daemon_protocol"),
        Case::new("B13", Fault::ResetPeer { after: 1 }, "daemon_protocol"),
        Case::new("B22", Fault::HugeHead(1 << 20), "daemon_protocol"),
        Case::new("B22", Fault::ManyHeaders(1000), "daemon_protocol"),
        Case::new("B22", Fault::OddHead, "daemon_protocol"),
    ];
    let running: Vec<_> = cases.into_iter().map(|case| case.over(Faultd::new(), SHORT)).collect();
    for running in running {
        let (_, _, result) = running.check();
        let loud = result.whole().matches(LOUD).count() * LOUD.len();
        assert!(loud <= 200 && !result.whole().contains("169.254"), "{}", result.text);
    }
}

/// An engine that refuses is well.
#[test]
fn what_an_engine_answers_is_no_fault_of_it() {
    let says = |status, words: &str| Fault::DockerError(status, words.into());
    all(
        SHORT,
        vec![
            Case::new("B10", says(500, "driver failed: port is already allocated"), "daemon_error")
                .uncounted()
                .says("port is already allocated"),
            Case::new("B12", says(503, "This node is not a swarm manager"), "unsupported").uncounted(),
        ],
    );
}

/// What is nonsense about one container is the engine's fault, also where it is met while secrets are learned.
#[test]
fn nonsense_about_one_container_is_not_blamed_on_it() {
    for (row, fault) in
        [("B9", Fault::Malformed), ("B11", Fault::Status(502, LOUD.into())), ("B13", Fault::EarlyEof)]
    {
        let faultd = Faultd::new().running(vec![Made::new(1, "app")]).on(get("/containers/*/json$"), fault);
        let client = connect(&faultd.host(), SHORT);
        let result = client.call("docker_logs", &json!({ "container": "app" }));
        assert_eq!(result.kind(), "daemon_protocol", "{row}: {}", result.text);
        assert_eq!(failures(&client), 1, "{row}");
        saw(row, Seen::of(&result, CLASS).circuit("+1"));
    }
}
