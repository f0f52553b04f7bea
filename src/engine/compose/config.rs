//! What compose itself makes of files: its canonical model.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::child;
use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::docker_cli::NOWHERE;
use crate::engine::error::{Clock, EngineError};

use super::cli::{self, Compose, NoCompose, NoOutput, Output, is_project, is_service};
use super::mirror::{Gathered, private};
use super::said::{cut, said};
use super::{NotRead, Refused};

/// A model is not larger.
const MOST: usize = 8 << 20;

/// What it printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Printed {
    /// The model, with the mirror's prefix before its paths, and each `$` in a value doubled, as compose reads it again.
    pub json: Value,
    /// Variables that the files use, and that nobody set: blank.
    pub unset: Vec<String>,
}

impl From<NoCompose> for NotRead {
    fn from(none: NoCompose) -> Self {
        match none {
            NoCompose::Missing(why) => Self::NoCompose(why),
            NoCompose::Child(e) => Self::Child(e),
        }
    }
}

fn failed(budget: &Budget, why: NoOutput) -> NotRead {
    match why {
        NoOutput::Child(e) => NotRead::Child(e),
        NoOutput::Late => EngineError::Timeout { clock: Clock::Total, limit: budget.total }.into(),
        NoOutput::TooMuch => Refused::unfit(
            "the compose model is larger than 8 MiB",
            "name fewer services, or split the project",
        )
        .into(),
    }
}

impl Engine {
    /// The model of files, for these services and what they need; all that are enabled where none is named. Asks no engine.
    ///
    /// # Errors
    /// The files make no sense, or there is no compose.
    pub async fn compose_config(
        &self,
        budget: &Budget,
        gathered: &Gathered,
        name: Option<&str>,
        services: &[String],
    ) -> Result<Printed, NotRead> {
        let name = name.or(gathered.project_name.as_deref());
        named(name, services)?;
        let compose = cli::there(budget).await?;
        let mut spec = compose
            .closed(&gathered.root)
            .env("DOCKER_HOST", NOWHERE)
            // What it would take from its folder, which is the mirror's.
            .env("PWD", &gathered.project_dir)
            // Names of env files within included files are relative to it, in the versions that are known.
            .cwd(gathered.mirrored(&gathered.project_dir));
        for (name, value) in &gathered.passed {
            spec = spec.env(name, value);
        }
        spec = spec.args([option("--project-directory", gathered.mirrored(&gathered.project_dir))]);
        spec = spec.args(gathered.files.iter().map(|file| option("--file", gathered.mirrored(file))));
        spec = spec.args(gathered.env_files.iter().map(|file| option("--env-file", file)));
        spec = spec.args(gathered.profiles.iter().map(|profile| format!("--profile={profile}")));
        spec = spec.args(name.map(|name| format!("--project-name={name}")));
        spec = spec.args(["config", "--format=json", "--"]).args(services);
        let output =
            cli::output(spec, None, budget.deadline, MOST).await.map_err(|why| failed(budget, why))?;
        let Output { status, stdout, stderr } = output;
        let said = said(&String::from_utf8_lossy(&stderr));
        if !status.success() {
            let words = self.scrub(&gathered.retold(&said.words));
            let silent = || format!("compose ended without a word ({status})");
            return Err(NotRead::Invalid(if words.is_empty() { silent() } else { words }));
        }
        let printed = String::from_utf8_lossy(&stdout);
        if child::marked(&printed) {
            let why = format!("the compose file uses `{}`, which is docker-mcp's own", child::VARIABLE);
            return Err(Refused::unfit(why, "leave it out").into());
        }
        let json: Value = serde_json::from_str(&printed)
            .map_err(|_| NotRead::Invalid("compose printed something else than a model".into()))?;
        let json = keys(json);
        answers(&json, name, services)?;
        ours(gathered, &json, &mut Vec::new())?;
        Ok(Printed { json, unset: said.unset })
    }

    /// What compose would compare with the labels `com.docker.compose.config-hash` of the services' containers: for a model
    /// that `up` would be given. Asks no engine.
    ///
    /// # Errors
    /// The model makes no sense to it, or there is no compose.
    pub async fn compose_hashes(
        &self,
        budget: &Budget,
        model: &Value,
        project_dir: &Path,
        name: &str,
    ) -> Result<BTreeMap<String, String>, NotRead> {
        named(Some(name), &[])?;
        let compose = cli::there(budget).await?;
        let folder = private().map_err(|e| NotRead::Host(e.to_string()))?;
        let spec = on_stdin(&compose, folder.path(), project_dir, name)
            .env("DOCKER_HOST", NOWHERE)
            .args(["config", "--hash=*"]);
        let text = text(model, cli::of_ours);
        let output =
            cli::output(spec, Some(text), budget.deadline, MOST).await.map_err(|why| failed(budget, why))?;
        if !output.status.success() {
            let words = said(&String::from_utf8_lossy(&output.stderr)).words;
            return Err(NotRead::Invalid(self.scrub(&cut(&words))));
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        let pairs = printed.lines().filter_map(|line| line.trim().rsplit_once(' '));
        let hash = |hash: &str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        Ok(pairs.filter(|(_, it)| hash(it)).map(|(name, it)| (name.to_owned(), it.to_owned())).collect())
    }
}

/// Is it of the project and the services that were asked for?
fn answers(json: &Value, name: Option<&str>, services: &[String]) -> Result<(), NotRead> {
    let has = |service: &String| json.get("services").and_then(|all| all.get(service)).is_some();
    let same = name.is_none_or(|name| json.get("name").and_then(Value::as_str) == Some(name));
    match same && services.iter().all(has) {
        true => Ok(()),
        false => Err(NotRead::Invalid("compose printed the model of something else".into())),
    }
}

fn option(name: &str, value: impl AsRef<std::ffi::OsStr>) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(format!("{name}="));
    option.push(value);
    option
}

fn named(name: Option<&str>, services: &[String]) -> Result<(), Refused> {
    if let Some(name) = name.filter(|name| !is_project(name)) {
        let hint = "lower-case letters, digits, `-` and `_`, beginning with a letter or a digit";
        return Err(Refused::unfit(format!("`{name}` is no name of a compose project"), hint));
    }
    match services.iter().find(|service| !is_service(service)) {
        Some(service) => {
            let hint = "letters, digits, `.`, `-` and `_`, beginning with a letter or a digit";
            Err(Refused::unfit(format!("`{service}` is no name of a service"), hint))
        }
        None => Ok(()),
    }
}

/// For a model that it reads from its stdin.
pub(super) fn on_stdin(compose: &Compose, folder: &Path, project_dir: &Path, name: &str) -> child::Spec {
    compose
        .closed(folder)
        .cwd(folder)
        .env("PWD", project_dir)
        .args([option("--project-directory", project_dir)])
        .args([format!("--project-name={name}")])
        // It holds what was chosen: all of it is meant.
        .args(["--profile=*", "--file=-"])
}

/// The model as it is passed on, without what would take a variable of ours into a container.
pub(super) fn text(model: &Value, ours: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut model = model.clone();
    let services = model.get_mut("services").and_then(Value::as_object_mut);
    for (_, service) in services.into_iter().flatten() {
        for place in ["/environment", "/build/args"] {
            if let Some(variables) = service.pointer_mut(place).and_then(Value::as_object_mut) {
                variables.retain(|name, value| !(value.is_null() && ours(name)));
            }
        }
    }
    model.to_string().into_bytes()
}

/// It doubles every `$`, also in keys, which it never interpolates: there it reads it as two.
fn keys(json: Value) -> Value {
    match json {
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key.replace("$$", "$"), keys(value))).collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(keys).collect()),
        other => other,
    }
}

/// Does it tell of our private folder, but as the mirror's prefix?
fn ours<'a>(gathered: &Gathered, json: &'a Value, place: &mut Vec<&'a str>) -> Result<(), Refused> {
    match json {
        Value::String(text) => {
            let root = gathered.root.to_string_lossy();
            let home = gathered.home();
            let place = || place.join(".");
            if text.contains(&*home.to_string_lossy()) {
                return Err(Refused::unfit(
                    format!("{}: `~` and ${{HOME}} are not known here", place()),
                    "write the path out; or a person can add HOME to `pass_env` under [compose]",
                ));
            }
            let other = text.match_indices(&*root).any(|(at, _)| {
                let rest = text.get(at + root.len()..).unwrap_or_default();
                !(rest == "/m" || rest.starts_with("/m/"))
            });
            match other {
                true => Err(Refused::unfit(
                    format!("{}: it uses a variable of docker-mcp's own", place()),
                    "leave it out",
                )),
                false => Ok(()),
            }
        }
        Value::Array(all) => all.iter().try_for_each(|value| ours(gathered, value, place)),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            place.push(key);
            let result = ours(gathered, value, place);
            place.pop();
            result
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_have_one_dollar_and_values_two() {
        let printed = json!({ "labels": { "a.$$b": "c$$d" }, "x": [{ "$$$$": 1 }] });
        assert_eq!(keys(printed), json!({ "labels": { "a.$b": "c$$d" }, "x": [{ "$$": 1 }] }));
    }

    #[test]
    fn variables_of_ours_go_into_no_container() {
        let model = json!({ "services": { "web": {
            "environment": { "SSH_AUTH_SOCK": null, "OTHER": null, "PATH": "/bin" }, "build": { "args": { "HOME": null } },
        }, "none": {} } });
        let passed: Value = serde_json::from_slice(&text(&model, cli::of_ours)).unwrap();
        let web = json!({ "environment": { "OTHER": null, "PATH": "/bin" }, "build": { "args": {} } });
        assert_eq!(passed, json!({ "services": { "web": web, "none": {} } }));
    }
}
