//! What a compose file is about: the objects that its model names, those that are there and those that are to be.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Settings, settings};
use crate::engine::compose::Places;
use crate::engine::compose::stack::{Purpose, Source, Stack, Wanted};
use crate::engine::projects::{Member, NoProject, Which};
use crate::engine::resolve::{Unresolved, Want};
use crate::engine::{Budget, Engine};
use crate::guard::compose::Service;
use crate::policy::decide::Named;
use crate::policy::reference::ImageRef;
use crate::policy::{Container, Denial, Image, Rules, Target};
use crate::tool::{Asked, Kind, ToolError};

use crate::tools::compose::no_stack;
use crate::tools::making::and_where_they_lead;

use super::answer;
use super::targets::{image_or_names, names, new};

/// The model, and what it is about.
///
/// # Errors
/// Files that cannot be read, a model that is refused, a project that the filters hide, and names that nothing may have.
pub(super) async fn resolve(
    engine: &Engine,
    budget: &Budget,
    settings: &Settings,
    wanted: &Wanted,
) -> Result<(Arc<Stack>, Vec<Named>), ToolError> {
    let rules = &settings.rules;
    let hint = match (&wanted.project, &wanted.source) {
        (Some(project), Source::File(None)) => engine.folder_of(budget, rules, project).await?,
        _ => None,
    };
    let stack = engine.stack(budget, places(&settings.compose), wanted, hint).await.map_err(no_stack)?;
    let members = engine.all_in_sight(budget, rules, &stack.name).await.map_err(hidden)?;
    let targets = match stack.purpose {
        Purpose::Show => Vec::new(),
        Purpose::Pull => pulled(&stack)?,
        Purpose::Build => built(&stack)?,
        Purpose::Up { build, pull } => {
            Making { engine, budget, rules, stack: &stack, members: &members }.targets(build, pull).await?
        }
    };
    Ok((Arc::new(stack), targets))
}

/// Where files may lie, from the settings.
fn places(compose: &settings::Compose) -> Places {
    Places {
        anywhere: matches!(compose.roots, settings::Roots::Anywhere),
        roots: compose.roots.paths().to_vec(),
        files: compose.files.clone(),
        trusted: compose.trusted_files.clone(),
        pass_env: compose.pass_env.clone(),
    }
}

/// Names of images that are fetched.
fn pulled(stack: &Stack) -> Result<Vec<Named>, ToolError> {
    let mut all = Vec::new();
    for text in stack.uses() {
        all.extend(names(text)?);
    }
    Ok(all)
}

/// Names of images that are built.
fn built(stack: &Stack) -> Result<Vec<Named>, ToolError> {
    let services = stack.model.services.iter().filter(|service| service.build.is_some());
    services.map(|service| reference(&stack.built_as(service))).collect()
}

fn reference(name: &str) -> Result<Named, ToolError> {
    new(&Asked::Reference(name.to_owned()))
}

/// What a project is made of.
struct Making<'a> {
    engine: &'a Engine,
    budget: &'a Budget,
    rules: &'a Rules,
    stack: &'a Stack,
    members: &'a [Member],
}

impl Making<'_> {
    async fn targets(&self, build: bool, pull: bool) -> Result<Vec<Named>, ToolError> {
        let mut targets = Vec::new();
        for service in &self.stack.model.services {
            self.containers(service, &mut targets)?;
        }
        for service in &self.stack.model.services {
            match (&service.build, &service.image) {
                (Some(_), _) if build => targets.push(reference(&self.stack.built_as(service))?),
                (Some(_), _) => targets.push(self.is_built(service).await?),
                (None, Some(_)) => {}
                (None, None) => {
                    return Err(ToolError::invalid(format!(
                        "service `{}` has no image and no build",
                        service.name
                    ))
                    .hint("give it one of them in the compose file"));
                }
            }
        }
        for image in self.stack.uses() {
            match pull && ImageRef::parse(image).is_ok() {
                true => targets.extend(names(image)?),
                false => targets.extend(self.image(image).await?),
            }
        }
        for network in &self.stack.model.networks {
            let to_be = (!network.external).then(|| Asked::NewNetwork(network.name.clone()));
            targets.push(self.there_or(Want::Network, &network.name, to_be).await?);
        }
        for volume in &self.stack.model.volumes {
            let to_be = (!volume.external).then(|| Asked::NewVolume(volume.name.clone()));
            targets.push(self.there_or(Want::Volume, &volume.name, to_be).await?);
        }
        // What a container hands on to the one that takes its place is looked at as well.
        let known = |name: &str| self.stack.model.volumes.iter().any(|volume| volume.name == name);
        let services = &self.stack.model.services;
        let its = self.members.iter().filter(|m| services.iter().any(|service| service.name == m.service));
        let mounts = its.flat_map(|member| &member.seen.raw.mounts);
        let mut handed: Vec<&str> = mounts
            .filter(|mount| mount.r#type == "volume" && !known(&mount.name))
            .map(|mount| mount.name.as_str())
            .collect();
        handed.sort_unstable();
        handed.dedup();
        for name in handed {
            targets.push(self.there_or(Want::Volume, name, None).await?);
        }
        // Those that the file names itself are there by now.
        let own =
            |name: &str| services.iter().any(|s| s.replicas > 0 && s.container_name.as_deref() == Some(name));
        let others = services.iter().flat_map(|service| &service.containers);
        for other in others.filter(|name| !own(name)) {
            targets.push(self.there_or(Want::Container, other, None).await?);
        }
        Ok(targets)
    }

    /// Those that there are, and names of those that are to be: compose numbers them, the lowest free number first.
    fn containers(&self, service: &Service, targets: &mut Vec<Named>) -> Result<(), ToolError> {
        let there: Vec<&Member> =
            self.members.iter().filter(|m| m.service == service.name && !m.one_off).collect();
        targets.extend(there.iter().map(|m| {
            let target = Target::Container(m.seen.identity.clone());
            Named { asked: target.label(), target }
        }));
        let missing = (service.replicas as usize).saturating_sub(there.len());
        // Releases differ in what they do with numbers that came free: all that it may take are asked for.
        let free = (1..).filter(|number| there.iter().all(|m| m.number != *number)).take(missing);
        let next = there.iter().map(|m| m.number).max().unwrap_or(0).saturating_add(1);
        let after = (next..).take(missing);
        let numbers: BTreeSet<u32> = free.chain(after).collect();
        let numbered = |number: &u32| format!("{}-{}-{number}", self.stack.name, service.name);
        let names: Vec<String> = match &service.container_name {
            // One that is made anew gets another name, too.
            Some(name) if service.replicas > 0 && there.iter().all(|m| m.seen.identity.name != *name) => {
                vec![name.clone()]
            }
            Some(_) => Vec::new(),
            None => numbers.iter().map(numbered).collect(),
        };
        for name in names {
            // It is found by these, too: whatever would hide it then, refuses it now.
            let who = Container {
                name: name.clone(),
                aliases: vec![service.name.clone(), numbered(&1)],
                project: Some(self.stack.name.clone()),
                service: Some(service.name.clone()),
                ..Container::default()
            };
            if let Some(rule) = self.rules.container(&who).hidden_by("containers") {
                return Err(answer::refusal(Denial::Name { kind: "container", asked: name, rule }));
            }
            targets.push(new(&Asked::NewContainer(name))?);
        }
        Ok(())
    }

    /// The image that is here; else the names to fetch it by.
    async fn image(&self, words: &str) -> Result<Vec<Named>, ToolError> {
        let found = image_or_names(self.engine, self.budget, self.rules, words).await?;
        let meant = |image: &Image| {
            ImageRef::parse(words).is_ok_and(|name| image.is_called(&name)) || image.has_id(words)
        };
        match found.first().map(|named| &named.target) {
            // The engine takes such a word for a name first, and a hidden image may have that.
            Some(Target::Image(image)) if !meant(image) => Err(ToolError::invalid(format!(
                "`{words}` is too short for the id of an image in a compose file"
            ))
            .hint("write at least 12 digits of it, or a name")),
            _ => Ok(found),
        }
    }

    async fn is_built(&self, service: &Service) -> Result<Named, ToolError> {
        let name = self.stack.built_as(service);
        let found = self.engine.resolve(self.budget, self.rules, &[(Want::Image, &name)]).await;
        match found.map(|found| found.into_iter().next()) {
            Ok(Some(named)) => Ok(named),
            Ok(None) | Err(Unresolved::NotFound { .. }) => Err(ToolError::new(
                Kind::Conflict,
                format!("the image `{name}` of service `{}` is not built", service.name),
            )
            .hint("build = true builds it first (level `images`), or docker_compose_build does")),
            Err(other) => Err(answer::unresolved(other)),
        }
    }

    async fn there_or(&self, want: Want, name: &str, to_be: Option<Asked>) -> Result<Named, ToolError> {
        match self.engine.resolve(self.budget, self.rules, &[(want, name)]).await {
            Ok(mut found) => {
                let found = found.pop().ok_or_else(|| ToolError::internal("nothing was resolved"))?;
                match (to_be, &found.target) {
                    // Compose makes one of that name, whatever else an id begins with.
                    (Some(asked), Target::Network(network)) if network.name != name => new(&asked),
                    _ => Ok(found),
                }
            }
            Err(missing @ Unresolved::NotFound { .. }) => match to_be {
                Some(asked) => new(&asked),
                None => Err(answer::unresolved(missing)),
            },
            Err(other) => Err(answer::unresolved(other)),
        }
    }
}

/// A project that is hidden, or of which something is, is nobody's to make: which of these, nobody is told.
fn hidden(why: NoProject) -> ToolError {
    match why {
        NoProject::NotFound { asked, rule } => {
            let error = ToolError::new(
                Kind::PermissionDenied,
                format!("the filters do not allow a compose project `{asked}`"),
            )
            .hint("choose another project name; a person can change whitelist_projects and the blacklists under [permissions]");
            match rule {
                Some(rule) => error.detail(rule),
                None => error,
            }
        }
        other => other.into(),
    }
}

/// The name of a project that is asked for; none where it is the only one.
///
/// # Errors
/// No project was made from that file, or several were.
pub(super) async fn project(
    engine: &Engine,
    budget: &Budget,
    settings: &Settings,
    which: &Which,
) -> Result<Option<String>, ToolError> {
    let compose = &settings.compose;
    let asked = match (which, compose.files.as_slice()) {
        (Which::Named(name), _) => return Ok(Some(name.clone())),
        (Which::Of(file), _) => file.clone(),
        (Which::Only, [file]) => file.display().to_string(),
        (Which::Only, _) => return Ok(None),
    };
    let path = PathBuf::from(&asked);
    let mut places = match path.is_absolute() {
        true => vec![path.clone()],
        false => compose.roots.paths().iter().map(|root| root.join(&path)).collect(),
    };
    places.extend(compose.files.iter().filter(|file| file.ends_with(&path)).cloned());
    // Compose writes down where links lead.
    let places = and_where_they_lead(places).await?;
    match engine.made_from(budget, &settings.rules, (&asked, &places)).await {
        Ok(name) => return Ok(Some(name)),
        Err(NoProject::NotFound { .. }) => {}
        Err(other) => return Err(other.into()),
    }
    // Compose had the text of the file from us: its labels say where it lay, and not which one it was. So the file says
    // what its project is called.
    let wanted = Wanted {
        project: None,
        source: Source::File(Some(asked.clone())),
        services: Vec::new(),
        purpose: Purpose::Show,
    };
    let read = engine.stack(budget, self::places(compose), &wanted, None).await;
    let there = match read {
        Ok(stack) => {
            engine.all_in_sight(budget, &settings.rules, &stack.name).await.map(|all| (stack.name, all))
        }
        Err(_) => Err(NoProject::Which(Vec::new())),
    };
    match there {
        Ok((name, all)) if !all.is_empty() => Ok(Some(name)),
        Err(NoProject::Engine(e)) => Err(e.into()),
        _ => Err(ToolError::new(Kind::NotFound, format!("no project was made from `{asked}`"))
            .hint("give project; docker_compose_ls lists the projects and their files")),
    }
}
