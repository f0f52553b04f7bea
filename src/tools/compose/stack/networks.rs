//! Networks that are there already, and not as the file says.
//!
//! Compose before 2.30 leaves them so. Later ones make anew what they labelled with a hash: the containers on it are stopped,
//! and made anew too.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::engine::compose::stack::Stack;
use crate::guard::compose::{Ipam, Network};
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

/// What the file and the engine say differently. Addresses that the file leaves open are the engine's to choose.
fn keys(network: &Network, facts: &Value) -> Vec<&'static str> {
    let text = |key: &str| facts.get(key).and_then(Value::as_str).unwrap_or_default();
    let flag = |key: &str| facts.get(key).and_then(Value::as_bool).unwrap_or(false);
    let configs = || facts.pointer("/IPAM/Config").and_then(Value::as_array).into_iter().flatten();
    let has = |key: &str, said: &String| {
        configs().filter_map(|config| config.get(key)?.as_str()).any(|has| has == said)
    };
    let Ipam { subnets, gateways, ranges, .. } = &network.ipam;
    let mut keys = Vec::new();
    let mut differs = |key, is: bool| {
        if is {
            keys.push(key);
        }
    };
    differs("driver", network.driver.as_deref().unwrap_or("bridge") != text("Driver"));
    // Newer engines write their defaults among these.
    differs("driver_opts", said(facts, "Options", "com.docker.network.enable_ip") != network.options);
    differs("internal", network.internal != flag("Internal"));
    differs("attachable", network.attachable != flag("Attachable"));
    differs("enable_ipv6", network.ipv6 != flag("EnableIPv6"));
    differs(
        "ipam",
        !subnets.iter().all(|it| has("Subnet", it))
            || !gateways.iter().all(|it| has("Gateway", it))
            || !ranges.iter().all(|it| has("IPRange", it)),
    );
    differs("labels", said(facts, "Labels", "com.docker.compose.") != network.labels);
    keys
}

/// Pairs that a person gave: those of the engine or of compose begin otherwise.
fn said(facts: &Value, of: &str, own: &str) -> BTreeMap<String, String> {
    let pairs = facts.get(of).and_then(Value::as_object).into_iter().flatten();
    let pairs = pairs.filter(|(key, _)| !key.starts_with(own));
    pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Networks that were decided on and are gone by now, and were not to be: compose made them anew.
pub(super) async fn remade(ctx: &Ctx, permits: &Permits, differing: &[Differs]) -> Vec<String> {
    let mut all = Vec::new();
    for permit in &permits.networks {
        let name = &permit.target().name;
        if differing.iter().any(|it| it.made_anew && it.name == *name) {
            continue;
        }
        if ctx.engine.inspect_network(&ctx.budget, permit).await.is_err_and(|e| e.is_gone()) {
            all.push(format!("network `{name}`: made anew, or removed, meanwhile"));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_the_file_says_differs() {
        let facts = json!({
            "Driver": "bridge", "Internal": false, "Attachable": false, "Options": { "a": "1" }, "Labels": { "l": "1", "com.docker.compose.project": "x" },
            "IPAM": { "Config": [{ "Subnet": "10.9.0.0/24" }] },
        });
        // What was taken out of the file is on the network.
        assert_eq!(keys(&Network::default(), &facts), ["driver_opts", "labels"]);
        let pair = |k: &str, v: &str| std::iter::once((k.to_owned(), v.to_owned())).collect();
        let mut network = Network {
            driver: Some("bridge".into()),
            options: pair("a", "1"),
            labels: pair("l", "1"),
            ..Network::default()
        };
        network.ipam.subnets = vec!["10.9.0.0/24".into()];
        assert!(keys(&network, &facts).is_empty());
        network.ipam.gateways = vec!["10.9.0.7".into()];
        assert_eq!(keys(&network, &facts), ["ipam"]);
        network.ipam = Ipam { subnets: vec!["10.8.0.0/24".into()], ..Ipam::default() };
        let other = Network {
            driver: Some("macvlan".into()),
            options: pair("a", "2"),
            labels: pair("l", "2"),
            internal: true,
            attachable: true,
            ipv6: true,
            ..network
        };
        assert_eq!(
            keys(&other, &facts),
            ["driver", "driver_opts", "internal", "attachable", "enable_ipv6", "ipam", "labels"]
        );
    }
}
