//! Containers of a project, wave by wave: those of one place in the order together, each with its own result.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::engine::lifecycle::{Act, Acted};
use crate::engine::projects::{Member, Until};
use crate::output::Draft;
use crate::policy::{Container, Permit, Permits, World};
use crate::tool::{Ctx, Output, ToolError};
use crate::tools::changing::{self, One, Well};
use crate::tools::removing::enough;

use super::order::Order;
use super::waiting;

/// So many requests at once.
const AT_ONCE: usize = 16;

/// Containers of one project, and what is known of it.
pub(super) struct Plan {
    pub project: String,
    order: Order,
    members: BTreeMap<String, Member>,
}

/// Which end is begun at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// Those that others need.
    Needed,
    /// Those that need others.
    Needing,
}

impl Plan {
    /// Looks at the project of these containers.
    pub(super) async fn of(ctx: &Ctx, permits: &Permits) -> Result<Self, ToolError> {
        let of_container = permits.containers.iter().find_map(|p| p.target().project.clone());
        let of_rest = || permits.networks.iter().find_map(|p| p.target().project.clone());
        let of_volume = || permits.volumes.iter().find_map(|p| p.target().project.clone());
        let project = of_container.or_else(of_rest).or_else(of_volume).unwrap_or_default();
        let mut members = ctx.engine.members(&ctx.budget, &permits.world).await?;
        members.retain(|m| m.project == project);
        let order = Order::of(members.iter());
        let members = members.into_iter().map(|m| (m.seen.identity.id.clone(), m)).collect();
        Ok(Self { project, order, members })
    }

    /// Those of one place together.
    pub(super) fn waves(
        &self,
        permits: Vec<Permit<Container>>,
        from: From,
    ) -> impl Iterator<Item = Vec<Permit<Container>>> + use<> {
        let mut waves: BTreeMap<usize, Vec<Permit<Container>>> = BTreeMap::new();
        for permit in permits {
            waves.entry(self.order.place(self.service(&permit))).or_default().push(permit);
        }
        let mut waves: Vec<_> = waves.into_values().collect();
        if from == From::Needing {
            waves.reverse();
        }
        waves.into_iter().flat_map(in_parts)
    }

    pub(super) fn service<'a>(&'a self, permit: &'a Permit<Container>) -> &'a str {
        let member = self.members.get(&permit.target().id);
        member.map(|m| &m.service).or(permit.target().service.as_ref()).map_or("", String::as_str)
    }

    /// What it waits for: services that come before its own, and only those asked for where others stay as they are.
    fn needs(&self, permit: &Permit<Container>, among: Option<&BTreeSet<String>>) -> Vec<(String, Until)> {
        let Some(member) = self.members.get(&permit.target().id) else { return Vec::new() };
        let counts = |service: &String| {
            self.order.before(service, &member.service) && among.is_none_or(|asked| asked.contains(service))
        };
        member.needs.iter().filter(|(service, _)| counts(service)).cloned().collect()
    }

    fn runs(&self, permit: &Permit<Container>) -> bool {
        let member = self.members.get(&permit.target().id);
        member.is_some_and(|m| matches!(m.seen.raw.state.as_str(), "running" | "paused" | "restarting"))
    }
}

fn in_parts(mut wave: Vec<Permit<Container>>) -> Vec<Vec<Permit<Container>>> {
    let mut parts = Vec::new();
    while wave.len() > AT_ONCE {
        let rest = wave.split_off(AT_ONCE);
        parts.push(std::mem::replace(&mut wave, rest));
    }
    parts.push(wave);
    parts
}

/// Does it to every container, in their order.
pub(super) async fn act(ctx: Ctx, permits: Permits, act: Act) -> Result<Output, ToolError> {
    let plan = Plan::of(&ctx, &permits).await?;
    let Permits { world, containers, .. } = permits;
    let asked: BTreeSet<String> = containers.iter().map(|p| plan.service(p).to_owned()).collect();
    let (from, among) = match act {
        Act::Start => (From::Needed, None),
        Act::Restart { .. } => (From::Needed, Some(&asked)),
        _ => (From::Needing, None),
    };
    let mut failed = BTreeSet::new();
    let mut done: Vec<(String, One)> = Vec::new();
    for wave in plan.waves(containers, from) {
        let wave = wave.into_iter().map(|permit| {
            let service = plan.service(&permit).to_owned();
            let needs = match (from, &act) {
                (From::Needing, _) => Vec::new(),
                (From::Needed, Act::Start) if plan.runs(&permit) => Vec::new(),
                _ => plan.needs(&permit, among),
            };
            let one = one(&ctx, (&world, &plan.project), permit, (needs, &failed), act.clone());
            async move { (service, one.await) }
        });
        let ended = join_all(wave).await;
        failed.extend(ended.iter().filter(|(_, one)| one.failed()).map(|(service, _)| service.clone()));
        done.extend(ended);
    }
    let (services, ones): (Vec<String>, Vec<One>) = done.into_iter().unzip();
    let draft = with_services(changing::draft(&ctx, "container", ones)?, &services);
    Ok(draft.with("project", plan.project))
}

async fn one(
    ctx: &Ctx,
    (world, project): (&Permit<World>, &str),
    permit: Permit<Container>,
    (needs, failed): (Vec<(String, Until)>, &BTreeSet<String>),
    act: Act,
) -> One {
    let name = permit.target().name.clone();
    if let Err(why) = waiting::wait(ctx, world, project, &needs, failed).await {
        return One::ended(name, Err(why));
    }
    if let Some(why) = enough(ctx) {
        return One::ended(name, Err(why));
    }
    let acted = ctx.engine.act(&ctx.budget, &ctx.commit, permit, act).await;
    let one = One::of(ctx, ("container", &name), acted, |Acted { changed, now }| {
        let state = now.as_ref().map(|now| now.status.clone()).unwrap_or_default();
        let code = now.as_ref().filter(|now| now.status == "exited").map(|now| now.exit_code);
        let shown = code.map_or_else(|| state.clone(), |code| format!("{state} ({code})"));
        Well::changed(changed).shown(shown).with("state", state).with("exit_code", code)
    });
    ctx.progress.say(format!("{name}: {}", if one.failed() { "failed" } else { "done" })).await;
    one
}

/// Says of each result which service it is of.
pub(super) fn with_services(mut draft: Draft, services: &[String]) -> Draft {
    let rows = draft.list.iter_mut().flat_map(|list| &mut list.rows);
    for (row, service) in rows.zip(services).filter(|(_, service)| !service.is_empty()) {
        if let Some(json) = row.json.as_object_mut() {
            json.insert("service".to_owned(), service.as_str().into());
        }
    }
    draft
}
