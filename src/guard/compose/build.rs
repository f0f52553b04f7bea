//! How the image of a service is made. Compose never builds: our own builder does, and what it does not do is named here,
//! so that a project whose images are there already comes up all the same.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Refused;
use super::reader::At;

/// The making of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// A folder of this host. Empty where it is none; [`unserved`](Self::unserved) says so.
    pub context: PathBuf,
    /// In the context, or a path of the host.
    pub dockerfile: Option<String>,
    /// Values of ARGs.
    pub args: BTreeMap<String, String>,
    /// The stage; the last without one.
    pub target: Option<String>,
    /// `linux/arm64`
    pub platform: Option<String>,
    /// Every step anew.
    pub no_cache: bool,
    /// Further names of the image.
    pub tags: Vec<String>,
    /// Why it cannot be built here, if it cannot.
    pub unserved: Option<Refused>,
}

/// What our builder does not do, or not for others.
const UNSERVED: &[(&str, &str)] = &[
    ("additional_contexts", "other folders and images would be brought in"),
    ("dockerfile_inline", "a Dockerfile must be a file: it is read before it is built"),
    ("entitlements", "the build would reach the host"),
    ("extra_hosts", "names are the network's to resolve"),
    ("isolation", "it is chosen by the host alone"),
    ("labels", "labels of images are given in the Dockerfile"),
    ("privileged", "the build would reach the host"),
    ("secrets", "secrets are not given to builds"),
    ("shm_size", "builds have the usual size"),
    ("ssh", "keys are not given to builds"),
    ("ulimits", "builds have the usual limits"),
];

/// What changes how fast an image is made and what is said of it, not what is in it: our builder goes without.
const HARMLESS: &[&str] = &["cache_from", "cache_to", "no_cache_filter", "provenance", "pull", "sbom"];

const CARRIED: &[&str] =
    &["args", "context", "dockerfile", "network", "no_cache", "platforms", "tags", "target"];

pub(super) fn read(at: &At<'_>) -> Result<Build, Refused> {
    let unserved: Vec<&str> = UNSERVED.iter().map(|(key, _)| *key).collect();
    at.closed(&[&unserved, HARMLESS, CARRIED])?;
    let text = |key: &str| at.key(key)?.map(|at| at.text().map(str::to_owned)).transpose();
    let words = |key: &str| Ok(at.key(key)?.map(|at| at.words()).transpose()?.unwrap_or_default());
    let mut build = Build {
        dockerfile: text("dockerfile")?,
        target: text("target")?,
        no_cache: at.key("no_cache")?.map(|at| at.flag()).transpose()?.unwrap_or(false),
        tags: words("tags")?,
        ..Build::default()
    };
    for (name, at) in at.key("args")?.map(|at| at.entries()).transpose()?.unwrap_or_default() {
        // Without a value it would be one of the server's variables.
        if !at.is_null() {
            build.args.insert(name.to_owned(), at.scalar()?);
        }
    }
    const HINT: &str = "build the image elsewhere, or leave it out";
    let mut why = Vec::new();
    for (key, reason) in UNSERVED {
        let at = at.key(key)?.filter(|at| !at.flag().is_ok_and(|yes| !yes));
        why.extend(at.map(|at| at.refuse(*reason, HINT)));
    }
    if let Some(at) = at.key("network")?
        && !matches!(at.text()?, "" | "default" | "none")
    {
        why.push(at.refuse("builds have no network, or the usual one", HINT));
    }
    let mut platforms = words("platforms")?;
    build.platform = platforms.pop();
    if !platforms.is_empty() {
        why.push(at.refuse("images of several platforms are not built here", "name one platform"));
    }
    match text("context")? {
        Some(path) if path.starts_with('/') => build.context = path.into(),
        _ => why.push(
            at.refuse("its context is no folder of this host, and nothing is fetched", "name a folder"),
        ),
    }
    build.unserved = why.into_iter().next();
    Ok(build)
}
