//! What bringing a project up would do to each of its services.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::compose::stack::Stack;
use crate::engine::projects::Member;
use crate::guard::compose::{Service, frozen};
use crate::policy::Permits;
use crate::tool::{Ctx, ToolError};

use super::super::not_read::not_read;
use super::differs::differs;

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
    /// Of the one that there is.
    pub id: Option<String>,
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
            let image = new_image(permits, stack, service, member);
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
                id: Some(member.seen.identity.id.clone()),
                does,
            });
        }
    }
    for service in &stack.model.services {
        let there = its.iter().filter(|m| m.service == service.name).count();
        let new = permits.new_containers.iter().map(|permit| permit.target().name.as_str());
        let mut names: Vec<&str> = new.filter(|name| service_of(stack, name) == service.name).collect();
        // Beside others compose goes on counting.
        if there > 0 {
            names.reverse();
        }
        all.extend(names.into_iter().take(missing(service, there)).map(|name| Change {
            service: service.name.clone(),
            container: name.to_owned(),
            id: None,
            does: Does::Create,
        }));
    }
    Ok(all)
}

/// How many containers are to be made.
pub(super) fn missing(service: &Service, there: usize) -> usize {
    (service.replicas as usize).saturating_sub(there)
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
    let is = |service: &&Service| stack.model.calls_so(service, container);
    stack.model.services.iter().find(is).map_or("", |service| service.name.as_str())
}

/// Its name belongs to another image by now.
fn new_image(permits: &Permits, stack: &Stack, service: &Service, member: &Member) -> bool {
    let now = permits.image_of(&stack.built_as(service));
    now.is_some_and(|permit| permit.target().id != member.seen.identity.image_id)
}
