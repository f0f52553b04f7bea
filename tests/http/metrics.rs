//! `GET /metrics`: what is counted, who may read it, what it must not tell, and that it answers whatever the engine does.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Served, keys};
use crate::support::faultd::{Fault, Faultd, Made, any};
use crate::support::fixture::Scope;
use crate::support::http::Reply;
use crate::support::{Launch, engine};

impl Served {
    fn scrape(&self, key: Option<&str>) -> Reply {
        let bearer = key.map(|key| format!("Bearer {key}"));
        let headers: Vec<_> = bearer.iter().map(|value| ("authorization", value.as_str())).collect();
        self.send("GET", "/metrics", &headers, "")
    }
}

/// The value of one series; none if there is no such.
fn value(reply: &Reply, series: &str) -> Option<f64> {
    let line = reply.body.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|number| number.parse().unwrap_or_else(|e| panic!("{series}: {e}: {number}")))
}

#[test]
fn it_takes_a_key_and_our_name_and_counts_calls() {
    let (config, viewer, _) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    assert_eq!(served.scrape(None).status, 401);
    assert_eq!(served.scrape(Some("dmcp_wrong")).status, 401);
    let bearer = format!("Bearer {viewer}");
    let key = ("authorization", bearer.as_str());
    assert_eq!(served.send("GET", "/metrics", &[key, ("host", "evil.example")], "").status, 403);
    assert_eq!(served.send("POST", "/metrics", &[key], "").status, 405);
    served.tool("docker_policy", Some(&viewer), &json!({}));
    served.tool("docker_stop", Some(&viewer), &json!({ "containers": "x" }));
    served.mcp(Some(&viewer), "tools/call", json!({ "name": "docker_policy", "arguments": {} }));
    // A seed's name is the tool's that it means.
    served.tool("ping", Some(&viewer), &json!({}));
    let scrape = served.scrape(Some(&viewer));
    assert_eq!(scrape.status, 200, "{scrape:?}");
    assert_eq!(scrape.header("content-type"), Some("text/plain; version=0.0.4"));
    for (series, wanted) in [
        ("docker_mcp_tool_executions_total{status=\"success\",tool_name=\"docker_policy\"}", 2.0),
        ("docker_mcp_tool_executions_total{status=\"success\",tool_name=\"docker_health\"}", 1.0),
        ("docker_mcp_tool_executions_total{status=\"denied\",tool_name=\"docker_stop\"}", 1.0),
        ("docker_mcp_tool_execution_duration_seconds_count{tool_name=\"docker_policy\"}", 2.0),
        ("docker_mcp_tool_execution_duration_seconds_bucket{tool_name=\"docker_policy\",le=\"+Inf\"}", 2.0),
        ("docker_mcp_tool_failures_total{kind=\"permission_denied\"}", 1.0),
        ("docker_mcp_denials_total", 1.0),
        ("docker_mcp_timeouts_total", 0.0),
        ("docker_mcp_authentication_attempts_total{result=\"missing\"}", 1.0),
        ("docker_mcp_authentication_attempts_total{result=\"failure\"}", 1.0),
        ("docker_mcp_authentication_attempts_total{result=\"anonymous\"}", 0.0),
        ("docker_mcp_circuit_state{state=\"closed\"}", 1.0),
        ("docker_mcp_circuit_state{state=\"open\"}", 0.0),
        ("docker_mcp_calls_in_flight", 0.0),
        ("docker_mcp_audit_failing", 0.0),
    ] {
        assert_eq!(value(&scrape, series), Some(wanted), "{series}\n{}", scrape.body);
    }
    let version = format!("docker_mcp_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(value(&scrape, &version), Some(1.0));
    assert!(value(&scrape, "docker_mcp_uptime_seconds").is_some_and(|up| up > 0.0));
    // The other name has the same.
    let other = served.send("GET", "/prometheus", &[key], "");
    let names = |reply: &Reply| {
        let lines = reply.body.lines().filter(|line| line.starts_with("# TYPE"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((other.status, names(&other)), (200, names(&scrape)));
}

#[test]
fn no_word_of_a_caller_becomes_a_series() {
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    let call = |name: &str| {
        served.mcp(None, "tools/call", json!({ "name": name, "arguments": {} }));
        served.tool(name, None, &json!({}));
    };
    call("docker_nothing");
    let before = served.scrape(None);
    (0..20).for_each(|n| call(&format!("made_up_{n}")));
    let after = served.scrape(None);
    let series = |reply: &Reply| reply.body.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(series(&before), series(&after), "{}", after.body);
    assert!(!after.body.contains("made_up") && !after.body.contains("docker_nothing"), "{}", after.body);
    let unknown = "docker_mcp_tool_executions_total{status=\"error\",tool_name=\"(unknown)\"}";
    assert_eq!(value(&after, unknown), Some(21.0), "{}", after.body);
    assert!(
        value(&after, "docker_mcp_authentication_attempts_total{result=\"anonymous\"}")
            .is_some_and(|n| n > 20.0)
    );
}

#[test]
fn what_a_role_does_not_see_is_in_no_count() {
    let Some(engine) = engine::at_hand("http::metrics::hidden") else { return };
    let scope = Scope::new(&engine);
    let (hidden, web) = (scope.name("vault"), scope.name("web"));
    scope.run("vault", &["--label", "com.docker.compose.project=vaultproject"], &["sleep", "9999"]);
    scope.run("web", &["--label", "com.docker.compose.project=webproject"], &["sleep", "9999"]);
    // Only these two count: others come and go on the engine that tests share.
    let more = format!("whitelist_containers = [{hidden:?}, {web:?}]\nblacklist_containers = [{hidden:?}]");
    let (config, viewer, operator) = keys(&more);
    let config = config.replace(
        "[roles.viewer]\nread = true\n",
        &format!("[roles.viewer]\nread = true\nwhitelist_containers = [{hidden:?}, {web:?}]\n"),
    );
    let served = Served::start(Launch::at(&engine.host).config(&config));
    let seen = |key: &str| {
        let scrape = served.scrape(Some(key));
        let of = |series: &str| value(&scrape, series).unwrap_or_else(|| panic!("{series}: {}", scrape.body));
        (
            of("docker_mcp_containers_total{status=\"running\"}"),
            of("docker_mcp_containers_total{status=\"stopped\"}"),
            of("docker_mcp_compose_stacks_total"),
            of("docker_mcp_engine_up"),
            of("docker_mcp_networks_total") >= 1.0,
        )
    };
    assert_eq!(seen(&viewer), (2.0, 0.0, 2.0, 1.0, true));
    assert_eq!(seen(&operator), (1.0, 0.0, 1.0, 1.0, true));
    // Whether it is hidden or missing, it counts the same.
    let failures = |name: &str| {
        served.tool("docker_inspect", Some(&operator), &json!({ "container": name }));
        let scrape = served.scrape(Some(&operator));
        let not_found = value(&scrape, "docker_mcp_tool_failures_total{kind=\"not_found\"}");
        (not_found, value(&scrape, "docker_mcp_denials_total"))
    };
    assert_eq!(failures(&hidden), (Some(1.0), Some(0.0)));
    assert_eq!(failures("no-such-container-here"), (Some(2.0), Some(0.0)));
    let scrape = served.scrape(Some(&viewer));
    assert!(!scrape.body.contains(&hidden) && !scrape.body.contains(&web), "{}", scrape.body);
    // What a scrape asks is no execution of anybody's, and on record once: the looks are kept for a while.
    assert!(!scrape.body.contains("tool_name=\"docker_ps\""), "{}", scrape.body);
    let lines = served.client.audit_wait(8);
    let looks = lines.iter().filter(|line| line["tool"] == "docker_ps").collect::<Vec<_>>();
    assert!((2..=4).contains(&looks.len()), "{looks:?}");
    assert!(looks.iter().all(|line| line["decision"] == "read" && line["caller"] != "http"), "{looks:?}");
}

#[test]
fn who_may_not_read_gets_no_counts_and_leaves_no_refusals() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let config = "[permissions]\nread = false\n";
    let served = Served::start(Launch::at(&faultd.host()).config(config));
    let scrape = served.scrape(None);
    assert_eq!(scrape.status, 200);
    assert!(!scrape.body.contains("docker_mcp_containers_total"), "{}", scrape.body);
    assert!(!scrape.body.contains("docker_mcp_networks_total"), "{}", scrape.body);
    assert!(!served.client.audit_text().contains("docker_ps"));
    assert_eq!(faultd.count(&any().path("/containers/json")), 0, "nothing was asked");
}

#[test]
fn an_engine_that_hangs_or_is_away_leaves_the_rest() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]).on(any(), Fault::NoAnswer);
    let hung = Served::start(Launch::at(&faultd.host()).config("[permissions]\nread = true\n"));
    let away = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    for (served, what) in [(&hung, "hung"), (&away, "away")] {
        let begin = Instant::now();
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    let (begin, scrape) = (Instant::now(), served.scrape(None));
                    let took = begin.elapsed();
                    assert!(took < Duration::from_secs(5), "{what}: {took:?}");
                    assert_eq!(scrape.status, 200);
                    assert_eq!(value(&scrape, "docker_mcp_engine_up"), Some(0.0), "{what}: {}", scrape.body);
                    assert!(!scrape.body.contains("docker_mcp_containers_total"), "{what}");
                    assert_eq!(value(&scrape, "docker_mcp_audit_failing"), Some(0.0), "{what}");
                });
            }
        });
        eprintln!("{what}: eight scrapes at once in {:?}", begin.elapsed());
        let looks = served.client.audit_lines().iter().filter(|line| line["tool"] == "docker_ps").count();
        assert!(looks <= 2, "{what}: they share one look, and made {looks}");
    }
    // It is there again, and so are the counts.
    faultd.clear();
    let begin = Instant::now();
    while value(&hung.scrape(None), "docker_mcp_containers_total{status=\"running\"}") != Some(1.0) {
        assert!(begin.elapsed() < Duration::from_secs(40), "{}", hung.scrape(None).body);
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn the_page_names_every_series_and_no_other() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let served = Served::start(Launch::at(&faultd.host()).config("[permissions]\nread = true\n"));
    served.tool("docker_stop", None, &json!({ "containers": "x" }));
    let scrape = served.scrape(None);
    let types = scrape.body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let there: BTreeSet<&str> = types.collect();
    let page = include_str!("../../docs/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `docker_mcp_"));
    let cells = rows.filter_map(|line| line.split('|').nth(1)).flat_map(|cell| cell.split(','));
    let told: BTreeSet<&str> = cells.map(|name| name.trim().trim_matches('`')).collect();
    assert_eq!(there, told);
    // No name twice: Prometheus would refuse all of it.
    let series: Vec<_> = scrape.body.lines().filter(|line| !line.starts_with('#')).collect();
    let names: BTreeSet<_> =
        series.iter().filter_map(|line| line.rsplit_once(' ').map(|(name, _)| name)).collect();
    assert_eq!(series.len(), names.len(), "{}", scrape.body);
}
