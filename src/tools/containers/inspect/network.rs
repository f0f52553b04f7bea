//! A network and the visible containers on it.

use serde_json::{Map, Value};

use super::pick::{array, copy, entries, put, text};
use crate::engine::outlook::Outlook;
use crate::policy::Network;

pub(super) fn curated(raw: &Value, network: &Network, outlook: &Outlook<'_>) -> Value {
    let mut out = copy(
        raw,
        &[
            ("driver", "/Driver"),
            ("scope", "/Scope"),
            ("created", "/Created"),
            ("ipv6", "/EnableIPv6"),
            ("ingress", "/Ingress"),
            ("labels", "/Labels"),
            ("options", "/Options"),
        ],
    );
    out.insert("id".into(), network.id.as_str().into());
    out.insert("name".into(), network.name.as_str().into());
    for (key, pointer) in [("internal", "/Internal"), ("attachable", "/Attachable")] {
        out.insert(key.into(), raw.pointer(pointer).cloned().unwrap_or(false.into()));
    }
    let pool = |p: &Value| {
        copy(p, &[("subnet", "/Subnet"), ("gateway", "/Gateway"), ("ip_range", "/IPRange")]).into()
    };
    let mut ipam = copy(raw, &[("driver", "/IPAM/Driver"), ("options", "/IPAM/Options")]);
    put(&mut ipam, "subnets", array(raw, "/IPAM/Config").iter().map(pool).collect::<Vec<Value>>());
    put(&mut out, "ipam", ipam);
    out.insert("containers".into(), containers(raw, network, outlook).into());
    Value::Object(out)
}

/// The engine tells those that run; the others that belong here have no address.
fn containers(raw: &Value, network: &Network, outlook: &Outlook<'_>) -> Vec<Value> {
    let on_it = outlook.on_network(network).map(|c| {
        let mut out = Map::from_iter([("name".to_owned(), Value::from(c.name.as_str()))]);
        if let Some((_, end)) = entries(raw, "/Containers").find(|(id, _)| **id == c.id) {
            put(&mut out, "ipv4", text(end, "/IPv4Address"));
            put(&mut out, "ipv6", text(end, "/IPv6Address"));
            put(&mut out, "mac", text(end, "/MacAddress"));
        }
        Value::Object(out)
    });
    on_it.collect()
}
