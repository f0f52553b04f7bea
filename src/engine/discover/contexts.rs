//! The context store of the docker CLI: `contexts/meta/<sha256 of the name>/meta.json` and the TLS files beside it.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::super::endpoint::{Endpoint, TlsFiles};
use super::env::{certificate_in, read_small};
use super::{DiscoverError, Discovered, Env, fail, sockets};

const MAX_LISTED: usize = 64;

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default, rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default, rename = "Name")]
    name: String,
    #[serde(default, rename = "Endpoints")]
    endpoints: Endpoints,
}

#[derive(Deserialize, Default)]
struct Endpoints {
    docker: Option<Docker>,
}

#[derive(Deserialize)]
struct Docker {
    #[serde(default, rename = "Host")]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

/// `currentContext` of the CLI's configuration, and which file says so.
pub(super) fn current(env: &Env) -> Result<Option<(String, String)>, DiscoverError> {
    let Some(dir) = env.config_dir() else { return Ok(None) };
    let path = dir.join("config.json");
    let Some(config) = read_json::<ConfigFile>(&path)? else { return Ok(None) };
    let name = config.current_context.filter(|name| !name.is_empty());
    Ok(name.map(|name| (name, format!("currentContext of {}", path.display()))))
}

/// The engine a context names.
pub(super) fn open(env: &Env, name: &str, said_by: &str) -> Result<Discovered, DiscoverError> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte));
    if !plain || name.len() > 255 {
        return fail(format!("{said_by}: a context's name holds letters, digits, `_`, `.`, `+`, `-` only"));
    }
    let why = format!("context `{name}` ({said_by})");
    let Some(dir) = env.config_dir().map(|dir| dir.join("contexts")) else {
        return fail(format!("{why}: there is no home folder to find it in"));
    };
    let digest = hex::encode(Sha256::digest(name));
    let Some(meta) = read_json::<Meta>(&dir.join("meta").join(&digest).join("meta.json"))? else {
        return fail(format!("{why}: there is no such context; known: {}", known(&dir)));
    };
    let Some(docker) = meta.endpoints.docker else {
        return fail(format!("{why}: it has no docker endpoint"));
    };
    if docker.host.is_empty() {
        return Ok(Discovered { why, ..sockets::usual(env) });
    }
    let tls = tls_of(&dir.join("tls").join(digest).join("docker"), docker.skip_tls_verify);
    match Endpoint::parse_with(&docker.host, tls.as_ref()) {
        Ok(endpoint) => Ok(Discovered { endpoint, why }),
        Err(error) => fail(format!("{why}: {error}")),
    }
}

/// As in the CLI: any file there, or the wish not to verify, makes the connection one over TLS.
fn tls_of(dir: &Path, skip_verify: bool) -> Option<TlsFiles> {
    let ca = Some(dir.join("ca.pem")).filter(|path| path.exists());
    let files = TlsFiles { ca, verify: !skip_verify, ..certificate_in(dir) };
    let any = files.ca.is_some() || files.cert.is_some() || files.key.is_some();
    (any || skip_verify).then_some(files)
}

/// The names in the store, for a person who mistyped one.
fn known(dir: &Path) -> String {
    let metas = fs::read_dir(dir.join("meta")).into_iter().flatten().flatten().take(MAX_LISTED);
    let mut names: Vec<String> = metas
        .filter_map(|entry| read_json::<Meta>(&entry.path().join("meta.json")).ok()?)
        .map(|meta| meta.name.chars().filter(|c| !c.is_control()).take(255).collect())
        .collect();
    names.push("default".to_owned());
    names.sort();
    names.join(", ")
}

/// A JSON file; `None` if it is not there. An error names the file and the place, never what stands in it.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DiscoverError> {
    let bytes = match read_small(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return fail(format!("{}: {error}", path.display())),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        DiscoverError(format!("{}:{line}:{column}: not the JSON the docker CLI writes", path.display()))
    })
}
