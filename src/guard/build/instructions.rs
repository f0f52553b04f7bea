//! Instructions one by one: stages, images, what is not allowed.

use std::collections::BTreeMap;

use crate::policy::reference::ImageRef;

use super::lines::{Statement, statement};
use super::variables::Variables;
use super::{Named, Origin, Refused, Stage, sources};

/// What is known at a line.
#[derive(Default)]
struct Walk {
    /// Of `ARG` before the first `FROM`.
    variables: Variables,
    stages: Vec<Stage>,
    images: Vec<Named>,
}

/// Every image that the statements name, and the stages.
pub(super) fn walk(
    statements: &[Statement],
    build_args: &BTreeMap<String, String>,
) -> Result<(Vec<Named>, Vec<Stage>), Refused> {
    let mut walk = Walk::default();
    // A name of a stage that comes later is no image, and not yet a stage either.
    let names: Vec<String> = statements.iter().filter(|s| s.keyword == "from").map(stage_name).collect();
    for s in statements {
        match s.keyword.as_str() {
            "from" => walk.from(s)?,
            "arg" if walk.stages.is_empty() => {
                let read = walk.variables.declare(&s.rest, build_args);
                read.ok_or_else(|| Refused::unclear(s.line, "`ARG` that cannot be read for certain"))?;
                no_flags(s)?;
            }
            _ if walk.stages.is_empty() => {
                return Err(Refused::unclear(s.line, "an instruction before the first `FROM`"));
            }
            _ => walk.step(s, &names, false)?,
        }
    }
    if walk.stages.is_empty() {
        return Err(Refused::unclear(1, "there is no `FROM`; is this a Dockerfile?"));
    }
    Ok((walk.images, walk.stages))
}

/// May an image trigger this in a build that begins with it? It is judged as `ONBUILD` in a Dockerfile is.
///
/// # Errors
/// Why not, as a line of its own would be refused.
pub fn trigger(text: &str) -> Result<(), String> {
    // Builders take one instruction; here-documents and directives would make more of it.
    if text.contains(['\n', '\r']) || text.contains("<<") || text.trim_start().starts_with('#') {
        return Err("more than one line".to_owned());
    }
    let whole = Statement { line: 0, keyword: "onbuild".into(), flags: Vec::new(), rest: text.trim().into() };
    Walk::default().step(&whole, &[], false).map_err(|refused| refused.why)
}

/// What comes behind `AS`, in lower case; empty if nothing does.
fn stage_name(s: &Statement) -> String {
    s.rest.split_whitespace().nth(2).unwrap_or_default().to_ascii_lowercase()
}

impl Walk {
    fn from(&mut self, s: &Statement) -> Result<(), Refused> {
        for flag in &s.flags {
            if !flag.starts_with("--platform=") {
                return Err(unknown_flag(s.line));
            }
        }
        let words: Vec<&str> = s.rest.split_whitespace().collect();
        let image = match words.as_slice() {
            [image] => image,
            [image, word, name] if word.eq_ignore_ascii_case("as") && is_stage(name) => image,
            _ => return Err(Refused::unclear(s.line, "`FROM` takes an image, and `AS` with a plain name")),
        };
        let known = self.variables.expand(image).ok_or_else(|| {
            Refused::unsafe_(
                s.line,
                "the image's name has variables whose values are not known here: only `ARG` before the first \
                 `FROM` counts, with a value there or in build_args",
            )
        })?;
        let base = match self.stage(&known) {
            Some(above) => Origin::Stage(above),
            None if known == "scratch" => Origin::Nothing,
            None => self.image(&known, s.line)?,
        };
        let flag = s.flags.last().and_then(|flag| flag.strip_prefix("--platform="));
        let platform = flag.unwrap_or_default().to_owned();
        self.stages.push(Stage { line: s.line, name: stage_name(s), base, platform, copies: Vec::new() });
        Ok(())
    }

    /// The last stage of that name.
    fn stage(&self, name: &str) -> Option<usize> {
        let is = |stage: &Stage| !stage.name.is_empty() && stage.name.eq_ignore_ascii_case(name);
        self.stages.iter().rposition(is)
    }

    /// Anything within a stage.
    fn step(&mut self, s: &Statement, names: &[String], triggered: bool) -> Result<(), Refused> {
        match s.keyword.as_str() {
            "copy" => {
                for flag in &s.flags {
                    match flag.split_once('=') {
                        Some(("--from", from)) => self.copied(from, names, s.line)?,
                        Some(("--chown" | "--chmod" | "--link" | "--parents" | "--exclude", _)) => {}
                        None if matches!(flag.as_str(), "--link" | "--parents") => {}
                        _ => return Err(unknown_flag(s.line)),
                    }
                }
                Ok(())
            }
            "add" => {
                for flag in &s.flags {
                    match flag.split('=').next() {
                        Some("--chown" | "--chmod" | "--link" | "--checksum" | "--exclude" | "--unpack") => {}
                        _ => return Err(unknown_flag(s.line)),
                    }
                }
                sources::add(s)
            }
            "run" => {
                for flag in &s.flags {
                    match flag.split_once('=') {
                        Some(("--mount", value)) => sources::mount(value, s.line)?,
                        Some(("--network", "none" | "default")) | Some(("--security", "sandbox")) => {}
                        Some(("--network" | "--security", _)) => {
                            return Err(Refused::unsafe_(
                                s.line,
                                "`RUN` with the host's network, or without its sandbox",
                            ));
                        }
                        _ => return Err(unknown_flag(s.line)),
                    }
                }
                Ok(())
            }
            "healthcheck" => {
                let known = |flag: &String| {
                    let name = flag.split('=').next();
                    matches!(
                        name,
                        Some(
                            "--interval" | "--timeout" | "--start-period" | "--start-interval" | "--retries"
                        )
                    )
                };
                if s.flags.iter().all(known) { Ok(()) } else { Err(unknown_flag(s.line)) }
            }
            "onbuild" => {
                no_flags(s)?;
                let inner = statement(&s.rest, s.line)?;
                if triggered || matches!(inner.keyword.as_str(), "from" | "onbuild" | "maintainer") {
                    return Err(Refused::unclear(s.line, "`ONBUILD` of something that cannot be triggered"));
                }
                // It runs in another build: the stages of this one are none there.
                if inner.flags.iter().any(|flag| flag.starts_with("--from")) {
                    return Err(Refused::unsafe_(s.line, "`ONBUILD COPY --from`: nobody decides on it then"));
                }
                self.step(&inner, names, true)
            }
            _ => no_flags(s),
        }
    }

    /// What `COPY --from` names: a stage, or an image.
    fn copied(&mut self, from: &str, names: &[String], line: usize) -> Result<(), Refused> {
        let origin = self.origin(from, names, line)?;
        if let Some(stage) = self.stages.last_mut() {
            stage.copies.push((line, origin));
        }
        Ok(())
    }

    fn origin(&mut self, from: &str, names: &[String], line: usize) -> Result<Origin, Refused> {
        let here = self.stages.len().saturating_sub(1);
        if !from.is_empty() && from.bytes().all(|b| b.is_ascii_digit()) {
            return match from.parse::<usize>() {
                Ok(index) if index < here => Ok(Origin::Stage(index)),
                _ => Err(Refused::unclear(line, "`COPY --from` of a stage that is not above")),
            };
        }
        if let Some(above) = self.stage(from).filter(|at| *at < here) {
            return Ok(Origin::Stage(above));
        }
        if names.iter().any(|name| !name.is_empty() && name.eq_ignore_ascii_case(from)) {
            return Err(Refused::unclear(line, "`COPY --from` of a stage that is not above"));
        }
        self.image(from, line)
    }

    fn image(&mut self, name: &str, line: usize) -> Result<Origin, Refused> {
        let image = ImageRef::parse(name)
            .map_err(|_| Refused::unclear(line, "something that is no name of an image"))?;
        // The classic builder takes ids, and any beginning of one.
        let hex = name.bytes().all(|b| b.is_ascii_hexdigit());
        let last = image.repository().rsplit('/').next().unwrap_or_default();
        let long = last.len() >= 12 && last.bytes().all(|b| b.is_ascii_hexdigit());
        if hex || long || name.starts_with("sha256:") {
            return Err(Refused::unsafe_(line, "an image by its id: the filters are about names"));
        }
        self.images.push(Named { line, image: image.clone() });
        Ok(Origin::Image(image))
    }
}

fn no_flags(s: &Statement) -> Result<(), Refused> {
    if s.flags.is_empty() { Ok(()) } else { Err(unknown_flag(s.line)) }
}

fn unknown_flag(line: usize) -> Refused {
    Refused::unsafe_(line, "a flag that is not served here")
}

fn is_stage(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !name.eq_ignore_ascii_case("scratch")
}
