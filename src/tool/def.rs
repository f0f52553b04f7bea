//! The tool trait, and its type-erased form that the catalogue holds.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::Settings;
use crate::engine::compose::stack::Wanted;
use crate::engine::projects::{Part, Which};
use crate::guard::exec::Place;
use crate::policy::{Level, Permits};

use super::class::{Class, Rate};
use super::context::Ctx;
use super::error::ToolError;
use super::spec::Spec;
use super::{Output, args, schema};

/// An object that the arguments name, to be resolved before the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// By name, alias, full or short id.
    Container(String),
    /// The same, and a command is to run in it: the tool's guard hears what there is to know of it.
    Entered(String),
    /// The same for the container of a compose service.
    EnteredService {
        /// The compose project.
        project: String,
        /// The service of it.
        service: String,
    },
    /// By reference or id.
    Image(String),
    /// By reference or id; a name that no image has yet is one to be fetched by.
    ImageOrPull(String),
    /// By name or id.
    Network(String),
    /// By name.
    Volume(String),
    /// By name, whatever kind it is: a container first, then image, network, volume.
    Any(String),
    /// The name of a container that is to be made.
    NewContainer(String),
    /// A container that is to be made and to get a name of our choice, which begins with this.
    UnnamedContainer(String),
    /// The name of a network that is to be made.
    NewNetwork(String),
    /// The name of a volume that is to be made.
    NewVolume(String),
    /// A name of an image, whether there is one or not.
    Reference(String),
    /// A part of a compose project, of all its services or of those named.
    Project(Which, Vec<String>, Part),
    /// What a compose file makes, or is about otherwise: its model comes with it.
    Stack(Wanted),
    /// Every visible container that is not running.
    StoppedContainers,
    /// Every visible image without a name that no container uses; with `true` also those with names.
    UnusedImages(bool),
    /// Every visible network that no container is on, but the engine's own.
    UnusedNetworks,
    /// Every visible volume that no container uses; with `false` only those without a name of their own.
    UnusedVolumes(bool),
}

/// A tool: its facts, its arguments, what they name, and what it does.
pub trait Tool: Send + Sync + 'static {
    /// The fixed facts.
    const SPEC: Spec;

    /// It may run beside another change of the same container, to cut it short.
    const URGENT: bool = false;

    /// How often a caller may call it.
    const RATE: Rate = Rate::Free;

    /// What it asks the engine is what a probe asks: its own silence says that the engine hangs.
    const PROBES: bool = false;

    /// More bytes of arguments are a mistake, and what is made of them would be read with every list from then on. Tools that
    /// take files or texts say so.
    const ROOM: usize = 64 << 10;

    /// Closed (`deny_unknown_fields`); doc comments become the schema's descriptions.
    type Args: DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// The objects that the arguments name.
    ///
    /// # Errors
    /// Arguments that contradict each other.
    fn targets(args: &Self::Args) -> Result<Vec<Asked>, ToolError> {
        let _ = args;
        Ok(Vec::new())
    }

    /// The levels it needs, where the arguments ask for more than the tool always needs: all of [`Spec::levels`], and those.
    fn levels(args: &Self::Args) -> &'static [Level] {
        let _ = args;
        Self::SPEC.levels
    }

    /// How long the caller wants it to take, if the arguments say so; capped by `neverhang.max_timeout`.
    fn asked_time(args: &Self::Args) -> Option<Duration> {
        let _ = args;
        None
    }

    /// Its clocks and places, where the arguments make it another kind of work.
    fn class(args: &Self::Args) -> Class {
        let _ = args;
        Self::SPEC.class
    }

    /// Is what is asked within what the settings allow? Beside the permits: they say which objects, this says what of them.
    ///
    /// # Errors
    /// What is not, and which setting says so.
    fn guard(args: &Self::Args, settings: &Settings) -> Result<(), ToolError> {
        let _ = (args, settings);
        Ok(())
    }

    /// The same where it depends on the containers that are entered, in the order of [`Tool::targets`]. Says why it may.
    ///
    /// # Errors
    /// As [`Tool::guard`].
    fn judge(args: &Self::Args, settings: &Settings, places: &[Place]) -> Result<Vec<String>, ToolError> {
        let _ = places;
        Self::guard(args, settings).map(|()| Vec::new())
    }

    /// What it would do, before it does it: for confirmations and dry runs. Changes say which objects they are about; those
    /// that lose something say what.
    fn preview(
        ctx: &Ctx,
        permits: &Permits,
        args: &Self::Args,
    ) -> impl Future<Output = Result<Preview, ToolError>> + Send {
        let _ = (ctx, args);
        let lines = permits.labels().map(|(kind, name)| format!("{kind} `{name}`")).collect();
        async { Ok(Preview { lines, state: Vec::new(), ..Preview::default() }) }
    }

    /// Does it. The permits are for exactly the objects of [`Tool::targets`], in their order.
    fn run(
        ctx: Ctx,
        permits: Permits,
        args: Self::Args,
    ) -> impl Future<Output = Result<Output, ToolError>> + Send;
}

/// What a change would do.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// One line an object.
    pub lines: Vec<String>,
    /// What a person who is to allow it must see beside the arguments and the lines.
    pub details: Vec<String>,
    /// What must be the same when it is confirmed, beside the objects' identities: their states.
    pub state: Vec<String>,
    /// This time something is lost, although the tool does not always do that.
    pub destroys: bool,
}

/// Arguments that were read, waiting for their permits.
#[derive(Debug)]
pub struct Prepared {
    /// Confirms what an earlier call previewed.
    pub confirm_token: Option<String>,
    /// Only the preview is wanted.
    pub dry_run: bool,
    /// The arguments in one canonical text, without those two.
    pub canonical: String,
    /// The objects they name.
    pub asked: Vec<Asked>,
    /// The levels they need.
    pub levels: &'static [Level],
    /// The time they ask for.
    pub time: Option<Duration>,
    /// The kind of work that they make it.
    pub class: Class,
    args: Box<dyn Any + Send>,
}

type Previewing = Pin<Box<dyn Future<Output = (Permits, Prepared, Result<Preview, ToolError>)> + Send>>;
/// A tool at its work.
pub type Running = Pin<Box<dyn Future<Output = Result<Output, ToolError>> + Send>>;

/// One line of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct ToolDef {
    /// The fixed facts.
    pub spec: Spec,
    /// As [`Tool::URGENT`].
    pub urgent: bool,
    /// As [`Tool::PROBES`].
    pub probes: bool,
    /// As [`Tool::RATE`].
    pub rate: Rate,
    /// As [`Tool::ROOM`].
    pub room: usize,
    schema: fn() -> Arc<Map<String, Value>>,
    prepare: fn(&Map<String, Value>, Map<String, Value>) -> Result<Prepared, ToolError>,
    judge: fn(&Prepared, &Settings, &[Place]) -> Result<Vec<String>, ToolError>,
    preview: fn(Ctx, Permits, Prepared) -> Previewing,
    run: fn(Ctx, Permits, Prepared) -> Running,
}

impl ToolDef {
    /// Erases the type of a tool to function pointers, so that the catalogue is a plain constant.
    #[must_use]
    pub const fn of<T: Tool>() -> Self {
        Self {
            spec: T::SPEC,
            urgent: T::URGENT,
            probes: T::PROBES,
            rate: T::RATE,
            room: T::ROOM,
            schema: if T::SPEC.effect.read_only() {
                schema::of::<T::Args>
            } else {
                schema::of_change::<T::Args>
            },
            prepare: prepare::<T>,
            judge: judge::<T>,
            preview: preview::<T>,
            run: run::<T>,
        }
    }

    /// The input schema: a closed object without combinators at its root.
    #[must_use]
    pub fn schema(&self) -> Arc<Map<String, Value>> {
        (self.schema)()
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// `invalid_arguments`, naming the field and what it takes.
    pub fn prepare(&self, arguments: Map<String, Value>) -> Result<Prepared, ToolError> {
        let (confirm_token, dry_run, arguments) = match self.spec.effect.read_only() {
            true => (None, false, arguments),
            false => args::of_change(arguments)?,
        };
        let canonical = Value::Object(arguments.clone()).to_string();
        if canonical.len() > self.room {
            return Err(ToolError::invalid(format!(
                "the arguments are {} KiB long; {} KiB is the most",
                canonical.len() >> 10,
                self.room >> 10
            ))
            .hint("give less, or give it in several calls"));
        }
        Ok(Prepared { confirm_token, dry_run, canonical, ..(self.prepare)(&self.schema(), arguments)? })
    }

    /// Is what is asked within what the settings allow? Says why, where the tool can.
    ///
    /// # Errors
    /// As [`Tool::guard`] and [`Tool::judge`].
    pub fn judge(
        &self,
        prepared: &Prepared,
        settings: &Settings,
        places: &[Place],
    ) -> Result<Vec<String>, ToolError> {
        (self.judge)(prepared, settings, places)
    }

    /// What it would do. Gives back what it was given.
    pub fn preview(
        &self,
        ctx: Ctx,
        permits: Permits,
        prepared: Prepared,
    ) -> impl Future<Output = (Permits, Prepared, Result<Preview, ToolError>)> + Send + use<> {
        (self.preview)(ctx, permits, prepared)
    }

    /// Runs it.
    pub fn run(&self, ctx: Ctx, permits: Permits, prepared: Prepared) -> Running {
        (self.run)(ctx, permits, prepared)
    }
}

fn prepare<T: Tool>(
    schema: &Map<String, Value>,
    arguments: Map<String, Value>,
) -> Result<Prepared, ToolError> {
    let args: T::Args = args::read(schema, arguments)?;
    Ok(Prepared {
        confirm_token: None,
        dry_run: false,
        canonical: String::new(),
        asked: T::targets(&args)?,
        levels: T::levels(&args),
        time: T::asked_time(&args),
        class: T::class(&args),
        args: Box::new(args),
    })
}

fn judge<T: Tool>(
    prepared: &Prepared,
    settings: &Settings,
    places: &[Place],
) -> Result<Vec<String>, ToolError> {
    match prepared.args.downcast_ref::<T::Args>() {
        Some(args) => T::judge(args, settings, places),
        None => Err(ToolError::internal("arguments of another tool reached this one")),
    }
}

fn preview<T: Tool>(ctx: Ctx, permits: Permits, prepared: Prepared) -> Previewing {
    Box::pin(async move {
        let shown = match prepared.args.downcast_ref::<T::Args>() {
            Some(args) => T::preview(&ctx, &permits, args).await,
            None => Err(ToolError::internal("arguments of another tool reached this one")),
        };
        (permits, prepared, shown)
    })
}

fn run<T: Tool>(ctx: Ctx, permits: Permits, prepared: Prepared) -> Running {
    match prepared.args.downcast::<T::Args>() {
        Ok(args) => Box::pin(T::run(ctx, permits, *args)),
        Err(_) => Box::pin(async { Err(ToolError::internal("arguments of another tool reached this one")) }),
    }
}
