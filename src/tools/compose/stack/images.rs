//! The images of a project: pulled and built as docker_pull and docker_build do it, by their rules and with their guards.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Settings;
use crate::engine::compose::stack::Stack;
use crate::guard::compose::{Build, Service};
use crate::policy::{self, Permit, Permits, Reference};
use crate::tool::args::OneOrMany;
use crate::tool::{Ctx, Kind, Preview, Tool, ToolError};
use crate::tools::changing::{One, Well};
use crate::tools::images::build as building;
use crate::tools::images::{moving, pull as pulling};
use crate::tools::removing::enough;

/// Fetches every image that there is a permit for and that is not to be built.
pub(in crate::tools::compose) async fn pull(ctx: &Ctx, permits: &Permits) -> Vec<One> {
    let mut ones = Vec::new();
    for permit in &permits.references {
        let name = permit.target().image.familiar();
        if let Some(why) = enough(ctx) {
            ones.push(One::ended(name, Err(why)));
            continue;
        }
        ctx.progress.say(format!("pulling {name}")).await;
        let came = match moving::allowed(&name, &ctx.settings) {
            Ok(()) => pulling::fetch(ctx, permits, permit, None).await,
            Err(why) => Err(why),
        };
        let came = came.map_err(|why| of(&format!("image `{name}`"), why));
        let came = came.map(|fetched| {
            let changed = fetched.changed();
            let well = Well::changed(changed).shown(if changed { "pulled" } else { "up to date" });
            let notes = fetched.note.into_iter().chain(fetched.trouble);
            notes.fold(well, Well::note)
        });
        ones.push(One::ended(name, came));
    }
    ones
}

/// Builds the image of every service that has a build and a permit for its name, which is used up. Gives permits to look at
/// what came of it.
pub(in crate::tools::compose) async fn build(
    ctx: &Ctx,
    permits: &mut Permits,
    stack: &Stack,
) -> (Vec<One>, Vec<Permit<Reference>>) {
    let mut rest = std::mem::take(&mut permits.references);
    let (mut ones, mut built) = (Vec::new(), Vec::new());
    for service in &stack.model.services {
        let Some(build) = &service.build else { continue };
        let name = stack.built_as(service);
        let is = |text: &str| crate::policy::reference::ImageRef::parse(text).ok();
        let Some(at) = rest.iter().position(|permit| Some(&permit.target().image) == is(&name).as_ref())
        else {
            continue;
        };
        let permit = rest.swap_remove(at);
        // The build uses it up, and the image is looked for by its name afterwards.
        built.extend(policy::also(&permit, building::Build::SPEC.name, permit.target().image.clone()).ok());
        permits.references = vec![permit];
        if let Some(why) = enough(ctx) {
            ones.push(One::ended(name, Err(why)));
            continue;
        }
        ctx.progress.say(format!("{}: building {name}", service.name)).await;
        let came = match args(service, build, &name, &ctx.settings) {
            Ok(args) => building::make(ctx, permits, args).await,
            Err(why) => Err(why),
        };
        let came = came.map_err(|why| of(&format!("image `{name}` of service `{}`", service.name), why));
        let came = came.map(|draft| {
            let of = |key: &str| draft.data.get(key).cloned().unwrap_or_default();
            let changed = of("changed") == serde_json::Value::Bool(true);
            Well::changed(changed)
                .shown(if changed { "built" } else { "unchanged" })
                .with("service", service.name.as_str())
                .with("id", of("id"))
        });
        ones.push(One::ended(name, came));
    }
    permits.references = rest;
    (ones, built)
}

/// A failure that says what of.
fn of(what: &str, why: ToolError) -> ToolError {
    ToolError { message: format!("{what}: {}", why.message), ..why }
}

/// What would be built, in a line an image, and of what.
pub(in crate::tools::compose) async fn buildable(ctx: &Ctx, stack: &Stack) -> Result<Preview, ToolError> {
    let mut preview = Preview::default();
    for service in &stack.model.services {
        if let Some(build) = &service.build {
            let name = stack.built_as(service);
            let asked = args(service, build, &name, &ctx.settings)?;
            preview.lines.push(format!(
                "image `{name}`: built of `{}` for service `{}`",
                build.context.display(),
                service.name
            ));
            let settings = Arc::clone(&ctx.settings);
            let looking = tokio::task::spawn_blocking(move || building::contents(&asked, &settings));
            let (state, details) = looking.await.map_err(|e| ToolError::internal(e.to_string()))??;
            preview.state.extend(state);
            preview.details.push(details);
        }
    }
    Ok(preview)
}

/// What docker_build would be asked.
pub(super) fn args(
    service: &Service,
    build: &Build,
    name: &str,
    settings: &Settings,
) -> Result<building::Args, ToolError> {
    if let Some(why) = &build.unserved {
        return Err(ToolError::new(
            Kind::Unsupported,
            format!("service `{}` is not built here: {why}", service.name),
        )
        .hint(why.hint.clone()));
    }
    if !build.tags.is_empty() {
        return Err(ToolError::new(
            Kind::Unsupported,
            format!("service `{}` is not built here: `build.tags` names further images", service.name),
        )
        .hint("docker_tag gives further names"));
    }
    let args = building::Args {
        context: build.context.to_string_lossy().into_owned(),
        dockerfile: build.dockerfile.clone(),
        tags: OneOrMany(vec![name.to_owned()]),
        build_args: Some(build.args.clone().into_iter().collect::<BTreeMap<_, _>>())
            .filter(|args| !args.is_empty()),
        target: build.target.clone(),
        platform: build.platform.clone(),
        no_cache: Some(build.no_cache),
        pull: None,
        network: None,
    };
    building::Build::guard(&args, settings).map_err(|why| of(&format!("service `{}`", service.name), why))?;
    Ok(args)
}
