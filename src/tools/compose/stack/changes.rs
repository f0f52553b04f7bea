//! What bringing a project up would do to each of its services.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::engine::compose::stack::Stack;
use crate::engine::projects::Member;
use crate::guard::compose::{Service, frozen};
use crate::policy::Permits;
use crate::tool::{Ctx, ToolError};

use super::super::not_read::not_read;

/// What would happen to one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Does {
    /// It is made.
    Create,
    /// It is made anew: so much of it is different.
    Recreate(Vec<&'static str>),
    /// It is there, and does not run.
    Start,
    /// It is as it should be.
    Leave,
    /// There are more than there are to be.
    Remove,
}

impl Does {
    /// The word for it.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Recreate(_) => "recreate",
            Self::Start => "start",
            Self::Leave => "leave",
            Self::Remove => "remove",
        }
    }
}

/// One container of a project.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub service: String,
    pub container: String,
    pub does: Does,
}

/// Compares the containers that there are with the model.
pub(super) async fn changes(
    ctx: &Ctx,
    permits: &Permits,
    stack: &Stack,
    force: bool,
) -> Result<Vec<Change>, ToolError> {
    let its = members(ctx, permits, stack).await?;
    let model = frozen(stack.json.clone(), &ctx.settings.create, stack.trusted);
    let hashes = match its.is_empty() {
        true => BTreeMap::new(),
        false => {
            let budget = &ctx.budget;
            let asked = ctx.engine.compose_hashes(budget, &model, &stack.project_dir, &stack.name).await;
            asked.map_err(not_read)?
        }
    };
    let mut all = Vec::new();
    for service in &stack.model.services {
        let mut there: Vec<&Member> = its.iter().filter(|m| m.service == service.name).collect();
        there.sort_by_key(|m| m.number);
        for (n, member) in there.iter().enumerate() {
            let same =
                member.hash().is_some() && member.hash() == hashes.get(&service.name).map(String::as_str);
            let image = new_image(permits, service, member);
            let runs = matches!(member.seen.raw.state.as_str(), "running" | "restarting");
            let does = match () {
                () if n >= service.replicas as usize => Does::Remove,
                () if force || !same || image => {
                    Does::Recreate(differs(ctx, permits, (stack, service), member, image).await)
                }
                () if runs => Does::Leave,
                () => Does::Start,
            };
            all.push(Change {
                service: service.name.clone(),
                container: member.seen.identity.name.clone(),
                does,
            });
        }
    }
    let new = permits.new_containers.iter().map(|permit| permit.target().name.as_str());
    all.extend(new.map(|name| Change {
        service: service_of(stack, name).to_owned(),
        container: name.to_owned(),
        does: Does::Create,
    }));
    Ok(all)
}

/// The containers of its services, as they are now.
pub(super) async fn members(ctx: &Ctx, permits: &Permits, stack: &Stack) -> Result<Vec<Member>, ToolError> {
    let mut members = ctx.engine.members(&ctx.budget, &permits.world).await?;
    let services: BTreeSet<&str> = stack.model.services.iter().map(|s| s.name.as_str()).collect();
    members.retain(|m| m.project == stack.name && !m.one_off && services.contains(m.service.as_str()));
    Ok(members)
}

/// Which service a container is of that has this name.
pub(super) fn service_of<'a>(stack: &'a Stack, container: &str) -> &'a str {
    let is = |service: &&Service| match &service.container_name {
        Some(name) => name == container,
        None => {
            let rest = container.strip_prefix(&format!("{}-{}-", stack.name, service.name));
            rest.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
        }
    };
    stack.model.services.iter().find(is).map_or("", |service| service.name.as_str())
}

/// Its name belongs to another image by now.
fn new_image(permits: &Permits, service: &Service, member: &Member) -> bool {
    let Some(Ok(name)) = service.image.as_deref().map(crate::policy::reference::ImageRef::parse) else {
        return false;
    };
    let now = permits.images.iter().find(|permit| permit.target().references.contains(&name));
    now.is_some_and(|permit| permit.target().id != member.seen.identity.image_id)
}

/// Which keys of the service are not as they are in the container.
async fn differs(
    ctx: &Ctx,
    permits: &Permits,
    (stack, service): (&Stack, &Service),
    member: &Member,
    image: bool,
) -> Vec<&'static str> {
    let mut keys = Vec::new();
    if image {
        keys.push("image");
    }
    let permit = permits.containers.iter().find(|p| p.target().id == member.seen.identity.id);
    let facts = match permit {
        Some(permit) => ctx.engine.inspect_container(&ctx.budget, permit).await.unwrap_or_default(),
        None => Value::Null,
    };
    let of =
        |key: &str| stack.json.pointer(&format!("/services/{}/{key}", service.name)).filter(|v| !v.is_null());
    let fact = |path: &str| facts.pointer(path).cloned().unwrap_or_default();
    if !image
        && service
            .image
            .as_deref()
            .is_some_and(|image| fact("/Config/Image").as_str().is_some_and(|is| is != image))
    {
        keys.push("image");
    }
    let env = fact("/Config/Env");
    let env: BTreeSet<&str> = env.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let has = |(key, value): (&String, &Option<String>)| match value {
        Some(value) => env.contains(format!("{key}={value}").as_str()),
        None => true,
    };
    if !service.environment.iter().all(has) {
        keys.push("environment");
    }
    for (key, path) in [("command", "/Config/Cmd"), ("entrypoint", "/Config/Entrypoint")] {
        if of(key).is_some_and(|asked| plain(asked) != fact(path)) {
            keys.push(key);
        }
    }
    for (key, path) in [
        ("user", "/Config/User"),
        ("working_dir", "/Config/WorkingDir"),
        ("hostname", "/Config/Hostname"),
        ("network_mode", "/HostConfig/NetworkMode"),
    ] {
        let other = of(key).and_then(Value::as_str).is_some_and(|asked| {
            !asked.starts_with("service:") && fact(path).as_str().is_some_and(|is| is != asked)
        });
        if other {
            keys.push(key);
        }
    }
    let restart = fact("/HostConfig/RestartPolicy/Name");
    let restarts = service.restart.as_deref().unwrap_or("no").split(':').next().unwrap_or_default();
    if restart.as_str().is_some_and(|is| is != restarts && !(is.is_empty() && restarts == "no")) {
        keys.push("restart");
    }
    let bound = fact("/HostConfig/PortBindings");
    let bound: usize = bound
        .as_object()
        .into_iter()
        .flat_map(|map| map.values())
        .filter_map(Value::as_array)
        .map(Vec::len)
        .sum();
    if bound != service.ports.len() {
        keys.push("ports");
    }
    let on = fact("/NetworkSettings/Networks");
    let on: BTreeSet<&str> =
        on.as_object().into_iter().flat_map(|map| map.keys()).map(String::as_str).collect();
    if !service.networks.is_empty()
        && service.networks.iter().map(String::as_str).collect::<BTreeSet<_>>() != on
    {
        keys.push("networks");
    }
    // What is in memory, or copied in, is no mount to the engine.
    let mounts = fact("/Mounts");
    let has = |key: &str, value: &str| {
        mounts.as_array().into_iter().flatten().any(|m| m.get(key).and_then(Value::as_str) == Some(value))
    };
    let bound = service.binds.iter().all(|bind| has("Destination", &bind.target) || bind.target.is_empty());
    if !bound || !service.volumes.iter().all(|name| has("Name", name)) {
        keys.push("volumes");
    }
    if keys.is_empty() && member.hash().is_some() {
        keys.push("other keys");
    }
    keys
}

/// Without the second of each two `$`.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$$", "$")),
        Value::Array(all) => all.iter().map(plain).collect(),
        other => other.clone(),
    }
}
