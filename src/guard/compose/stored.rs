//! Volumes, and the files behind secrets and configs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::guard::create::Ask;
use crate::guard::create::image;
use crate::guard::refusal::Refusal;
use crate::guard::{labels, volume};

use super::Refused;
use super::reader::{self, At};

/// A named volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// As the file calls it.
    pub key: String,
    /// As the engine calls it.
    pub name: String,
    /// It is there already, made by others.
    pub external: bool,
    /// Without one it is the engine's own folder.
    pub driver: Option<String>,
    /// For `local` these are a mount(8) as root.
    pub driver_opts: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What its options mount: `bind` for a folder of the host, `mount` for everything else.
    pub asks: Vec<Ask>,
}

impl Volume {
    /// May it be made? Besides its asks, which may let it be something of the host. `most`: what may be taken of the host's
    /// memory.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, most: Option<u64>) -> Result<(), Refusal> {
        if self.external {
            return Ok(());
        }
        labels::check(&self.labels)?;
        match self.asks.is_empty() {
            true => volume::check(self.driver.as_deref(), &self.driver_opts, most).map(drop),
            false => Ok(()),
        }
    }

    /// The folder of the host that it is, if it is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.asks.iter().find(|ask| ask.field == "bind").map(|ask| Path::new(&ask.value))
    }
}

pub(super) fn volumes(top: &At<'_>, project: &str) -> Result<Vec<Volume>, Refused> {
    let entries = top.key("volumes")?.map(|at| at.entries()).transpose()?.unwrap_or_default();
    entries.into_iter().map(|(key, at)| one(key, &at, project)).collect()
}

fn one(key: &str, at: &At<'_>, project: &str) -> Result<Volume, Refused> {
    let mut volume = Volume {
        key: key.to_owned(),
        name: format!("{project}_{key}"),
        external: false,
        driver: None,
        driver_opts: BTreeMap::new(),
        labels: BTreeMap::new(),
        asks: Vec::new(),
    };
    if at.is_null() {
        return Ok(volume);
    }
    at.closed(&[&["name", "driver", "driver_opts", "external", "labels"]])?;
    volume.external = at.key("external")?.map(|at| at.flag()).transpose()?.unwrap_or(false);
    if let Some(at) = at.key("name")? {
        volume.name = at.text()?.to_owned();
    } else if volume.external {
        volume.name = key.to_owned();
    }
    if volume.external {
        // Whatever else is said of it, it is what it is.
        return Ok(volume);
    }
    let driver = at.key("driver")?.map(|at| at.text()).transpose()?.unwrap_or_default();
    volume.driver = (!driver.is_empty()).then(|| driver.to_owned());
    volume.driver_opts = at.key("driver_opts")?.map(|at| at.texts()).transpose()?.unwrap_or_default();
    volume.labels = at.key("labels")?.map(|at| at.texts()).transpose()?.unwrap_or_default();
    // Read as the engine will show it.
    let driver = volume.driver.as_deref().unwrap_or("local");
    match image::volume(&json!({ "Driver": driver, "Options": volume.driver_opts })) {
        image::Volume::Plain => {}
        image::Volume::Bind(path) => {
            let device = at.way(&["driver_opts", "device"])?.unwrap_or_else(|| at.clone());
            reader::absolute(&device, &path)?;
            volume.asks.push(Ask::new("bind", path));
        }
        // What docker_volume_create lets through is let through here.
        image::Volume::Other(what) => {
            if volume::check(volume.driver.as_deref(), &volume.driver_opts, None).is_err() {
                volume.asks.push(Ask::new("mount", what));
            }
        }
    }
    Ok(volume)
}

/// Secrets or configs by their keys.
pub(super) type Files = BTreeMap<String, Source>;

/// What is behind a secret or a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A file of the host.
    File(PathBuf),
    /// It stands in the model.
    Content,
}

const SWARM: &str = "only a swarm has those";

/// The sources of all secrets, or of all configs.
pub(super) fn files(top: &At<'_>, kind: &str) -> Result<Files, Refused> {
    let mut all = Files::new();
    for (key, at) in top.key(kind)?.map(|at| at.entries()).transpose()?.unwrap_or_default() {
        all.insert(key.to_owned(), source(&at)?);
    }
    Ok(all)
}

fn source(at: &At<'_>) -> Result<Source, Refused> {
    at.closed(&[&[
        "name",
        "file",
        "content",
        "environment",
        "external",
        "labels",
        "driver",
        "driver_opts",
        "template_driver",
    ]])?;
    if let Some(at) = at.key("external")?.filter(|at| !at.flag().is_ok_and(|yes| !yes)) {
        return Err(at.refuse(SWARM, "name a file"));
    }
    for key in ["driver", "driver_opts", "template_driver"] {
        if let Some(at) = at.key(key)? {
            return Err(at.refuse(SWARM, "name a file"));
        }
    }
    // Compose gets no environment of anybody's: it would be empty, or worse, not.
    if let Some(at) = at.key("environment")? {
        return Err(at.refuse("compose gets no variables of the host", "name a file, or write the content"));
    }
    match (at.key("file")?, at.key("content")?) {
        (Some(at), None) => reader::absolute(&at, at.text()?).map(Source::File),
        (None, Some(at)) => at.text().map(|_| Source::Content),
        _ => Err(at.refuse("it has neither a file nor a content, or both", "name a file")),
    }
}
