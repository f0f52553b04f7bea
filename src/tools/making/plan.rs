//! What a call would make, judged on what its words mean: resolved networks, real paths, inspected volumes and images.

use std::collections::BTreeMap;

use crate::config::settings::Profile;
use crate::engine::create::{Blueprint, Mount, Net, Source};
use crate::engine::endpoint::Endpoint;
use crate::guard::create::image::{self, Brought};
use crate::guard::create::{self, Ask, Way};
use crate::policy::reference::ImageRef;
use crate::policy::{Image, Permit, Permits, World};
use crate::tool::{Ctx, Kind, Preview, ToolError};

use super::asks::{self, Mounted, Role};
use super::options::Options;
use super::secrets::Environment;
use super::{blueprint, fetch, real, shown};

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Where the paths of the host lead, in the order of the mounts.
    pub real: Vec<String>,
    /// What the image brings along.
    pub brought: Brought,
}

/// The image's permit: before it is made there must be one.
fn the_image(permits: &Permits) -> Result<&Permit<Image>, ToolError> {
    permits.images.first().ok_or_else(|| ToolError::internal("no permit for the image"))
}

/// Looks up what the guard has to know, and asks it.
pub(super) async fn judge(ctx: &Ctx, permits: &Permits, options: &Options) -> Result<Judged, ToolError> {
    let settings = &ctx.settings;
    asks::guard(options, settings)?;
    let mounts = asks::mounts(options)?;
    let hosts: Vec<String> = mounts.iter().filter(|m| m.is_host()).map(|m| m.source.clone()).collect();
    let guarded = settings.create.profile != Profile::Off;
    let (local, socket) = match &ctx.engine.found().endpoint {
        Endpoint::Unix(path) => (true, Some(path.clone())),
        _ => (false, None),
    };
    // One that is to be fetched is judged when it is here.
    let brought = match permits.images.first() {
        None => Brought::default(),
        Some(permit) => {
            let inspection = ctx.engine.inspect_image(&ctx.budget, permit).await;
            image::brought(&inspection.map_err(|e| ToolError::of_object(e, "image", &options.image))?)
        }
    };
    if !guarded {
        // The host may be another one; the engine says what it does not find.
        return Ok(Judged { real: hosts, brought });
    }
    if !hosts.is_empty() && !local {
        return Err(ToolError::new(
            Kind::Unsupported,
            "the engine is on another host: where its paths lead cannot be seen from here",
        )
        .hint("use a volume; paths of another host need --bypass-permissions"));
    }
    let There { binds, asks: of_volumes } = volumes(ctx, permits, local).await?;
    let paths = hosts.iter().cloned().chain(binds.into_iter().map(|(_, device)| device)).collect();
    let mut extra: Vec<Ask> = of_volumes.into_iter().map(|(_, ask)| ask).collect();
    for permit in &permits.networks {
        // Whatever it was named by.
        extra.push(Ask::new("network_mode", permit.target().name.clone()));
    }
    let mut found = real::real(paths).await?;
    let mut wanted = asks::wanted(options, settings, &found)?;
    let known = !permits.images.is_empty();
    if settings.create.profile == Profile::Restricted && options.user.is_none() && known {
        extra.push(Ask::new("user", brought.user.clone()));
    }
    wanted.asks.extend(extra);
    wanted.protected.extend(socket);
    if !found.is_empty() {
        wanted.protected.extend(ctx.engine.root(&ctx.budget, &permits.world).await?);
        wanted.protected = real::also(wanted.protected).await?;
    }
    create::check(&wanted, &settings.create).map_err(asks::refused)?;
    found.truncate(hosts.len());
    let of_host = mounts.iter().filter(|mount| mount.is_host()).zip(&found);
    let new: Vec<Way> =
        of_host.map(|(mount, real)| Way { path: real.into(), writable: !mount.read_only }).collect();
    let own = permits.new_containers.first().map(|permit| permit.target().name.as_str());
    ways(ctx, &permits.world, &new, |name| own == Some(name)).await?;
    Ok(Judged { real: found, brought })
}

/// What volumes that are there bring along.
#[derive(Debug, Default)]
pub(in crate::tools) struct There {
    /// Folders of this host that they are: which volume, and the folder.
    pub binds: Vec<(String, String)>,
    /// What else is to be judged: of which volume, and what.
    pub asks: Vec<(String, Ask)>,
}

/// Looks what the volumes really are that may be used. `local`: paths of the engine are paths of this host.
pub(in crate::tools) async fn volumes(ctx: &Ctx, permits: &Permits, local: bool) -> Result<There, ToolError> {
    let mut there = There::default();
    for permit in &permits.volumes {
        let name = &permit.target().name;
        let inspection = ctx.engine.inspect_volume(&ctx.budget, permit).await;
        match image::volume(&inspection.map_err(|e| ToolError::of_object(e, "volume", name))?) {
            image::Volume::Plain => {}
            image::Volume::Bind(device) if local && create::clean(&device).is_ok() => {
                there.binds.push((name.clone(), device));
            }
            image::Volume::Bind(what) | image::Volume::Other(what) => {
                there.asks.push((name.clone(), Ask::new("mount", what)));
            }
        }
    }
    Ok(there)
}

/// Can somebody change the way to what is to be mounted? `own`: names of containers that this is about.
pub(in crate::tools) async fn ways(
    ctx: &Ctx,
    world: &Permit<World>,
    new: &[Way],
    own: impl Fn(&str) -> bool,
) -> Result<(), ToolError> {
    if new.is_empty() {
        return Ok(());
    }
    let mut others = Vec::new();
    for seen in ctx.engine.containers(&ctx.budget, world).await? {
        let binds = seen.raw.mounts.iter().filter(|mount| mount.r#type == "bind" && !mount.source.is_empty());
        // When it is looked at again it is there itself.
        for mount in binds.filter(|_| !own(&seen.identity.name)) {
            let way = Way { path: mount.source.clone().into(), writable: mount.rw != Some(false) };
            others.push((seen.identity.name.clone(), way));
        }
    }
    create::apart(new, &others, &ctx.settings.create).map_err(asks::refused)
}

/// What the engine is to be told.
pub(super) fn blueprint<'a>(
    ctx: &Ctx,
    permits: &'a Permits,
    options: &Options,
    judged: &Judged,
    environment: &Environment,
) -> Result<Blueprint<'a>, ToolError> {
    let lacks = || ToolError::internal("fewer permits than names");
    let mut others = permits.containers.iter();
    let (mut network_of, mut pid_of, mut ipc_of) = (None, None, None);
    let (mut volumes_from, mut linked) = (Vec::new(), Vec::new());
    let mut links = asks::links(options).into_iter();
    let mut modes = Options::list(options.volumes_from.as_ref()).iter().map(|text| asks::mode_of(text));
    for (role, name) in asks::containers(options) {
        let permit = others.next().ok_or_else(lacks)?;
        match role {
            Role::Network => network_of = Some(permit),
            Role::Pid => pid_of = Some(permit),
            Role::Ipc => ipc_of = Some(permit),
            Role::Volumes => volumes_from.push((permit, modes.next() == Some("ro"))),
            Role::Link => {
                let (_, alias) = links.next().unwrap_or((name, name));
                linked.push((permit, alias.to_owned()));
            }
        }
    }
    let network = match (network_of, options.network_mode.as_deref()) {
        (Some(permit), _) => Net::Of(permit),
        (None, Some("none")) => Net::Own("none"),
        (None, Some("host")) => Net::Own("host"),
        _ if permits.networks.is_empty() => Net::Usual,
        _ => Net::On(permits.networks.iter().collect()),
    };
    let (mut volumes, mut real) = (permits.volumes.iter(), judged.real.iter());
    let mut mounts = Vec::new();
    for Mounted { source, target, read_only } in asks::mounts(options)? {
        let source = match source.starts_with('/') {
            true => Source::Host(real.next().ok_or_else(lacks)?.clone()),
            false => Source::Volume(volumes.next().ok_or_else(lacks)?),
        };
        mounts.push(Mount { source, target, read_only });
    }
    let mut labels: BTreeMap<String, String> = judged.brought.labels.clone();
    labels.extend(
        Options::texts(options.labels.as_ref()).map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    Ok(Blueprint {
        image: the_image(permits)?,
        called: ImageRef::parse(&options.image).ok(),
        network,
        mounts,
        pid_of,
        ipc_of,
        volumes_from,
        links: linked,
        ports: asks::ports(options, &ctx.settings)?,
        labels,
        env: blueprint::env(environment),
        command: blueprint::words("command", options.command.as_ref())?,
        entrypoint: blueprint::words("entrypoint", options.entrypoint.as_ref())?,
        config: blueprint::config(options)?,
        host: blueprint::host(options, &ctx.settings)?,
    })
}

/// What would be made, in a line an object.
pub(super) async fn preview(ctx: &Ctx, permits: &Permits, options: &Options) -> Result<Preview, ToolError> {
    let missing = fetch::missing(ctx, permits, options).await?;
    let judged = judge(ctx, permits, options).await?;
    let name = match &options.name {
        Some(name) => format!("`{name}`"),
        None => "with a name of our choice".to_owned(),
    };
    let mut lines = vec![format!("a new container {name} of the image `{}`", options.image)];
    for port in asks::ports(options, &ctx.settings)? {
        let host = if port.host_port.is_empty() { "a free port" } else { &port.host_port };
        lines.push(format!("port {} on {}:{host}", port.port, port.host_ip));
    }
    let mut real = judged.real.iter();
    for Mounted { source, target, read_only } in asks::mounts(options)? {
        let how = if read_only { "read only" } else { "to be written" };
        let from = if source.starts_with('/') { real.next().unwrap_or(&source).clone() } else { source };
        lines.push(format!("`{from}` at `{target}`, {how}"));
    }
    lines.extend(shown::more(permits, options, &ctx.settings)?);
    lines.extend(missing.map(|name| format!("the image `{name}` would be pulled")));
    let image = permits.images.first().map(|permit| permit.target().id.clone());
    let state = image.into_iter().chain(judged.real).collect();
    Ok(Preview { lines, state, ..Preview::default() })
}
