//! What of the host a container mounts: paths that are bound as such, and volumes that are paths under a name.

use serde_json::{Value, json};

use crate::guard::create::image::{self, Volume};

use super::super::budget::Budget;
use super::super::error::EngineError;
use super::super::{Engine, raw};
use super::place::{list, text};

/// A folder or file of the host in a container, or what is said of a volume that cannot be seen through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// This path.
    Path(String),
    /// Whatever that is.
    Unclear(String),
}

impl Engine {
    /// Volumes can be folders of the host under a name.
    pub(super) async fn through_volumes(
        &self,
        budget: &Budget,
        inspection: &Value,
    ) -> Result<Vec<Reach>, EngineError> {
        let mounts = list(inspection, "/Mounts");
        let names: Vec<&str> =
            mounts.iter().filter(|m| text(m, "/Type") == "volume").map(|m| text(m, "/Name")).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let filters = json!({ "name": names }).to_string();
        let asked = self.wire.json(budget, "/volumes", &[("filters", &filters)]).await;
        let there: raw::Volumes = asked.map_err(|e| self.scrubbed(e))?;
        Ok(names.into_iter().filter_map(|name| through(name, &there.volumes)).collect())
    }
}

/// What a volume is.
fn through(name: &str, there: &[raw::Volume]) -> Option<Reach> {
    let Some(volume) = there.iter().find(|volume| volume.name == name) else {
        return Some(Reach::Unclear("a volume that the engine does not know".to_owned()));
    };
    if volume.driver != "local" {
        // Where a plugin has it on this host.
        return Some(Reach::Path(volume.mountpoint.clone())).filter(|_| !volume.mountpoint.is_empty());
    }
    let of = |key: &str| volume.options.get(key).map(String::as_str).unwrap_or_default();
    // Memory, with whatever flags: but what is bound is bound, whatever its type says.
    let memory = of("type") == "tmpfs" && !of("o").contains("bind");
    match image::volume(&json!({ "Driver": volume.driver, "Options": volume.options })) {
        Volume::Plain => None,
        Volume::Bind(device) => Some(Reach::Path(device)),
        Volume::Other(_) if memory => None,
        Volume::Other(_) => Some(Reach::Unclear("a volume with options of its driver".to_owned())),
    }
}

/// Paths of the host that are bound as such.
pub(super) fn bound(inspection: &Value) -> Vec<Reach> {
    let mounts = list(inspection, "/Mounts");
    let binds = mounts.iter().filter(|mount| text(mount, "/Type") == "bind");
    binds.map(|mount| Reach::Path(text(mount, "/Source").to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_volumes_really_are() {
        let volume = |driver: &str, options: Value| {
            let volume = json!({ "Name": "v", "Driver": driver, "Mountpoint": "/m", "Options": options });
            through("v", &[serde_json::from_value(volume).unwrap()])
        };
        let path = |path: &str| Some(Reach::Path(path.to_owned()));
        assert_eq!(volume("local", json!(null)), None);
        assert_eq!(volume("local", json!({ "type": "tmpfs", "device": "tmpfs", "o": "nosuid" })), None);
        assert_eq!(volume("local", json!({ "type": "none", "device": "/etc", "o": "bind" })), path("/etc"));
        assert!(matches!(
            volume("local", json!({ "type": "nfs", "device": ":/x", "o": "addr=h" })),
            Some(Reach::Unclear(_))
        ));
        assert!(matches!(
            volume("local", json!({ "type": "ext4", "device": "/dev/sda1" })),
            Some(Reach::Unclear(_))
        ));
        assert!(matches!(
            volume("local", json!({ "type": "tmpfs", "device": "/etc", "o": "bind" })),
            Some(Reach::Unclear(_))
        ));
        assert_eq!(volume("plugin", json!({ "mountpoint": "/m" })), path("/m"));
        assert!(matches!(through("other", &[]), Some(Reach::Unclear(_))));
    }
}
