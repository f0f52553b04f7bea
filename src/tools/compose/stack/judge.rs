//! May all of it be made? Each service is judged as a single container is, on where its paths really lead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::config::Settings;
use crate::config::settings::Profile;
use crate::engine::compose::stack::{Purpose, Stack};
use crate::engine::compose::uncovered;
use crate::engine::endpoint::Endpoint;
use crate::guard::compose::Service;
use crate::guard::create::{self, Ask, Wanted, Way, image};
use crate::guard::network;
use crate::policy::Permits;
use crate::tool::{Ctx, Kind, ToolError};
use crate::tools::guarded;
use crate::tools::making::{asks, plan, real};

use super::changes::{members, missing};
use super::is_free;

/// As its files are written, before anything is looked up. Says why it may.
///
/// # Errors
/// What is not let through, and which setting says so.
pub(crate) fn explained(stack: &Stack, settings: &Settings) -> Result<Vec<String>, ToolError> {
    if !matches!(stack.purpose, Purpose::Up { .. }) {
        return Ok(Vec::new());
    }
    if is_free(stack, settings) {
        let why =
            if stack.trusted { "trusted_files under [compose] names it" } else { "--bypass-permissions" };
        return Ok(vec![format!("the compose file is not judged: {why}")]);
    }
    objects(stack, settings)?;
    for service in &stack.model.services {
        check(service, service.asks.clone(), settings.protected(), settings)?;
    }
    let many = stack.model.services.len();
    Ok(vec![
        format!("{many} services within [create_safety]"),
        "paths are judged as written: the call itself, and dry_run = true, look where they lead".to_owned(),
    ])
}

/// Networks and volumes that are to be made.
fn objects(stack: &Stack, settings: &Settings) -> Result<(), ToolError> {
    for network in &stack.model.networks {
        network.check().map_err(|why| at(&format!("network `{}`", network.key), guarded::refused(why)))?;
    }
    for volume in &stack.model.volumes {
        let most = settings.create.limits.memory;
        let place = format!("volume `{}`", volume.key);
        volume.check(most).map_err(|why| at(&place, guarded::refused(why)))?;
        // Used or not: it is made.
        let asks = volume.asks.iter().filter(|ask| ask.field == "mount").cloned().collect();
        create::check(&Wanted { asks, ..Wanted::default() }, &settings.create)
            .map_err(|why| at(&place, asks::refused(why)))?;
    }
    Ok(())
}

fn at(place: &str, why: ToolError) -> ToolError {
    ToolError { message: format!("{place}: {}", why.message), ..why }
}

fn check(
    service: &Service,
    asks: Vec<Ask>,
    protected: Vec<PathBuf>,
    settings: &Settings,
) -> Result<(), ToolError> {
    let wanted = Wanted { asks, amounts: service.amounts, protected };
    create::check(&wanted, &settings.create)
        .map_err(|why| at(&format!("service `{}`", service.name), asks::refused(why)))
}

/// Looks where everything leads, and judges that.
///
/// # Errors
/// What is not let through, and which setting says so.
pub(super) async fn judge(ctx: &Ctx, permits: &Permits, stack: &Stack) -> Result<(), ToolError> {
    let settings = &ctx.settings;
    if let Some(what) = uncovered(&stack.model, permits) {
        return Err(ToolError::new(
            Kind::Conflict,
            format!("{what} was not decided on: something changed meanwhile, and compose was not begun"),
        )
        .hint("ask again"));
    }
    // What is hidden is hidden from what a person trusts, too.
    ctx.engine.names_are_free(&ctx.budget, permits, &stack.model).await?;
    if is_free(stack, settings) {
        return Ok(());
    }
    objects(stack, settings)?;
    for permit in &permits.networks {
        // Whatever it was named by.
        let name = permit.target().name.as_str();
        network::may_join(name).map_err(|why| at(&format!("network `{name}`"), guarded::refused(why)))?;
    }
    enough_room(ctx, permits, stack).await?;
    let (local, socket) = match &ctx.engine.found().endpoint {
        Endpoint::Unix(path) => (true, Some(path.clone())),
        _ => (false, None),
    };
    let binds = || stack.model.services.iter().flat_map(|service| &service.binds);
    if binds().next().is_some() && !local {
        return Err(ToolError::new(
            Kind::Unsupported,
            "the engine is on another host: where the compose file's paths lead cannot be seen from here",
        )
        .hint("use volumes; paths of another host need --bypass-permissions"));
    }
    let there = plan::volumes(ctx, permits, local).await?;
    let inherited = inherited(ctx, permits, stack).await?;
    let named: Vec<(PathBuf, bool)> = binds().map(|bind| (bind.source.clone(), bind.creates)).collect();
    let real: BTreeMap<PathBuf, String> = match real::or_made(named).await {
        Ok(real) => real,
        Err(why) => {
            // Whether something is there is told of what could be used only.
            for service in &stack.model.services {
                check(service, service.asks.clone(), settings.protected(), settings)?;
            }
            return Err(why);
        }
    };
    let devices = real::real(there.binds.iter().map(|(_, device)| device.clone()).collect()).await?;
    let devices: Vec<(&String, String)> = there.binds.iter().map(|(name, _)| name).zip(devices).collect();
    let mut protected = settings.protected();
    protected.extend(socket);
    if !real.is_empty() || !devices.is_empty() {
        protected.extend(ctx.engine.root(&ctx.budget, &permits.world).await?);
        protected = real::also(protected).await?;
    }
    let led = |ask: &Ask| match real.get(Path::new(&ask.value)) {
        Some(real) if ask.field == "bind" => Ask::new("bind", real.as_str()),
        _ => ask.clone(),
    };
    for service in &stack.model.services {
        let mut all: Vec<Ask> = service.asks.iter().map(led).collect();
        let handed = inherited.get(&service.name).cloned().unwrap_or_default();
        for (container, path) in &handed.binds {
            let real = real::or_made(vec![(path.into(), true)]).await?;
            let asks = real.into_values().map(|path| Ask::new("bind", path)).collect();
            check(service, asks, protected.clone(), settings).map_err(|why| {
                let has = format!("container `{container}` has it now, and the one that takes its place may get it");
                ToolError { message: format!("{}; {has}", why.message), ..why }
                    .hint("remove that container first (docker_compose_down); a person can add an exception to allow under [create_safety]")
            })?;
        }
        for name in service.volumes.iter().chain(&handed.volumes) {
            all.extend(there.asks.iter().filter(|(volume, _)| volume == name).map(|(_, ask)| ask.clone()));
            let its = devices.iter().filter(|(volume, _)| *volume == name);
            all.extend(its.map(|(_, device)| Ask::new("bind", device.as_str())));
        }
        if settings.create.profile == Profile::Restricted && all.iter().all(|ask| ask.field != "user") {
            let user = own_user(ctx, permits, &stack.built_as(service)).await?;
            all.extend(user.map(|user| Ask::new("user", user)));
        }
        check(service, all, protected.clone(), settings)?;
    }
    let ways: Vec<Way> = binds()
        .filter_map(|bind| {
            let path = real.get(&bind.source)?;
            Some(Way { path: path.into(), writable: bind.writable })
        })
        .collect();
    let own: BTreeSet<&str> = permits.containers.iter().map(|p| p.target().name.as_str()).collect();
    plan::ways(ctx, &permits.world, &ways, |name| own.contains(name)).await
}

/// What the containers of a service have mounted that its file does not say.
#[derive(Debug, Clone, Default)]
struct Inherited {
    /// Containers, and paths of the host that they have.
    binds: Vec<(String, String)>,
    /// Volumes by name.
    volumes: Vec<String>,
}

/// Compose hands the mounts of a container on to the one that takes its place, where the file or the image has a volume of
/// no name: so they are judged as if the file said them.
async fn inherited(
    ctx: &Ctx,
    permits: &Permits,
    stack: &Stack,
) -> Result<BTreeMap<String, Inherited>, ToolError> {
    let mut all: BTreeMap<String, Inherited> = BTreeMap::new();
    for member in members(ctx, permits, stack).await? {
        let Some(service) = stack.model.services.iter().find(|s| s.name == member.service) else { continue };
        let its = all.entry(service.name.clone()).or_default();
        for mount in &member.seen.raw.mounts {
            let said = service.binds.iter().any(|bind| bind.source == Path::new(&mount.source));
            match mount.r#type.as_str() {
                "bind" if !said => {
                    its.binds.push((member.seen.identity.name.clone(), mount.source.clone()));
                }
                "volume" if !service.volumes.contains(&mount.name) => its.volumes.push(mount.name.clone()),
                _ => {}
            }
        }
    }
    Ok(all)
}

/// The image's, where the file names none. Of one that is still to come nobody knows: it is judged once it is here.
async fn own_user(ctx: &Ctx, permits: &Permits, image: &str) -> Result<Option<String>, ToolError> {
    let Some(permit) = permits.image_of(image) else {
        return Ok((!permits.brings(image)).then(String::new));
    };
    let facts = ctx.engine.inspect_image(&ctx.budget, permit).await;
    Ok(Some(image::brought(&facts.map_err(|e| ToolError::of_object(e, "image", image))?).user))
}

/// No more containers of ours than may be.
async fn enough_room(ctx: &Ctx, permits: &Permits, stack: &Stack) -> Result<(), ToolError> {
    let Some(most) = ctx.settings.create.limits.containers else { return Ok(()) };
    let all = ctx.engine.members(&ctx.budget, &permits.world).await?;
    let count = |service: &Service| {
        all.iter().filter(|m| m.project == stack.name && m.service == service.name && !m.one_off).count()
    };
    let new: usize = stack.model.services.iter().map(|service| missing(service, count(service))).sum();
    let new = new as u64;
    // Compose got those as a text: from us, or from somebody who did it in the same way.
    let by_compose = all.iter().filter(|m| m.files().eq(["-"])).count() as u64;
    let there = ctx.engine.made_by_us(&ctx.budget, &permits.world).await? + by_compose;
    if new == 0 || there + new <= most {
        return Ok(());
    }
    Err(ToolError::new(
        Kind::PermissionDenied,
        format!("create_safety.limits.containers = {most}: {there} made by docker-mcp exist, and it makes {new} more"),
    )
    .hint("remove those that are not needed; a person can raise it under [create_safety]"))
}
