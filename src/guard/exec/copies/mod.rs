//! May these files be read from, or written to, this container?
//!
//! The engine reads and writes as root, whatever the settings say of commands. So what a command could not do under them,
//! a copy does not do either: what only root may read is not shown, where only root may write nothing is written, and files
//! are made somebody else's. As for commands, paths are judged by where they lead at that moment, which the container can
//! change.

mod write;

use crate::config::settings::{ExecMode, ExecSafety};

use super::super::refusal::Refusal;
use super::{Asked, Place, allow, deny, paths, shown};

pub use write::{Owned, Owner, is_writable, may_write, only_root_replaces, only_root_writes, owner, written};

/// The kernel's own, in every container: mounted over what the engine reads and writes.
const KERNELS: &[&str] = &["/proc", "/sys", "/dev"];
/// What no call can know before it looks.
pub(super) const LATER: &str =
    "where the path leads (links), who may read it and what is there is judged when it runs";

/// An absolute path that can be asked for.
///
/// # Errors
/// What is none.
pub fn path(path: &str) -> Result<(), Refusal> {
    let (why, hint) = match () {
        () if path.contains('\0') => ("holds a NUL character", "leave it out"),
        () if path.len() > 4096 => ("is longer than 4096 bytes", "no path in a container is longer"),
        () if path.split('/').count() > 64 => ("is deeper than 64 folders", "ask for a folder on the way"),
        () if !path.starts_with('/') => {
            ("is not absolute", "an absolute path in the container, such as /srv/app")
        }
        () if path.split('/').any(|part| part == "..") => {
            ("leads back up", "an absolute path in the container, without `..`")
        }
        () => return Ok(()),
    };
    Err(Refusal::malformed(format!("`{}` is no path that can be asked for: it {why}", shown(path)), hint))
}

/// The name of a file below a folder.
///
/// # Errors
/// What is none, or leads out of it.
pub fn name(name: &str) -> Result<(), Refusal> {
    let (why, hint) = match () {
        () if name.chars().any(char::is_control) => ("holds control characters", "leave them out"),
        () if name.len() > 1024 => ("is longer than 1024 bytes", "a shorter name; `path` takes the rest"),
        () if name.split('/').count() > 16 => ("is deeper than 16 folders", "`path` takes the rest"),
        () if name.starts_with('/') => {
            ("is absolute", "a relative name such as `app.conf` or `conf.d/app.conf`")
        }
        () if name.split('/').any(|part| part.len() > 255) => {
            ("has a part longer than 255 bytes", "no file has a longer name")
        }
        () if name.split('/').any(|part| matches!(part, "" | "." | "..")) => (
            "has a part that names no file",
            "a relative name such as `conf.d/app.conf`, without `.` and `..`",
        ),
        () => return Ok(()),
    };
    Err(Refusal::malformed(format!("`{}` is no name of a file below `path`: it {why}", shown(name)), hint))
}

/// May this be read? Says why.
///
/// # Errors
/// What is not let through, and by which rule.
pub fn read(at: &str, place: &Place, safety: &ExecSafety, bypass: bool) -> Result<Vec<String>, Refusal> {
    path(at)?;
    let reached = || reached(at, place, "docker_exec with `cat` reads it there");
    if bypass {
        reached()?;
        return Ok(vec!["--bypass-permissions: files are not judged".to_owned()]);
    }
    powerless(place, safety, "reading its files")?;
    let argv = ["cat".to_owned(), at.to_owned()];
    let mut because = listed(at, &argv, safety)?;
    if safety.mode == ExecMode::Allowlist {
        let by = allow::judge(asked(&argv), place, safety).map_err(|_| {
            Refusal::ruled(
                format!("reading `{at}`"),
                "[exec_safety] mode = \"allowlist\", and no entry of allowed_commands matches `cat` of that file"
                    .to_owned(),
                "ask for one file that may be read so; a person can add an entry for it",
            )
        })?;
        if let Some(user) = by.user {
            return Err(Refusal::ruled(
                format!("reading `{at}` as root"),
                format!("the entry of allowed_commands names the user `{user}`"),
                "use docker_exec with `cat`",
            ));
        }
        because.push(by.because);
    }
    reached()?;
    if !safety.allow_root {
        because.push("allow_root = false: what only root may read is left out".to_owned());
    }
    because.push(LATER.to_owned());
    Ok(because)
}

/// May only files be read, each by its name? `cat` of a folder shows nothing.
#[must_use]
pub fn is_by_name(safety: &ExecSafety, bypass: bool) -> bool {
    !bypass && safety.mode == ExecMode::Allowlist
}

/// The refusal of a folder where only files may be read.
#[must_use]
pub fn a_folder(at: &str) -> Refusal {
    Refusal::ruled(
        format!("reading the folder `{at}`"),
        "[exec_safety] mode = \"allowlist\": an entry of allowed_commands lets `cat` of a file through"
            .to_owned(),
        "ask for one file that may be read so; a person can read the folder at the host (docker cp)",
    )
}

/// May this be shown, which is below a folder that may be read?
#[must_use]
pub fn is_denied(at: &str, safety: &ExecSafety, bypass: bool) -> bool {
    !bypass && safety.mode != ExecMode::None && paths::beneath(at, safety).is_some()
}

/// Could a user other than root read it?
#[must_use]
pub const fn is_open(mode: u32, (uid, gid): (u64, u64)) -> bool {
    mode & 0o004 != 0 || (mode & 0o040 != 0 && gid != 0) || (mode & 0o400 != 0 && uid != 0)
}

/// Could a user other than root enter this folder?
#[must_use]
pub const fn is_entered(mode: u32, owner: (u64, u64)) -> bool {
    is_open(mode << 2, owner)
}

/// The refusal of what only root could enter.
#[must_use]
pub fn only_root(folder: &str, what: &str) -> Refusal {
    Refusal::ruled(
        format!("{what} in `{folder}`, which only root may enter,"),
        "[exec_safety] allow_root = false".to_owned(),
        "choose another path; a person can do it at the host (docker cp), or set allow_root = true",
    )
}

/// A mount in memory is not what the engine sees: it reads and writes what lies beneath.
fn reached(at: &str, place: &Place, hint: &'static str) -> Result<(), Refusal> {
    let memory = place.memory.iter().map(|folder| (folder.as_str(), true));
    let mounts = place.mounts.iter().map(|folder| (folder.as_str(), false));
    let above = memory.chain(mounts).filter(|(folder, _)| paths::below(at, folder));
    // The innermost holds the path.
    match above.max_by_key(|(folder, in_memory)| (folder.len(), !in_memory)) {
        Some((folder, true)) => Err(Refusal::Unable {
            what: match KERNELS.contains(&folder) {
                true => format!("`{folder}` is the kernel's own: the engine copies beneath it"),
                false => format!("`{folder}` is a tmpfs: the engine copies beneath it"),
            },
            hint,
        }),
        _ => Ok(()),
    }
}

/// A mount in memory below that folder, beside those that every container has.
#[must_use]
pub fn memory_in<'a>(folder: &str, place: &'a Place) -> Option<&'a str> {
    let usual = |path: &str| KERNELS.iter().any(|kernels| paths::below(path, kernels));
    place.memory.iter().map(String::as_str).find(|path| !usual(path) && paths::below(path, folder))
}

fn powerless(place: &Place, safety: &ExecSafety, what: &str) -> Result<(), Refusal> {
    match safety.allow_privileged_targets || place.powers.is_empty() {
        true => Ok(()),
        false => Err(Refusal::ruled(
            format!(
                "container `{}` is as good as the host ({}), so {what}",
                place.name,
                place.powers.join(", ")
            ),
            "[exec_safety] allow_privileged_targets = false".to_owned(),
            "use another container; a person can do it at the host or change that setting",
        )),
    }
}

/// The lists that catch accidents, as if a command did it.
fn listed(at: &str, argv: &[String], safety: &ExecSafety) -> Result<Vec<String>, Refusal> {
    if safety.mode == ExecMode::None {
        return Ok(vec!["[exec_safety] mode = \"none\": paths are not judged".to_owned()]);
    }
    if let Some(by) = paths::beneath(at, safety) {
        return Err(Refusal::ruled(
            format!("the path `{at}`"),
            format!("`{}` in denied_paths under [exec_safety] ({})", by.text, by.source),
            "use another path; a person can do it at the host",
        ));
    }
    deny::judge(asked(argv), safety)?;
    Ok(vec![format!(
        "nothing on the lists of [exec_safety] matches `{at}` (they catch accidents, and are no boundary)"
    )])
}

const fn asked(argv: &[String]) -> Asked<'_> {
    Asked { argv, shell: false, user: None, workdir: None, env: &[], stdin: None }
}
