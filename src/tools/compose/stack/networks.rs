//! Networks that are there already, and not as the file says.
//!
//! Compose before 2.30 leaves them so. Later ones make anew what they labelled with a hash: the containers on it are stopped,
//! and made anew too.

use serde_json::Value;

use crate::engine::compose::stack::Stack;
use crate::guard::compose::Network;
use crate::policy::{Level, Permits, rules::Grant};
use crate::tool::{Ctx, Kind, ToolError};

/// A network that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Differs {
    pub name: String,
    /// Keys of the file.
    pub keys: Vec<&'static str>,
    /// Compose makes it anew.
    pub made_anew: bool,
}

impl Differs {
    /// For a preview, and for what is to know afterwards.
    pub(super) fn line(&self) -> String {
        let (name, keys) = (&self.name, self.keys.join(", "));
        match self.made_anew {
            true => format!("network `{name}`: recreate ({keys} changed), and the containers on it"),
            false => format!(
                "network `{name}`: leave, though the file differs ({keys}): docker_compose_down, and bringing it up again, apply it"
            ),
        }
    }
}

/// Compares the project's own networks with the model.
///
/// # Errors
/// One would be made anew, and networks may not be changed; or the engine's.
pub(super) async fn differing(
    ctx: &Ctx,
    permits: &Permits,
    stack: &Stack,
) -> Result<Vec<Differs>, ToolError> {
    let mut all = Vec::new();
    for network in stack.model.networks.iter().filter(|network| !network.external) {
        let Some(permit) = permits.networks.iter().find(|p| p.target().name == network.name) else {
            continue;
        };
        // Another's is never made anew: compose refuses it, or uses it as it is.
        if permit.target().project.as_deref() != Some(stack.name.as_str()) {
            continue;
        }
        let facts = ctx.engine.inspect_network(&ctx.budget, permit).await;
        let facts = facts.map_err(|e| ToolError::of_object(e, "network", &network.name))?;
        let keys = keys(network, &facts);
        if !keys.is_empty() {
            let made_anew = facts.pointer("/Labels/com.docker.compose.config-hash").is_some();
            all.push(Differs { name: network.name.clone(), keys, made_anew });
        }
    }
    let made_anew = match all.iter().find(|it| it.made_anew) {
        Some(it) if ctx.engine.compose_remakes_networks(&ctx.budget).await => it,
        _ => {
            all.iter_mut().for_each(|it| it.made_anew = false);
            return Ok(all);
        }
    };
    let rules = permits.world.rules();
    if let (false, Grant::Off) = (rules.bypass, &rules.level(Level::Networks).grant) {
        let Differs { name, keys, .. } = made_anew;
        return Err(ToolError::new(
            Kind::PermissionDenied,
            format!(
                "the network `{name}` is not as the file says ({}), and compose would make it anew: `networks` is off",
                keys.join(", ")
            ),
        )
        .hint("docker_compose_down and bringing it up again need no such level; a person can set networks = true under [permissions]"));
    }
    Ok(all)
}

/// What the file says and the engine does not. What the file leaves open is the engine's to choose.
fn keys(network: &Network, facts: &Value) -> Vec<&'static str> {
    let text = |key: &str| facts.get(key).and_then(Value::as_str).unwrap_or_default();
    let flag = |key: &str| facts.get(key).and_then(Value::as_bool).unwrap_or(false);
    let said = |of: &str, key: &str| {
        facts.get(of).and_then(|all| all.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let subnets: Vec<&str> = facts
        .pointer("/IPAM/Config")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|config| config.get("Subnet").and_then(Value::as_str))
        .collect();
    let mut keys = Vec::new();
    let mut differs = |key, is: bool| {
        if is {
            keys.push(key);
        }
    };
    differs("driver", network.driver.as_deref().is_some_and(|driver| driver != text("Driver")));
    differs("driver_opts", network.options.iter().any(|(key, value)| said("Options", key) != *value));
    differs("internal", network.internal != flag("Internal"));
    differs("attachable", network.attachable != flag("Attachable"));
    differs("ipam", network.ipam.subnets.iter().any(|subnet| !subnets.contains(&subnet.as_str())));
    differs("labels", network.labels.iter().any(|(key, value)| said("Labels", key) != *value));
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_the_file_says_differs() {
        let facts = json!({
            "Driver": "bridge", "Internal": false, "Attachable": false, "Options": { "a": "1" }, "Labels": { "l": "1", "more": "x" },
            "IPAM": { "Config": [{ "Subnet": "10.9.0.0/24" }] },
        });
        assert!(keys(&Network::default(), &facts).is_empty());
        let pair = |k: &str, v: &str| std::iter::once((k.to_owned(), v.to_owned())).collect();
        let mut network = Network {
            driver: Some("bridge".into()),
            options: pair("a", "1"),
            labels: pair("l", "1"),
            ..Network::default()
        };
        network.ipam.subnets = vec!["10.9.0.0/24".into()];
        assert!(keys(&network, &facts).is_empty());
        network.ipam.subnets = vec!["10.8.0.0/24".into()];
        let other = Network {
            driver: Some("macvlan".into()),
            options: pair("a", "2"),
            labels: pair("l", "2"),
            internal: true,
            attachable: true,
            ..network
        };
        assert_eq!(
            keys(&other, &facts),
            ["driver", "driver_opts", "internal", "attachable", "ipam", "labels"]
        );
    }
}
