//! threats.md section 6. The forms are those that compose 2.26.1 printed for real files.

mod fuzz;
mod judged;
mod keys;
mod refused;
mod rewritten;
mod written;

use serde_json::{Value, json};

use super::*;

/// A project of one service beside `db`.
fn project(web: Value) -> Value {
    let mut web = web;
    web.as_object_mut().unwrap().entry("image").or_insert(json!("nginx"));
    json!({
        "name": "proj",
        "services": { "web": web, "db": { "image": "pg", "command": null, "entrypoint": null, "networks": { "default": null } } },
        "networks": { "default": { "name": "proj_default", "ipam": {} } },
        "volumes": { "data": { "name": "proj_data" }, "ext": { "name": "theirs", "external": true } },
    })
}

fn web(web: Value) -> Result<Service, Refused> {
    let found = model(&project(web))?;
    Ok(found.services.into_iter().find(|service| service.name == "web").unwrap())
}

/// The asks of a service as `field=value`, without those of being on its network.
fn asks(value: Value) -> Vec<String> {
    let asks = web(value).unwrap().asks.into_iter();
    asks.map(|ask| format!("{}={}", ask.field, ask.value))
        .filter(|ask| ask != "network_mode=proj_default")
        .collect()
}
