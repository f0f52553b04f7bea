//! The locked stack of seed 002: one file, named or not, and no other.

use serde_json::json;

use super::{Shop, none};
use crate::support::engine;

#[test]
fn a_locked_stack_is_used_as_seed_002_writes_it() {
    let Some(engine) = engine::at_hand("compose::files::locked") else { return };
    let shop = Shop::new(&engine);
    // It lies outside of the roots.
    let file = shop.write(
        "opt/stack/docker-compose.yml",
        "name: PROJECT\nservices:\n  sonarr: { image: BASE, command: IDLE }\n  \
         sabnzbd: { image: BASE, command: [\"sh\", \"-c\", \"echo sab-speaks; trap 'exit 0' TERM; while :; do sleep 0.05; done\"], \
         env_file: [.env.ops], volumes: [\"./config:/config\"] }\n",
    );
    let other = shop.write("other/docker-compose.yml", "services: { x: { image: BASE } }\n");
    shop.write("opt/stack/.env.ops", "COLOUR=blue\n");
    shop.write("opt/stack/config/x", "x\n");
    let root = shop.dir.join("root");
    std::fs::create_dir(&root).unwrap();
    let sections = format!("[compose]\nroots = [\"{}\"]\nfiles = [\"{file}\"]\n", root.display());
    let client = shop.launch("", &sections).connect();
    let ask = json!({ "file": file });
    let up = client.call("compose_up", &ask).ok();
    assert_eq!(shop.containers(), ["sabnzbd-1", "sonarr-1"], "{}", up.text);
    assert!(shop.facts("sabnzbd-1")["Config"]["Env"].to_string().contains("COLOUR=blue"));
    for arguments in [ask.clone(), none(), json!({ "file": "docker-compose.yml" })] {
        let ps = client.call("compose_ps", &arguments).ok();
        assert_eq!(ps.structured["project"], shop.project, "{}", ps.text);
        assert_eq!(ps.structured["containers"].as_array().unwrap().len(), 2, "{}", ps.text);
    }
    let logs = client.call("compose_logs", &json!({ "file": file, "service": "sabnzbd", "tail": 150 })).ok();
    assert!(logs.text.contains("sab-speaks"), "{}", logs.text);
    let at = || shop.facts("sonarr-1")["State"]["StartedAt"].clone();
    let before = at();
    client.call("compose_restart", &json!({ "file": file, "service": "sonarr" })).ok();
    assert_ne!(at(), before);
    client.call("compose_stop", &json!({ "service": "sonarr" })).ok();
    client.call("compose_start", &json!({ "file": file, "service": "sonarr" })).ok();
    let again = client.call("compose_up", &none()).ok();
    assert_eq!(again.structured["changed"], false, "{}", again.text);
    // Approvals do not come from a caller.
    let approved =
        client.call("compose_restart", &json!({ "file": file, "service": "sonarr", "approved": true }));
    assert_eq!(approved.kind(), "invalid_arguments", "{}", approved.text);
    assert!(approved.text.contains("confirm"), "{}", approved.text);
    for tool in ["compose_up", "compose_pull", "compose_build", "compose_config"] {
        let refused = client.call(tool, &json!({ "file": other }));
        assert_eq!(refused.kind(), "permission_denied", "{tool}: {}", refused.text);
    }
    assert_eq!(client.call("compose_ps", &json!({ "file": other })).kind(), "not_found");
}
