//! Building images: `docker buildx` as a child of ours, which speaks with the engine as we do.
//!
//! Where there is none, the engine's own builder does it ([`classic`]).
//!
//! It is given one engine, no other builder, no instance of its own, no git, nobody to ask, no credentials (what it
//! needs of registries was fetched before); the Dockerfile that was decided on, and the context: read from a folder that
//! was opened once ([`folder`]), and sent as a tar. It opens no path that anybody else can put something in the place of.

mod bases;
mod buildx;
mod classic;
mod copy;
mod folder;
mod progress;
mod run;
mod tar;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use bases::{Base, Here, Platform};
pub use folder::{Folder, MOST_BYTES, MOST_FILES, Unread, Weight};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::child::Unavailable;
use crate::policy::reference::ImageRef;
use crate::policy::{Image, Permit, Reference, Rules};

use super::budget::Budget;
use super::change::{Commit, Effect, Goal, LOOK, Look, Looking, Lost, Outcome, Trail};
use super::error::EngineError;
use super::{Engine, images, ops, raw};

/// What is built.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The one that was decided on.
    pub context: Arc<Folder>,
    /// The Dockerfile's place in it, without links.
    pub file: String,
    /// The text that was decided on; what the file says later does not count.
    pub dockerfile: String,
    /// What stands in `NAME.dockerignore` beside it, which goes before the context's own.
    pub ignore: Option<String>,
    /// What is left out of the context, whichever list says it.
    pub leaves_out: String,
    /// It asks for what BuildKit alone does.
    pub buildkit: bool,
    /// `ARG`s.
    pub build_args: BTreeMap<String, String>,
    /// The stage to build; the last one by default.
    pub target: Option<String>,
    /// `linux/arm64`; the engine's own by default.
    pub platform: Option<String>,
    /// Run every step anew.
    pub no_cache: bool,
    /// Steps reach what a container reaches; else nothing.
    pub networked: bool,
    /// The builder may know what docker's configuration knows; else it asks registries as nobody in particular.
    pub trusted: bool,
}

/// How a build ended that the engine answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// There is an image, and the tags are its names.
    Built(Built),
    /// A step failed; nothing was made.
    Failed(Failure),
}

/// An image that was built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    /// `sha256:...`
    pub id: String,
    /// The tags had not named it before.
    pub changed: bool,
    /// Steps of the Dockerfile that were looked at.
    pub steps: usize,
    /// Those that were there already.
    pub cached: usize,
}

/// Why none was built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// The step, as the builder calls it; empty where it is none of the Dockerfile's.
    pub step: String,
    /// What the builder says of it.
    pub said: String,
    /// The last lines that the step wrote.
    pub lines: Vec<String>,
}

/// Why nothing was begun.
#[derive(Debug)]
pub enum NotBuilt {
    /// The engine.
    Engine(EngineError),
    /// There is no docker with buildx, or none that will do.
    NoBuildx(String),
    /// `docker` does not start.
    Child(Unavailable),
    /// The host: no room for the files that a build needs.
    Host(String),
    /// The context cannot be read.
    Context(Unread),
    /// buildx cannot be told to reach this engine.
    Endpoint(&'static str),
    /// The name belongs to an image that the filters hide.
    Taken(ImageRef),
}

impl From<EngineError> for NotBuilt {
    fn from(e: EngineError) -> Self {
        Self::Engine(e)
    }
}

impl From<Unavailable> for NotBuilt {
    fn from(e: Unavailable) -> Self {
        Self::Child(e)
    }
}

/// What the tags name, and whom a look asks for them.
struct Aim {
    tags: Vec<Permit<Reference>>,
    before: Vec<Option<String>>,
}

impl Engine {
    /// Builds, once. The tags are names that the image gets when all went well, and not before.
    ///
    /// # Errors
    /// Nothing was begun.
    pub async fn build(
        &self,
        budget: &Budget,
        (commit, cancel): (&Commit, &CancellationToken),
        tags: Vec<Permit<Reference>>,
        plan: Plan,
        news: mpsc::Sender<String>,
    ) -> Result<Outcome<Came>, NotBuilt> {
        // The child sends what the wire does not see: the same list decides.
        if tags.is_empty() || !tags.iter().all(|tag| ops::allowed("POST", "/build", tag.levels())) {
            return Err(EngineError::NotAllowed("a build without a permit".into()).into());
        }
        let buildx = match buildx::there(budget).await {
            Err(missing @ (NotBuilt::NoBuildx(_) | NotBuilt::Child(_))) if plan.buildkit => {
                return Err(missing);
            }
            Err(NotBuilt::NoBuildx(_) | NotBuilt::Child(_)) => None,
            there => Some(there?),
        };
        let before = self.tagged(budget, &tags).await?;
        for (tag, image) in tags.iter().zip(&before) {
            // To take a name from an image that is hidden is to change that image.
            if image.as_ref().is_some_and(|image| !shown(tag.rules(), image)) {
                return Err(NotBuilt::Taken(tag.target().image.clone()));
            }
        }
        let before: Vec<Option<String>> =
            before.into_iter().map(|image| image.map(|image| image.id)).collect();
        let names: Vec<String> = tags.iter().map(|tag| tag.target().image.familiar()).collect();
        let levels = tags.first().map_or(&[] as &[_], Permit::levels);
        let aim = Aim { tags, before };
        let ran = if let Some(program) = buildx {
            let job = buildx::prepare((budget, cancel), &self.found().endpoint, names, plan, program).await?;
            if !commit.send() {
                return Err(EngineError::Withdrawn.into());
            }
            self.watch(budget, cancel, job, news).await?
        } else {
            self.classic(budget, (commit, cancel), (levels, &names), plan, news).await?
        };
        let run::Ran { cause, gone } = match ran {
            Ok(Came::Built(built)) => {
                return self.confirmed(budget, &aim, built).await.map(Outcome::Answered);
            }
            Ok(Came::Failed(Failure { step, said, lines })) => {
                let said = self.scrub(&words::without_host_paths(&said));
                return Ok(Outcome::Answered(Came::Failed(Failure { step, said, lines })));
            }
            Err(ran) => ran,
        };
        // A builder that is gone has taken its build with it; what it was told last may still be on its way.
        let mut trail = if gone { Trail::of_refusal(aim) } else { Trail::of(aim) };
        let until = budget.deadline.max(tokio::time::Instant::now() + LOOK / 2);
        let finding = self.look_again(&mut trail, until).await;
        Ok(Outcome::Lost(Box::new(Lost { cause, finding, trail })))
    }

    /// A build that ended well: is there an image, and is it another than before?
    async fn confirmed(&self, budget: &Budget, aim: &Aim, mut built: Built) -> Result<Came, NotBuilt> {
        if built.id.is_empty() {
            let now = self.tagged(budget, &aim.tags).await?;
            match now.into_iter().next().flatten() {
                Some(image) if aim.before.first() != Some(&Some(image.id.clone())) => built.id = image.id,
                _ => {
                    let said = "the builder ended well and made no image".to_owned();
                    return Ok(Came::Failed(Failure { said, ..Failure::default() }));
                }
            }
        }
        built.changed = aim.before.iter().any(|id| id.as_deref() != Some(built.id.as_str()));
        Ok(Came::Built(built))
    }

    /// The images that have these names now.
    async fn tagged(
        &self,
        budget: &Budget,
        tags: &[Permit<Reference>],
    ) -> Result<Vec<Option<Image>>, EngineError> {
        let list: Vec<raw::Image> = self.wire.json(budget, "/images/json", &[]).await?;
        let all: Vec<Image> = list.iter().map(images::identity).collect();
        let named = |tag: &Permit<Reference>| {
            all.iter().find(|image| image.references.contains(&tag.target().image)).cloned()
        };
        Ok(tags.iter().map(named).collect())
    }
}

fn shown(rules: &Rules, image: &Image) -> bool {
    rules.image(image).shown()
}

impl Goal for Aim {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let now = engine.tagged(budget, &self.tags).await?;
            let other = |(now, before): (&Option<Image>, &Option<String>)| {
                now.as_ref().is_some_and(|image| Some(&image.id) != before.as_ref())
            };
            let changed = now.iter().zip(&self.before).all(other);
            let ids = now.iter().map(|image| image.as_ref().map(|image| &image.id));
            let as_before = ids.eq(self.before.iter().map(Option::as_ref));
            let evidence = match (changed, now.iter().any(Option::is_some)) {
                (true, _) => "the tag names another image than before",
                (false, true) => "the tag names the image that it named before",
                (false, false) => "no image has the tag",
            };
            Ok(Look { reached: Some(changed), as_before, evidence: evidence.to_owned() })
        })
    }

    fn gone(&self) -> Effect {
        Effect::Unknown
    }
}
