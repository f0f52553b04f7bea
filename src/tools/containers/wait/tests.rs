use super::*;
use serde_json::json;

fn at(state: &str, started: &str) -> Look {
    Look { state: state.into(), started: started.into(), ..Look::default() }
}

#[test]
fn a_look_is_read() {
    let inspection = json!({ "State": { "Status": "exited", "ExitCode": 3, "StartedAt": "T",
        "Health": { "Status": "unhealthy" } } });
    let look = read(&inspection);
    assert_eq!(
        (look.state.as_str(), look.exit_code, look.health.as_deref()),
        ("exited", Some(3), Some("unhealthy"))
    );
    assert_eq!(read(&json!({ "State": { "Status": "running", "ExitCode": 0 } })).exit_code, None);
}

#[test]
fn conditions() {
    assert!(Until::Exited.met(&at("running", "1"), &at("running", "2")));
    assert!(!Until::Exited.met(&at("exited", "1"), &at("running", "2")));
    assert!(Until::Exited.met(&at("running", "1"), &at("removed", "")));
    assert!(!Until::Running.met(&at("exited", "1"), &at("exited", "1")));
    let healthy = Look { health: Some("healthy".into()), ..at("running", "1") };
    assert!(Until::Healthy.met(&healthy, &healthy));
    assert!(Until::Removed.met(&healthy, &at("removed", "")));
}
