//! A model names what compose will touch: nothing of it may be without a permit.

use std::collections::BTreeSet;

use crate::guard::compose::{Model, Service};
use crate::policy::{Permit, Permits};

/// The first thing of the model that no permit names. Containers are counted: compose numbers new ones, and may take any
/// number that a permit names.
pub(crate) fn uncovered(model: &Model, permits: &Permits) -> Option<String> {
    let containers = model.services.iter().find(|service| !containers(model, service, permits));
    let containers = containers.map(|service| format!("containers of service `{}`", service.name));
    let image = || {
        let open = model.services.iter().find(|s| s.replicas > 0 && !image(model, s, permits))?;
        Some(format!("the image of service `{}`", open.name))
    };
    let network = || {
        let names = named(&permits.networks, |n| &n.name);
        let new = named(&permits.new_networks, |n| &n.name);
        let open = model.networks.iter().find(|network| {
            let by_id = permits.networks.iter().any(|p| p.target().id.starts_with(&network.name));
            !names.contains(network.name.as_str())
                && (network.external && !by_id || !network.external && !new.contains(network.name.as_str()))
        })?;
        Some(format!("the network `{}`", open.name))
    };
    let volume = || {
        let names = named(&permits.volumes, |v| &v.name);
        let new = named(&permits.new_volumes, |v| &v.name);
        let known = |name: &str, external: bool| names.contains(name) || !external && new.contains(name);
        let open = model.volumes.iter().find(|volume| !known(&volume.name, volume.external))?;
        Some(format!("the volume `{}`", open.name))
    };
    let other = || {
        let others = model.services.iter().flat_map(|service| &service.containers);
        let known = |name: &str| {
            let is = |p: &Permit<crate::policy::Container>| {
                let it = p.target();
                it.name == name || it.aliases.iter().any(|alias| alias == name) || it.id.starts_with(name)
            };
            permits.containers.iter().any(is)
                || permits.new_containers.iter().any(|p| p.target().name == name)
        };
        let open = others.into_iter().find(|name| !known(name))?;
        Some(format!("the container `{open}`"))
    };
    containers.or_else(image).or_else(network).or_else(volume).or_else(other)
}

fn named<'a, T>(permits: &'a [Permit<T>], name: impl Fn(&'a T) -> &'a String) -> BTreeSet<&'a str> {
    permits.iter().map(|permit| name(permit.target()).as_str()).collect()
}

/// As many as it is to have: those that are there, and names for the rest.
fn containers(model: &Model, service: &Service, permits: &Permits) -> bool {
    let there = permits.containers.iter().filter(|permit| {
        let it = permit.target();
        it.project.as_deref() == Some(model.name.as_str())
            && it.service.as_deref() == Some(service.name.as_str())
    });
    let new = permits.new_containers.iter().filter(|permit| model.calls_so(service, &permit.target().name));
    // More of one name compose refuses in its own words.
    let wanted = service.container_name.as_ref().map_or(service.replicas, |_| service.replicas.min(1));
    there.count() + new.count() >= wanted as usize
}

/// It is there, or its name may be fetched or built.
fn image(model: &Model, service: &Service, permits: &Permits) -> bool {
    let text = model.built_as(service);
    permits.image_of(&text).is_some() || permits.brings(&text)
}
