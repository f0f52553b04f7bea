//! What is written: where, by whom it could be written, and whose it becomes.

use crate::config::settings::{ExecMode, ExecSafety};

use super::super::super::refusal::Refusal;
use super::super::{Place, paths, shown, user};
use super::{LATER, listed, powerless, reached};

/// What root reads, loads or runs by itself. Mostly only root may write there; where images are careless, this holds.
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
const NO_ROOT: &str = "[exec_safety] allow_root = false";

/// Whose the files become: user and group.
pub type Owner = (u32, u32);

/// Whose the files become, and what is to be said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owned {
    /// In numbers.
    pub ids: Owner,
    /// It may not be whom somebody expects.
    pub note: Option<String>,
}

/// May files be written into this container at all? Says why.
///
/// # Errors
/// What is not let through, and by which rule.
pub fn may_write(place: &Place, safety: &ExecSafety, bypass: bool) -> Result<Vec<String>, Refusal> {
    if bypass {
        return Ok(vec!["--bypass-permissions: files are not judged".to_owned()]);
    }
    powerless(place, safety, "writing files into it")?;
    let mut because = vec![match safety.mode {
        ExecMode::Allowlist => {
            return Err(Refusal::ruled(
                "copying files into a container".to_owned(),
                "[exec_safety] mode = \"allowlist\": a file could take the place of a program that may run"
                    .to_owned(),
                "a person can do it at the host (docker cp), or put the files into the image or a volume",
            ));
        }
        ExecMode::None => "[exec_safety] mode = \"none\": paths are not judged".to_owned(),
        ExecMode::Denylist => {
            "[exec_safety] mode = \"denylist\": nothing on its lists matches (they catch accidents, and are no boundary)"
                .to_owned()
        }
    }];
    because.push(format!("{}; dry_run = true looks", LATER.replace("read", "write")));
    Ok(because)
}

/// Whose the files become.
///
/// # Errors
/// Who is nobody, and root where that is not let through.
pub fn owner(
    asked: Option<&str>,
    place: &Place,
    safety: &ExecSafety,
    bypass: bool,
) -> Result<Owned, Refusal> {
    let given = asked.map(ids).transpose()?;
    let usual = safety.default_user.as_deref().filter(|_| !bypass);
    if bypass || safety.allow_root {
        let known = given.or_else(|| usual.and_then(|user| ids(user).ok())).or_else(|| ids(&place.user).ok());
        let who = place.user.split(':').next().unwrap_or_default();
        let note = (known.is_none() && !matches!(who, "" | "root")).then(|| {
            format!(
                "files are root's: the container's user `{}` is a name; give `owner` in numbers",
                shown(&place.user)
            )
        });
        return Ok(Owned { ids: known.unwrap_or_default(), note });
    }
    let words = asked.or(usual).unwrap_or(&place.user);
    let numbers = user::numeric(words).and_then(|numbers| ids(&numbers).ok());
    let ids = numbers.ok_or_else(|| {
        let what = match words {
            "" => "making files root's".to_owned(),
            words => format!("making files those of `{}`, who may be root,", shown(words)),
        };
        let instead =
            "repeat the call with owner = \"65534:65534\", or another uid:gid in numbers of which none is 0";
        Refusal::ruled(what, NO_ROOT.to_owned(), instead)
    })?;
    Ok(Owned { ids, note: None })
}

/// May a file be written there? `at` is whole, and without links when it is asked the second time.
///
/// # Errors
/// What is not let through, and by which rule.
pub fn written(at: &str, place: &Place, safety: &ExecSafety, bypass: bool) -> Result<(), Refusal> {
    let reached = || reached(at, place, "docker_exec with `tee` and `stdin` writes it there");
    if bypass {
        return reached();
    }
    listed(at, &["tee".to_owned(), at.to_owned()], safety)?;
    reached()?;
    if safety.allow_root {
        return Ok(());
    }
    let trusted = TRUSTED.iter().find(|folder| paths::below(at, folder)).map(|folder| (*folder).to_owned());
    // Where the container is somebody else's than root's, its programs are, too.
    let started = || match user::numeric(&place.user) {
        Some(_) => None,
        None => {
            let beside = place.folders.iter().find(|folder| paths::below(at, folder));
            beside.or_else(|| place.programs.iter().find(|program| at == *program))
        }
    };
    let what = match trusted {
        Some(folder) => format!("`{at}`, below `{folder}` that root trusts,"),
        None => match started() {
            Some(program) => {
                format!("`{at}`, beside or instead of `{program}` that the container starts as root,")
            }
            None => return Ok(()),
        },
    };
    Err(Refusal::ruled(
        format!("writing {what}"),
        NO_ROOT.to_owned(),
        "choose another folder, such as /tmp or one of the application's data; a person can set allow_root = true, do it at \
         the host (docker cp), or put the file into the image",
    ))
}

/// Could a user other than root make files in this folder?
#[must_use]
pub const fn is_writable(mode: u32, (uid, gid): (u64, u64)) -> bool {
    // Who may not enter a folder makes nothing in it.
    let both = mode & (mode << 1);
    both & 0o002 != 0 || (both & 0o020 != 0 && gid != 0) || (both & 0o200 != 0 && uid != 0)
}

/// The refusal of a folder where no command could write.
#[must_use]
pub fn only_root_writes(folder: &str) -> Refusal {
    Refusal::ruled(
        format!("only root may write in `{folder}`, so a copy into it"),
        NO_ROOT.to_owned(),
        "choose /tmp or a folder of the application's user; a person can set allow_root = true, or use docker cp at the host",
    )
}

/// The refusal of a file that no command could replace.
#[must_use]
pub fn only_root_replaces(file: &str) -> Refusal {
    Refusal::ruled(
        format!("only root may replace `{file}` (it is root's, in a sticky folder), so a copy over it"),
        NO_ROOT.to_owned(),
        "choose another name; a person can set allow_root = true, or use docker cp at the host",
    )
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
