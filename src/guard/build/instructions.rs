//! Instructions one by one: stages, images, what is not allowed.

use std::collections::BTreeMap;

use crate::policy::reference::ImageRef;

use super::lines::{Statement, statement};
use super::variables::Variables;
use super::{Named, Refused, sources};

/// What is known at a line.
#[derive(Default)]
struct Walk {
    /// Of `ARG` before the first `FROM`.
    variables: Variables,
    /// Names of stages, in order; empty where one has none.
    stages: Vec<String>,
    images: Vec<Named>,
}

/// Every image that the statements name.
pub(super) fn walk(
    statements: &[Statement],
    build_args: &BTreeMap<String, String>,
) -> Result<Vec<Named>, Refused> {
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
    Ok(walk.images)
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
        let earlier = self.stages.iter().any(|name| !name.is_empty() && name.eq_ignore_ascii_case(&known));
        if !earlier && known != "scratch" {
            self.image(&known, s.line)?;
        }
        self.stages.push(stage_name(s));
        Ok(())
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
        let here = self.stages.len().saturating_sub(1);
        if !from.is_empty() && from.bytes().all(|b| b.is_ascii_digit()) {
            return match from.parse::<usize>() {
                Ok(index) if index < here => Ok(()),
                _ => Err(Refused::unclear(line, "`COPY --from` of a stage that is not above")),
            };
        }
        let earlier = self.stages.iter().take(here);
        if earlier.into_iter().any(|name| !name.is_empty() && name.eq_ignore_ascii_case(from)) {
            return Ok(());
        }
        if names.iter().any(|name| !name.is_empty() && name.eq_ignore_ascii_case(from)) {
            return Err(Refused::unclear(line, "`COPY --from` of a stage that is not above"));
        }
        self.image(from, line)
    }

    fn image(&mut self, name: &str, line: usize) -> Result<(), Refused> {
        let image = ImageRef::parse(name)
            .map_err(|_| Refused::unclear(line, "something that is no name of an image"))?;
        // The classic builder takes ids, and any beginning of one.
        let hex = name.bytes().all(|b| b.is_ascii_hexdigit());
        let last = image.repository().rsplit('/').next().unwrap_or_default();
        let long = last.len() >= 12 && last.bytes().all(|b| b.is_ascii_hexdigit());
        if hex || long || name.starts_with("sha256:") {
            return Err(Refused::unsafe_(line, "an image by its id: the filters are about names"));
        }
        self.images.push(Named { line, image });
        Ok(())
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
