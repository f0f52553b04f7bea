//! May these files be read from, or written to, this container?
//!
//! The engine reads and writes as root, whatever the settings say of commands. So what a command could not do under them,
//! a copy does not do either: what only root may read is not shown, what root trusts is not written, and files are made
//! somebody else's. As for commands, paths are judged by where they lead at that moment, which the container can change.

use crate::config::settings::{ExecMode, ExecSafety};

use super::super::refusal::Refusal;
use super::{Asked, Place, allow, deny, paths, shown, user};

/// What root reads, loads or runs by itself.
const TRUSTED: &[&str] = &[
    "/etc",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/libexec",
    "/usr",
    "/root",
    "/boot",
    "/var/spool/cron",
];

/// Whose the files become: user and group.
pub type Owner = (u32, u32);

/// An absolute path that can be asked for.
///
/// # Errors
/// What is none.
pub fn path(path: &str) -> Result<(), Refusal> {
    let sound = path.starts_with('/')
        && path.len() <= 4096
        && !path.contains('\0')
        && !path.split('/').any(|part| part == "..")
        && path.split('/').count() <= 64;
    match sound {
        true => Ok(()),
        false => Err(Refusal::malformed(
            format!("`{}` is no path that can be asked for", shown(path)),
            "an absolute path in the container, without `..`",
        )),
    }
}

/// The name of a file below a folder.
///
/// # Errors
/// What is none, or leads out of it.
pub fn name(name: &str) -> Result<(), Refusal> {
    let step = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255;
    let sound = name.len() <= 1024
        && !name.chars().any(char::is_control)
        && name.split('/').all(step)
        && name.split('/').count() <= 16;
    match sound {
        true => Ok(()),
        false => Err(Refusal::malformed(
            format!("`{}` is no name of a file below `path`", shown(name)),
            "a relative name such as `app.conf` or `conf.d/app.conf`, without `..`",
        )),
    }
}

/// May this be read? Says why.
///
/// # Errors
/// What is not let through, and by which rule.
pub fn read(at: &str, place: &Place, safety: &ExecSafety, bypass: bool) -> Result<Vec<String>, Refusal> {
    path(at)?;
    if bypass {
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
    if !safety.allow_root {
        because.push("allow_root = false: what only root may read is left out".to_owned());
    }
    Ok(because)
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

/// The refusal of what only root could enter.
#[must_use]
pub fn only_root(folder: &str) -> Refusal {
    Refusal::ruled(
        format!("reading in `{folder}`, which only root may enter,"),
        "[exec_safety] allow_root = false".to_owned(),
        "ask for another path; a person can read it at the host (docker cp), or set allow_root = true",
    )
}

/// May files be made the owner's at all? What is known before a path is looked up.
///
/// # Errors
/// What is not let through, and by which rule.
pub fn write(
    owner: Option<&str>,
    place: &Place,
    safety: &ExecSafety,
    bypass: bool,
) -> Result<(Owner, Vec<String>), Refusal> {
    let given = owner.map(ids).transpose()?;
    let own = ids(&place.user).ok();
    if bypass {
        let because = vec!["--bypass-permissions: files are not judged".to_owned()];
        return Ok((given.or(own).unwrap_or_default(), because));
    }
    powerless(place, safety, "writing files into it")?;
    if safety.mode == ExecMode::Allowlist {
        return Err(Refusal::ruled(
            "copying files into a container".to_owned(),
            "[exec_safety] mode = \"allowlist\": a file could take the place of a program that may run"
                .to_owned(),
            "a person can do it at the host (docker cp), or put the files into the image or a volume",
        ));
    }
    let mut because = vec![match safety.mode {
        ExecMode::None => "[exec_safety] mode = \"none\": paths are not judged".to_owned(),
        _ => "[exec_safety] mode = \"denylist\": nothing on its lists matches (they catch accidents, and are no boundary)"
            .to_owned(),
    }];
    let owner = match safety.allow_root {
        true => given.or(own).unwrap_or_default(),
        false => {
            let words = owner.or(safety.default_user.as_deref()).unwrap_or(&place.user);
            let numbers = user::numeric(words).and_then(|ids| self::ids(&ids).ok());
            numbers.ok_or_else(|| {
                Refusal::ruled(
                    match words {
                        "" => "files that belong to root".to_owned(),
                        words => format!("files that belong to `{}`, which may be root,", shown(words)),
                    },
                    "[exec_safety] allow_root = false".to_owned(),
                    "repeat the call with owner = \"65534:65534\", or another uid:gid in numbers of which none is 0",
                )
            })?
        }
    };
    because.push(format!("the files become those of {}:{}", owner.0, owner.1));
    Ok((owner, because))
}

/// May a file be written there? `at` is whole and without links.
///
/// # Errors
/// What is not let through, and by which rule.
pub fn written(at: &str, place: &Place, safety: &ExecSafety, bypass: bool) -> Result<(), Refusal> {
    if bypass {
        return Ok(());
    }
    listed(at, &["tee".to_owned(), at.to_owned()], safety)?;
    if safety.allow_root {
        return Ok(());
    }
    let trusted = TRUSTED.iter().find(|folder| paths::below(at, folder)).map(|folder| (*folder).to_owned());
    // Where the container is somebody else's than root's, its program is, too.
    let started = || match user::numeric(&place.user) {
        Some(_) => None,
        None => place.programs.iter().enumerate().find(|(n, program)| starts(at, program, *n == 0)),
    };
    let what = match (trusted, started()) {
        (Some(folder), _) => format!("`{at}`, below `{folder}` that root trusts,"),
        (None, Some((_, program))) => {
            format!("`{at}`, beside or instead of `{program}` that the container starts as root,")
        }
        (None, None) => return Ok(()),
    };
    Err(Refusal::ruled(
        format!("writing {what}"),
        "[exec_safety] allow_root = false".to_owned(),
        "choose another folder, such as /tmp or one of the application's data; a person can do it at the host, or put the \
         file into the image",
    ))
}

/// The program itself, and what lies beside it; of arguments only the file itself.
fn starts(at: &str, program: &str, first: bool) -> bool {
    let folder = program.rsplit_once('/').map_or("", |(folder, _)| folder);
    at == program || (first && !folder.is_empty() && paths::below(at, folder))
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

/// `uid:gid` or `uid`, in numbers.
fn ids(text: &str) -> Result<Owner, Refusal> {
    let id = |text: &str| {
        let digits = !text.is_empty() && text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten().filter(|id| *id <= user::MOST)
    };
    let (uid, gid) = text.split_once(':').unwrap_or((text, text));
    match (id(uid), id(gid)) {
        (Some(uid), Some(gid)) => Ok((uid, gid)),
        _ => Err(Refusal::malformed(
            format!("`{}` is no owner", shown(text)),
            "uid:gid in numbers, such as \"1000:1000\"",
        )),
    }
}
