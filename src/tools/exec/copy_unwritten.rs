//! A copy that the engine refused, before or while it unpacked the files.

use crate::engine::EngineError;
use crate::engine::archive::{Kind as What, Stat, Unwritten};
use crate::output::bytes;
use crate::tool::error::Effect as Came;
use crate::tool::{Kind, ToolError};

use super::copy_plan::{Plan, Planned};

/// So many files are told one by one.
const TOLD: usize = 10;

/// The engine says 500 to what the container does not allow. What has the name of a file goes before the file comes, and
/// of several it has written those before that one.
pub(super) fn unwritten(e: Unwritten, container: &str, plan: &Plan) -> ToolError {
    let Unwritten { error, there, begun } = e;
    let (error, hint) = match error {
        EngineError::Status { code: 404, message } if message.contains("find the file") => {
            return ToolError::new(Kind::NotFound, format!("the folder is gone: {message}"))
                .hint("parents = true makes the folders that are missing");
        }
        EngineError::Status { code: 400 | 403 | 409 | 500.., message } => {
            let error = ToolError::new(Kind::Conflict, format!("the container does not take it: {message}"));
            (error, hint(&message))
        }
        e => return ToolError::of_object(e, "container", container),
    };
    if !begun {
        return error.hint(hint);
    }
    let seen = match there {
        Some(there) => seen(plan, &there),
        None => "what is there now could not be seen".to_owned(),
    };
    ToolError { effect: Came::Unknown, message: format!("{}; {seen}", error.message), ..error }.hint(hint)
}

fn hint(message: &str) -> &'static str {
    let has = |words: &str| message.contains(words);
    match () {
        () if has("rootfs is marked read-only") => {
            "its root is read-only: the folder of a volume takes files (docker_inspect with section = mounts shows them)"
        }
        () if has("volume is marked read-only") => "that volume is mounted read-only: choose another folder",
        () if has("read-only file system") => {
            "a volume in that folder is mounted read-only: choose another folder (docker_inspect shows the mounts)"
        }
        () if has("no space left") => {
            "the disk is full, and the file there may be cut: make room, then copy it again"
        }
        () => "docker_copy_from shows what is there; of several files some may have been written",
    }
}

/// What is there now, beside what was there before.
fn seen(plan: &Plan, there: &[Option<Stat>]) -> String {
    let mut told: Vec<String> = plan
        .files
        .iter()
        .zip(there)
        .take(TOLD)
        .map(|(file, now)| format!("`{}` {}", file.path, one(file, now.as_ref())))
        .collect();
    if plan.files.len() > TOLD {
        told.push(format!("{} more", plan.files.len() - TOLD));
    }
    format!("looked at again: {}", told.join(", "))
}

fn one(file: &Planned, now: Option<&Stat>) -> String {
    match (now, &file.replaces) {
        (None, None) => "is not there".to_owned(),
        (None, Some(_)) => "is gone".to_owned(),
        (Some(now), Some(before)) if now == before => "is as it was".to_owned(),
        (Some(now), _) if now.kind == What::File && now.size == file.size as u64 => {
            "has as many bytes as were sent".to_owned()
        }
        (Some(now), _) => format!("holds {} of {}", bytes(now.size), bytes(file.size as u64)),
    }
}
