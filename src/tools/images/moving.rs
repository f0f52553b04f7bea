//! What pull and push share: which registries, credentials, progress, and the words for failures.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::config::Settings;
use crate::engine::EngineError;
use crate::engine::change::Effect as Came;
use crate::engine::credentials::{self, Found};
use crate::engine::discover::Env;
use crate::engine::room::Room;
use crate::engine::transfer::{Failed, Phase, Refusal, Step};
use crate::output::bytes;
use crate::policy::Permits;
use crate::policy::reference::{ImageRef, same_registry};
use crate::tool::error::Effect;
use crate::tool::{Ctx, Kind, Retry, ToolError};
use crate::tools::changing;
use crate::tools::words::count;

/// While nothing is heard, it is said that it is waited for: more often than clients lose their patience.
const WAITING: Duration = Duration::from_secs(4);
/// Between two reports.
const PAUSE: Duration = Duration::from_secs(1);
/// So long a report may wait for a place.
const BUSY: Duration = Duration::from_millis(50);
/// What the caller gave up goes on for so long: who asks again in this time loses nothing of it.
const REJOIN: Duration = Duration::from_secs(5);
/// More layers than any image has.
const MOST_LAYERS: usize = 512;
/// What stays free where the engine keeps images: a full disk stops every container that writes.
const FLOOR: u64 = 256 << 20;
/// What is on its way already is ended when less than this is free.
const LAST: u64 = 64 << 20;
/// Between two looks at it.
const LOOKS: Duration = Duration::from_secs(2);

/// Room for what is about to come, where it can be seen.
pub(super) struct Space {
    room: Option<Room>,
    /// Bytes that may come; all, where nobody knows.
    pub(super) bytes: u64,
}

/// Is there room for images?
pub(super) async fn space(ctx: &Ctx, permits: &Permits) -> Result<Space, ToolError> {
    let room = ctx.engine.room(&ctx.budget, &permits.world).await;
    let free = match &room {
        Some(room) => room.free().await,
        None => None,
    };
    match free {
        None => Ok(Space { room: None, bytes: u64::MAX }),
        Some(free) if free > FLOOR => Ok(Space { room, bytes: free - FLOOR }),
        Some(free) => Err(full(&format!("{} are free", bytes(free)))),
    }
}

impl Space {
    /// Waits until it is nearly used up, which may be never.
    pub(super) async fn runs_out(&self) {
        let Some(room) = &self.room else { return std::future::pending().await };
        while room.free().await.is_none_or(|free| free > LAST) {
            sleep(LOOKS).await;
        }
    }
}

/// No room is left where the engine keeps images.
pub(super) fn full(why: &str) -> ToolError {
    ToolError::new(
        Kind::DaemonError,
        format!("the engine's disk is nearly full: {why}, and {} stay free", bytes(FLOOR)),
    )
    .hint("docker_df shows what takes the room; docker_image_prune makes some")
}

/// May this registry be asked?
pub(in crate::tools) fn allowed(name: &str, settings: &Settings) -> Result<(), ToolError> {
    let allow = &settings.registries.allow;
    let Ok(image) = ImageRef::parse(name) else { return Ok(()) };
    if allow.is_empty() || allow.iter().any(|host| same_registry(&host.text) == image.registry()) {
        return Ok(());
    }
    Err(ToolError::new(
        Kind::PermissionDenied,
        format!("the registry `{}` is not one that may be asked", image.registry()),
    )
    .hint("a person can add it to `allow` under [registries]"))
}

/// A name that another image keeps; which one is nobody's business.
pub(super) fn taken(name: &str) -> ToolError {
    ToolError::new(Kind::Conflict, format!("`{name}` is in use, and cannot be given to another image"))
        .hint("choose another name")
}

/// Credentials for its registry, and for no other.
pub(super) async fn credentials(image: &ImageRef) -> Found {
    credentials::find(&Env::of_process(), image.registry()).await
}

/// Did a person name this registry? Of others nothing is told but that it did not work.
fn is_known(image: &ImageRef, settings: &Settings) -> bool {
    let registry = image.registry();
    let named = |text: &str| text.split_once('/').is_some_and(|(host, _)| same_registry(host) == registry);
    registry == "docker.io"
        || settings.registries.allow.iter().any(|host| same_registry(&host.text) == registry)
        || settings.rules.images.allow.patterns().iter().any(|pattern| named(&pattern.text))
}

/// Waits for the beginning of an answer, and says so.
pub(super) async fn begun<T>(ctx: &Ctx, image: &ImageRef, begin: impl Future<Output = T>) -> T {
    let mut begin = std::pin::pin!(begin);
    let say = async || {
        ctx.progress.say(format!("waiting for the registry {}", image.registry())).await;
        sleep(WAITING).await;
    };
    loop {
        tokio::select! {
            biased;
            begun = &mut begin => return begun,
            () = say() => {}
        }
    }
}

/// When work whose caller gave up is ended: never, as long as somebody waits.
pub(super) async fn given_up(ctx: &Ctx) {
    ctx.cancel.cancelled().await;
    sleep(REJOIN).await;
}

/// How far a transfer is, told now and then.
#[derive(Default)]
pub(super) struct Layers {
    all: BTreeMap<String, (Phase, u64, u64)>,
    told: Option<Instant>,
}

impl Layers {
    /// Takes a step in, and tells of it if it is time.
    pub(super) async fn step(&mut self, ctx: &Ctx, verb: &str, step: Step) {
        let Step::Layer { id, phase, current, total } = step else { return };
        if !ctx.progress.wanted() && self.all.len() >= MOST_LAYERS {
            return;
        }
        if self.all.len() < MOST_LAYERS || self.all.contains_key(&id) {
            let layer = self.all.entry(id.clone()).or_insert((phase, 0, 0));
            layer.0 = phase;
            if total > 0 {
                (layer.1, layer.2) = (current, total);
            }
        }
        if ctx.progress.wanted() && self.told.is_none_or(|at| at.elapsed() >= PAUSE) {
            self.told = Some(Instant::now());
            // A client that does not read holds up no transfer.
            let _busy = timeout(BUSY, ctx.progress.say(self.say(verb, &id))).await;
        }
    }

    fn say(&self, verb: &str, id: &str) -> String {
        let mut text = format!("{verb}: {}", self.summary());
        if let Some((Phase::Moving, current, total @ 1..)) = self.all.get(id) {
            text.push_str(&format!("; {id} {} of {}", bytes(*current), bytes(*total)));
        }
        text
    }

    /// How many layers there were, and how many of them are where they should be.
    pub(super) fn counts(&self) -> (usize, usize) {
        let done =
            self.all.values().filter(|(phase, ..)| matches!(phase, Phase::Done | Phase::There)).count();
        (done, self.all.len())
    }

    /// Bytes that are to come or came, as far as the registry has told.
    pub(super) fn size(&self) -> u64 {
        let coming = self.all.values().filter(|(phase, ..)| *phase != Phase::There);
        coming.fold(0, |sum, (_, _, total)| sum.saturating_add(*total))
    }

    fn summary(&self) -> String {
        let (done, all) = self.counts();
        format!("{done} of {} done", count(all, "layer"))
    }
}

/// What a failure means to the caller.
pub(super) fn failure(ctx: &Ctx, image: &ImageRef, verb: &str, layers: &Layers, failed: Failed) -> ToolError {
    match failed {
        Failed::Engine(error) => ToolError::of_object(error, "image", &image.familiar()),
        Failed::Refused { why, said } => {
            refusal(image, verb, why, is_known(image, &ctx.settings)).detail(said)
        }
        // The engine is well, and told what came of it: what was silent is the registry.
        Failed::Lost(lost)
            if matches!(lost.cause, EngineError::Timeout { .. }) && lost.finding.effect == Came::None =>
        {
            let why = ToolError::from(lost.cause);
            let silent = format!(
                "nothing more came from the registry `{}`, and the {verb} was ended; until then {}",
                image.registry(),
                layers.summary()
            );
            let hint =
                "check the registry; transfer_idle and transfer_timeout under [neverhang] are its clocks";
            let error = ToolError::new(Kind::DaemonError, silent).hint(hint);
            ToolError { phase: why.phase, limit: why.limit, retry: Retry::Safe, ..error }
        }
        Failed::Lost(lost) => match changing::found(ctx, ("image", &image.familiar()), *lost) {
            // Its callers look for a good end themselves.
            Ok(note) => ToolError::new(Kind::OutcomeUnknown, note).hint("docker_images shows what is there"),
            Err(mut error) => {
                error.message.push_str(&format!("; until then {}", layers.summary()));
                if error.kind == Kind::OutcomeUnknown || error.effect == Effect::None {
                    error.retry = Retry::Safe;
                    error.hint =
                        Some(format!("to {verb} it again is safe, and layers that are done are kept"));
                }
                error
            }
        },
    }
}

fn refusal(image: &ImageRef, verb: &str, why: Refusal, known: bool) -> ToolError {
    let (name, registry) = (image.familiar(), image.registry());
    let failed = |what: String| ToolError::new(Kind::DaemonError, what);
    match why {
        Refusal::NoSpace => failed(format!("`{name}` does not fit: the engine's disk is full"))
            .hint("docker_df shows what takes the room; docker_image_prune makes some"),
        Refusal::TooLarge(size) => full(&format!("`{name}` has at least {} to fetch", bytes(size))),
        Refusal::NothingToPush => ToolError::not_found("image", &name),
        // Whoever listens at an address that nobody named, it is one answer for all.
        _ if !known && !why.is_the_engines_own() => failed(format!(
            "could not {verb} `{name}`: `{registry}` is no registry that can be reached, has no such image, or wants \
             other credentials"
        ))
        .hint("check the name; a person who adds the registry to `allow` under [registries] gets the reason told"),
        Refusal::NoSuchImage => {
            ToolError::new(Kind::NotFound, format!("the registry `{registry}` has no image `{name}`"))
                .hint("check the name and the tag")
        }
        Refusal::NotAllowed => failed(format!(
            "the registry `{registry}` does not let us {verb} `{name}`: it is not there, or needs other credentials"
        ))
        .hint("on the host, docker login keeps credentials for it"),
        Refusal::NoSuchPlatform => failed(format!("`{name}` is not made for that platform"))
            .hint("leave `platform` out, or give another one"),
        Refusal::AnotherPlatform => {
            let mut error = failed(format!("`{name}` is not made for that platform; the one for another came, and is kept"))
                .hint("docker_inspect shows which one; docker_image_remove removes it");
            error.effect = Effect::Done;
            error
        }
        Refusal::TooMany => failed(format!("the registry `{registry}` was asked too often"))
            .hint("wait, or log in on the host: docker login")
            .retry_after(Duration::from_secs(60)),
        Refusal::NoRegistry => {
            failed(format!("the registry `{registry}` cannot be reached, or does not answer as a registry"))
                .hint("on the host, the engine's log says more (journalctl -u docker)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_registries_that_nobody_named_nothing_is_told() {
        let image = ImageRef::parse("10.0.0.5:81/x").unwrap();
        let all = [
            Refusal::NoSuchImage,
            Refusal::NotAllowed,
            Refusal::NoSuchPlatform,
            Refusal::TooMany,
            Refusal::NoRegistry,
        ];
        let told = |known| {
            let mut told: Vec<ToolError> =
                all.iter().map(|why| refusal(&image, "pull", *why, known)).collect();
            told.dedup();
            told.len()
        };
        assert_eq!((told(false), told(true)), (1, all.len()));
    }
}
