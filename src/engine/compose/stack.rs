//! From what a call says to the model of its project: found, gathered, printed by compose, and read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;

use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::guard::compose::{self as guard, Model, Service};
use crate::policy::Permits;
use crate::policy::reference::ImageRef;

use super::files::{Places, Where};
use super::{Gathered, NotRead, Printed, find, gather, inline};

/// What a call says of its project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name; else as its files say.
    pub project: Option<String>,
    /// Its files.
    pub source: Source,
    /// These and what they need; all that are enabled where none is named.
    pub services: Vec<String>,
    /// What for.
    pub purpose: Purpose,
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file or a folder on this host; none: the usual ones.
    File(Option<String>),
    /// A text that is in no file.
    Text(String),
}

/// What a model is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be shown.
    Show,
    /// To be made.
    Up {
        /// Images are built first.
        build: bool,
        /// Images are pulled first, those that are here as well.
        pull: bool,
    },
    /// Its images are to be pulled.
    Pull,
    /// Its images are to be built.
    Build,
}

/// A project as its files say, read once: what is decided on is what is used.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its folder on this host.
    pub project_dir: PathBuf,
    /// Its files, the first one first.
    pub files: Vec<PathBuf>,
    /// As compose printed it, with paths of this host.
    pub json: Value,
    /// The same, read.
    pub model: Model,
    /// A person trusts all of its files.
    pub trusted: bool,
    /// Variables that its files use and nobody set.
    pub unset: Vec<String>,
    /// What its `.env` says, as far as lines are plain: wherever it is put in, it may be secret.
    pub interpolated: Vec<(String, String)>,
    /// What of the server's variables it was given.
    pub passed: BTreeMap<String, OsString>,
    /// The services that the call named.
    pub services: Vec<String>,
    /// What for.
    pub purpose: Purpose,
}

/// Why there is no model.
#[derive(Debug)]
pub enum NoStack {
    /// It was not printed.
    NotRead(NotRead),
    /// It says what is never let through, or what nobody knows.
    Refused(guard::Refused),
}

impl From<NotRead> for NoStack {
    fn from(why: NotRead) -> Self {
        Self::NotRead(why)
    }
}

impl From<guard::Refused> for NoStack {
    fn from(why: guard::Refused) -> Self {
        Self::Refused(why)
    }
}

impl Stack {
    /// What the image of a service is called that is built.
    #[must_use]
    pub fn built_as(&self, service: &Service) -> String {
        self.model.built_as(service)
    }

    /// Names that its builds give, in the order of its services.
    #[must_use]
    pub fn builds(&self) -> Vec<ImageRef> {
        let built = self.model.services.iter().filter(|service| service.build.is_some());
        built.filter_map(|service| ImageRef::parse(&self.built_as(service)).ok()).collect()
    }

    /// Images as written that it uses and does not build, each once. What one service builds, others may use.
    #[must_use]
    pub fn uses(&self) -> Vec<&str> {
        let builds = self.builds();
        let is_built = |text: &str| ImageRef::parse(text).is_ok_and(|name| builds.contains(&name));
        let images = self.model.services.iter().filter(|service| service.build.is_none());
        let mut images: Vec<&str> =
            images.filter_map(|service| service.image.as_deref()).filter(|text| !is_built(text)).collect();
        images.sort_unstable();
        images.dedup();
        images
    }

    /// Keeps those permits for names that something is built or fetched by: a tag beside its digest was judged, and is
    /// not fetched.
    pub fn keep_what_comes(&self, permits: &mut Permits) {
        let uses = self.uses().into_iter().filter_map(|text| Some(ImageRef::parse(text).ok()?.fetched_as()));
        let comes: Vec<ImageRef> = self.builds().into_iter().chain(uses).collect();
        permits.references.retain(|permit| comes.contains(&permit.target().image));
    }
}

impl Engine {
    /// Reads a project's files. Asks no engine. `folder_hint`: where the project lies that runs already.
    ///
    /// # Errors
    /// There are none, they make no sense, or they say what is never let through.
    pub async fn stack(
        &self,
        budget: &Budget,
        places: Places,
        wanted: &Wanted,
        folder_hint: Option<PathBuf>,
    ) -> Result<Stack, NoStack> {
        let source = wanted.source.clone();
        let gathering = tokio::task::spawn_blocking(move || {
            let gathered = match source {
                Source::File(file) => gather(find(&places, &Where { file, folder_hint })?),
                Source::Text(text) => inline(&text),
            }?;
            let interpolated = interpolated(&gathered);
            Ok::<_, NotRead>((gathered, interpolated))
        });
        let (gathered, interpolated) = gathering.await.map_err(|e| NotRead::Host(e.to_string()))??;
        let named = wanted.project.as_deref();
        let Printed { mut json, unset } =
            self.compose_config(budget, &gathered, named, &wanted.services).await?;
        guard::unmirror(&mut json, &gathered.prefix())?;
        let model = guard::model(&json)?;
        Ok(Stack {
            interpolated,
            name: model.name.clone(),
            project_dir: gathered.project_dir.clone(),
            files: gathered.files.clone(),
            json,
            model,
            trusted: gathered.trusted,
            unset,
            passed: gathered.passed.clone(),
            services: wanted.services.clone(),
            purpose: wanted.purpose,
        })
    }
}

/// Names and values of its `.env` files. Blocks.
fn interpolated(gathered: &Gathered) -> Vec<(String, String)> {
    let texts = gathered.env_files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let pair = |line: &str| {
        let (name, value) = line.trim().split_once('=')?;
        let name = name.trim_start_matches("export ").trim();
        let value = value.trim().trim_matches(['"', '\'']);
        (!name.starts_with('#')).then(|| (name.to_owned(), value.to_owned()))
    };
    texts.flat_map(|text| text.lines().filter_map(pair).collect::<Vec<_>>()).collect()
}
