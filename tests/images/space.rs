//! I8: what does not fit is not fetched, where it can be seen.

use std::process::Command;

use serde_json::{Value, json};

use super::ON;
use crate::support::faultd::{Answer, Fault, Faultd, get, post};
use crate::support::registry::id_of;
use crate::support::{Engine, Launch, engine};

/// A disk of its own.
pub struct Disk(tempfile::TempDir);

impl Disk {
    /// Of so many MB. None where nobody may mount one; then the test is noted.
    pub fn new(test: &str, size: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={size}m");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).status();
        if !mount.is_ok_and(|status| status.success()) {
            engine::left_out(test);
            return None;
        }
        Some(Self(dir))
    }

    pub fn shrinks(&self, size: u32) {
        let size = format!("remount,size={size}m");
        assert!(Command::new("mount").args(["-o", &size]).arg(self.0.path()).status().unwrap().success());
    }

    /// The engine says that its images lie there.
    pub fn of(&self, engine: &Engine) -> Faultd {
        let mut info: Value =
            serde_json::from_str(&engine.docker(&["info", "--format", "{{json .}}"])).unwrap();
        info["DockerRootDir"] = json!(self.0.path());
        Faultd::before(engine).on(get("/info"), Fault::Answer(Answer::json(200, &info.to_string())))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn i8_nothing_is_fetched_onto_a_full_disk() {
    let test = "images::space::full";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(disk) = Disk::new(test, 8) else { return };
    let faultd = disk.of(&engine);
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let refused = client.call("docker_pull", &json!({ "image": "docker-mcp/nosuch:1" }));
    assert_eq!(refused.kind(), "daemon_error", "{}", refused.text);
    assert!(refused.text.contains("nearly full") && refused.text.contains("docker_df"), "{}", refused.text);
    assert_eq!(refused.structured["error"]["effect"], "none");
    assert_eq!(faultd.count(&post("/images/create")), 0, "nothing was asked for");
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["failures"], 0, "{}", health.text);
}

#[test]
fn i8_an_image_that_is_too_large_is_ended_as_soon_as_that_is_known() {
    let Some(engine) = engine::at_hand("images::space::large") else { return };
    let line = |id: &str| json!({ "status": "Downloading", "id": id, "progressDetail": { "current": 1, "total": 900_000_000_000_000_u64 } });
    // No disk has that much.
    let told = format!("{}\r\n{}\r\n", line("0123456789ab"), line("0123456789ac"));
    let faultd = Faultd::before(&engine).on(post("/images/create"), Fault::Answer(Answer::json(200, &told)));
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let refused = client.call("docker_pull", &json!({ "image": "docker-mcp/nosuch:1" }));
    assert_eq!(refused.kind(), "daemon_error", "{}", refused.text);
    assert!(refused.text.contains("nearly full") && refused.text.contains("to fetch"), "{}", refused.text);
    assert_eq!(refused.structured["error"]["effect"], "none");
    assert_eq!(id_of(&engine, "docker-mcp/nosuch:1"), None);
}
