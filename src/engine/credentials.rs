//! Credentials for one registry, from the docker CLI's configuration and its helpers. They go to that registry alone.
//!
//! A helper is a program of the host; it is asked under supervision and has two seconds. One that fails leaves the
//! request without credentials, and that is said: many images need none.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE};
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::discover::{self, Env};
use super::raw;
use crate::child::{self, Spec, Stdin};

/// A helper that takes longer waits for a person.
const PATIENCE: Duration = Duration::from_secs(2);
/// No helper has more to say.
const LONGEST: u64 = 64 << 10;
/// What Docker Hub is called in the configuration.
const HUB: &str = "https://index.docker.io/v1/";
/// What helpers say where they know nothing.
const NONE_THERE: &str = "credentials not found";
/// A user name that means that the secret is a token.
const TOKEN: &str = "<token>";
/// The CLI writes it with padding; people write it without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who we are for a registry. Never shown.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    secret: String,
    server: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("none", &self.secret.is_empty()).finish_non_exhaustive()
    }
}

/// What was found for a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// To be sent.
    pub credentials: Option<Credentials>,
    /// Why there are none, where there should be some.
    pub trouble: Option<String>,
}

/// As the docker CLI keeps it, as far as it matters here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    #[serde(deserialize_with = "raw::nullable")]
    auths: Map<String, Value>,
    #[serde(rename = "credHelpers", deserialize_with = "raw::nullable")]
    helpers: Map<String, Value>,
    #[serde(rename = "credsStore", deserialize_with = "raw::nullable")]
    store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    #[serde(deserialize_with = "raw::nullable")]
    auth: String,
    #[serde(deserialize_with = "raw::nullable")]
    username: String,
    #[serde(deserialize_with = "raw::nullable")]
    password: String,
    #[serde(rename = "identitytoken", deserialize_with = "raw::nullable")]
    token: String,
}

#[derive(Deserialize)]
struct Said {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

impl Credentials {
    /// As the engine wants it: JSON in base64 for URLs. In the other alphabet it drops what it cannot read, silently.
    #[must_use]
    pub fn header(&self) -> Option<HeaderValue> {
        let json = match self.user.as_str() {
            TOKEN => json!({ "identitytoken": self.secret, "serveraddress": self.server }),
            user => json!({ "username": user, "password": self.secret, "serveraddress": self.server }),
        };
        HeaderValue::from_str(&URL_SAFE.encode(json.to_string())).ok()
    }

    /// Nobody in particular: to push, the engine wants the header in any case.
    #[must_use]
    pub fn nobody() -> HeaderValue {
        HeaderValue::from_static("e30=")
    }
}

/// What the docker CLI would say to `registry` (`docker.io`, `registry.example:5000`).
pub async fn find(env: &Env, registry: &str) -> Found {
    let Some(path) = env.config_dir().map(|dir| dir.join("config.json")) else { return Found::default() };
    let config: Config = match discover::read_small(&path) {
        Err(_) => return Found::default(),
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(config) => config,
            Err(_) => return trouble("docker's configuration file cannot be read"),
        },
    };
    let server = if registry == "docker.io" { HUB } else { registry };
    let helper = match config.helpers.iter().find(|(key, _)| is_for(key, registry)) {
        Some((_, helper)) => helper.as_str().unwrap_or_default(),
        None => &config.store,
    };
    if helper.is_empty() {
        return config.stored(registry, server);
    }
    match ask(helper, server).await {
        Ok(credentials) => Found { credentials, trouble: None },
        Err(why) => trouble(&why),
    }
}

fn trouble(why: &str) -> Found {
    Found { credentials: None, trouble: Some(why.to_owned()) }
}

/// Is a key of the configuration this registry? It may be written as an address, with a path behind it.
fn is_for(key: &str, registry: &str) -> bool {
    let host = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let host = host.split('/').next().unwrap_or_default();
    !host.is_empty() && crate::policy::reference::same_registry(host) == registry
}

impl Config {
    fn stored(&self, registry: &str, server: &str) -> Found {
        let Some((_, entry)) = self.auths.iter().find(|(key, _)| is_for(key, registry)) else {
            return Found::default();
        };
        let server = server.to_owned();
        let Ok(auth) = Auth::deserialize(entry) else { return trouble("an entry of `auths` cannot be read") };
        if !auth.token.is_empty() {
            let credentials = Credentials { user: TOKEN.to_owned(), secret: auth.token, server };
            return Found { credentials: Some(credentials), trouble: None };
        }
        let (user, secret) = if auth.auth.is_empty() {
            (auth.username, auth.password)
        } else {
            let text = BASE64.decode(auth.auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = text.as_deref().and_then(|text| text.trim_end_matches('\0').split_once(':'));
            let Some((user, secret)) = pair else { return trouble("an entry of `auths` cannot be read") };
            (user.to_owned(), secret.to_owned())
        };
        // An entry without anything only says that a helper knew it once.
        let there = !user.is_empty() && !secret.is_empty();
        Found { credentials: there.then_some(Credentials { user, secret, server }), trouble: None }
    }
}

/// Asks a helper. Its words are never repeated: they may hold what it keeps.
async fn ask(helper: &str, server: &str) -> Result<Option<Credentials>, String> {
    let plain = helper.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if !plain || helper.is_empty() || helper.len() > 64 {
        return Err("the name of a credential helper is none".to_owned());
    }
    ask_program(&format!("docker-credential-{helper}"), server).await
}

async fn ask_program(program: &str, server: &str) -> Result<Option<Credentials>, String> {
    let told = |what: &str| format!("`{program}` {what}");
    let mut spec = Spec::new(program).args(["get"]).stdin(Stdin::Piped);
    // Where the stores of helpers are found.
    for name in ["GNUPGHOME", "GPG_TTY", "PASSWORD_STORE_DIR", "DBUS_SESSION_BUS_ADDRESS", "AWS_PROFILE"] {
        spec = spec.inherit(name);
    }
    let asked = timeout(PATIENCE, async {
        let mut child = child::spawn(spec).await.map_err(|why| why.to_string())?;
        let pipes = child.pipes().ok_or_else(|| told("has no pipes"))?;
        if let Some(mut stdin) = pipes.stdin {
            // One that does not read is judged by what it says.
            let _deaf = stdin.write_all(server.as_bytes()).await;
        }
        let mut said = Vec::new();
        let mut answer = pipes.stdout.take(LONGEST);
        answer.read_to_end(&mut said).await.map_err(|_| told("broke off"))?;
        let good = child.end().wait().await.success();
        Ok::<_, String>((good, said))
    })
    .await;
    let (good, said) = asked.map_err(|_| told("did not answer within 2 s"))??;
    if !good {
        let none = String::from_utf8_lossy(&said).contains(NONE_THERE);
        return if none { Ok(None) } else { Err(told("failed")) };
    }
    let Ok(Said { user, secret }) = serde_json::from_slice(&said) else {
        return Err(told("said what no helper says"));
    };
    Ok(Some(Credentials { user, secret, server: server.to_owned() }))
}

#[cfg(test)]
mod tests;
