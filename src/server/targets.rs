//! From the caller's words to what a call is about: objects that exist, names that are to be, and sets such as "all that
//! is unused".

use std::sync::Arc;

use crate::config::Settings;
use crate::engine::compose::stack::Stack;
use crate::engine::resolve::{Unresolved, Want};
use crate::engine::unused::Set;
use crate::engine::{Budget, Engine, ops};
use crate::guard::exec::Place;
use crate::policy::decide::Named;
use crate::policy::reference::ImageRef;
use crate::policy::{self, Ask, Level, NewContainer, NewNetwork, NewVolume, Reference, Rules, Target};
use crate::tool::{Asked, Kind, ToolError};

use super::{answer, stacks};

/// What a call is about.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// In the order of the arguments.
    pub targets: Vec<Named>,
    /// What is to be known of the containers that are entered, in their order.
    pub places: Vec<Place>,
    /// What its compose file makes.
    pub stack: Option<Arc<Stack>>,
    /// The name of the project that it is about, where that had to be looked up.
    pub project: Option<String>,
}

/// Every target of a call, in the order of its arguments, or the first that is none.
///
/// # Errors
/// As [`answer::unresolved`], and for names that nothing may have.
pub(super) async fn resolve(
    engine: &Engine,
    budget: &Budget,
    settings: &Settings,
    (tool, needs): (&str, &'static [Level]),
    asked: &[Asked],
) -> Result<Resolved, ToolError> {
    let rules = &*settings.rules;
    let there: Vec<(Want, &str)> = asked.iter().filter_map(existing).collect();
    let mut found = match there.is_empty() {
        true => Vec::new(),
        false => engine.resolve(budget, rules, &there).await.map_err(answer::unresolved)?,
    }
    .into_iter();
    let (mut targets, mut places) = (Vec::with_capacity(asked.len()), Vec::new());
    let (mut stack, mut project) = (None, None);
    for asked in asked {
        if let Asked::EnteredService { project, service } = asked {
            targets.push(
                engine.service(budget, rules, project, service).await.map_err(|e| no_service(e, project))?,
            );
        } else if existing(asked).is_some() {
            targets.extend(found.next());
        } else if let Asked::Project(which, services, part) = asked {
            project = stacks::project(engine, budget, settings, which).await?;
            let about = engine.of_project(budget, rules, (project.as_deref(), services), *part).await?;
            targets.extend(about);
        } else if let Asked::Stack(wanted) = asked {
            let (model, about) = stacks::resolve(engine, budget, settings, wanted).await?;
            stack = Some(model);
            targets.extend(about);
        } else if let Some(set) = set(asked) {
            let all = engine.unused(budget, rules, set).await?;
            // Of a set only that is meant which the call may act on.
            targets.extend(all.into_iter().filter(|named| may(rules, (tool, needs), named)));
        } else if let Asked::ImageOrPull(words) = asked {
            targets.extend(image_or_names(engine, budget, rules, words).await?);
        } else {
            targets.push(new(asked)?);
        }
        if matches!(asked, Asked::Entered(_) | Asked::EnteredService { .. })
            && let Some(Named { asked, target: Target::Container(container) }) = targets.last()
        {
            let place = engine.place(budget, rules, container, settings.protected()).await;
            places.push(place.map_err(|e| ToolError::of_object(e, "container", asked))?);
        }
    }
    Ok(Resolved { targets, places, stack, project })
}

/// The same words for a service that is missing and for one that is hidden.
fn no_service(e: Unresolved, project: &str) -> ToolError {
    match e {
        Unresolved::NotFound { asked, .. } => {
            ToolError::new(Kind::NotFound, format!("no service `{asked}` of a project `{project}`"))
                .hint("docker_ps with all = true lists the containers with their projects and services")
        }
        other => answer::unresolved(other),
    }
}

/// The image that is here; else the names that it is to be fetched by, which are judged like any that is pulled.
pub(super) async fn image_or_names(
    engine: &Engine,
    budget: &Budget,
    rules: &Rules,
    words: &str,
) -> Result<Vec<Named>, ToolError> {
    match engine.resolve(budget, rules, &[(Want::Image, words)]).await {
        Err(missing @ Unresolved::NotFound { .. }) => {
            // What can only be an id is nothing to fetch.
            names(words).map_err(|_| answer::unresolved(missing))
        }
        found => found.map_err(answer::unresolved),
    }
}

/// The names that an image is fetched by, and what else it is judged by.
///
/// # Errors
/// It is no name.
pub(super) fn names(words: &str) -> Result<Vec<Named>, ToolError> {
    ImageRef::judged_as(words).into_iter().map(|name| new(&Asked::Reference(name))).collect()
}

/// Something is to be fetched first, which takes longer than what the call is for.
pub(super) fn fetches(asked: &[Asked], targets: &[Named]) -> bool {
    asked.iter().any(|asked| matches!(asked, Asked::ImageOrPull(_) | Asked::Stack(_)))
        && targets.iter().any(|named| matches!(named.target, Target::Reference(_)))
}

fn existing(asked: &Asked) -> Option<(Want, &str)> {
    Some(match asked {
        Asked::Container(words) | Asked::Entered(words) => (Want::Container, words),
        Asked::Image(words) => (Want::Image, words),
        Asked::Network(words) => (Want::Network, words),
        Asked::Volume(words) => (Want::Volume, words),
        Asked::Any(words) => (Want::Any, words),
        _ => return None,
    })
}

const fn set(asked: &Asked) -> Option<Set> {
    Some(match asked {
        Asked::StoppedContainers => Set::StoppedContainers,
        Asked::UnusedImages(named) => Set::UnusedImages { named: *named },
        Asked::UnusedNetworks => Set::UnusedNetworks,
        Asked::UnusedVolumes(named) => Set::UnusedVolumes { named: *named },
        _ => return None,
    })
}

fn may(rules: &Rules, (tool, needs): (&str, &'static [Level]), named: &Named) -> bool {
    policy::check(rules, &Ask { tool, needs, targets: vec![named.clone()] }).is_ok()
}

/// A name that is to be. What looks like an id is none: later it would be taken for one.
pub(super) fn new(asked: &Asked) -> Result<Named, ToolError> {
    let named = |asked: &str, target| Ok(Named { asked: asked.to_owned(), target });
    match asked {
        Asked::NewContainer(name) => {
            let name = a_name("container", name)?;
            named(&name.clone(), Target::NewContainer(NewContainer { name, generated: false }))
        }
        Asked::UnnamedContainer(like) => {
            let name = a_name("container", &format!("{like}-{}", letters()))?;
            named(&name.clone(), Target::NewContainer(NewContainer { name, generated: true }))
        }
        Asked::NewNetwork(name) => {
            named(name, Target::NewNetwork(NewNetwork { name: a_name("network", name)? }))
        }
        Asked::NewVolume(name) => named(name, Target::NewVolume(NewVolume { name: a_name("volume", name)? })),
        Asked::Reference(words) => match ImageRef::parse(words) {
            Ok(image) if !is_id_like(&image) => named(words, Target::Reference(Reference { image })),
            Ok(_) => Err(ToolError::invalid(format!("`{words}` looks like an id, and is to be a name"))
                .hint("give the image a name that is no hex number")),
            Err(why) => Err(ToolError::invalid(format!("`{words}` is no name of an image: {why}"))
                .hint("write it like `nginx:1.27` or `registry.example:5000/team/app:2`")),
        },
        _ => Err(ToolError::internal("a target of an unknown kind")),
    }
}

/// A few letters that make a name unlike others; none of them makes it look like an id.
fn letters() -> String {
    let mut bytes = [0; 6];
    // Without randomness the name may be taken, and the engine says so.
    let _no_randomness = getrandom::fill(&mut bytes);
    let letter = |b: u8| char::from(b"ghjkmnpqrstvwxyz".get(usize::from(b % 16)).copied().unwrap_or(b'x'));
    bytes.into_iter().map(letter).collect()
}

fn a_name(kind: &str, name: &str) -> Result<String, ToolError> {
    if !ops::is_name(name) || name.len() < 2 {
        return Err(ToolError::invalid(format!("`{name}` cannot be the name of a {kind}"))
            .hint("letters, digits, `_`, `.` and `-`, at least two, the first a letter or digit"));
    }
    if is_id(name) {
        return Err(ToolError::invalid(format!("`{name}` looks like an id, and is to be a name"))
            .hint("add a letter beyond f, or a dash"));
    }
    Ok(name.to_owned())
}

/// A short id, or what begins a whole one: `sha256:26e2...` can be read as a name with a tag.
fn is_id_like(image: &ImageRef) -> bool {
    let last = image.repository().rsplit('/').next().unwrap_or_default();
    is_id(last) || image.repository() == "docker.io/library/sha256"
}

/// Twelve hex digits or more: what docker prints as an id.
fn is_id(name: &str) -> bool {
    name.len() >= 12 && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_ids_are_none() {
        let new = |name: &str| new(&Asked::NewContainer(name.to_owned())).is_ok();
        assert!(new("web") && new("web-1.x_2") && new("abcdef0123") && new("0123456789abcdefg"));
        for bad in ["", "w", "-web", "we b", "../x", "a/b", "26e2fa12aad5", &"a".repeat(64)] {
            assert!(!new(bad), "{bad}");
        }
        let image = |words: &str| super::new(&Asked::Reference(words.to_owned())).is_ok();
        assert!(image("nginx") && image("r.example:5000/a/b:1") && image("cafe:1"));
        for bad in ["26e2fa12aad5:latest", "x/26e2fa12aad5", "sha256:26e2fa12aad5", "", "UPPER", "a b"] {
            assert!(!image(bad), "{bad}");
        }
    }
}
