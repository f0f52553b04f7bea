//! As whom a command runs.

use crate::config::settings::ExecSafety;

use super::super::refusal::Refusal;
use super::{Place, shown};

/// The highest id that engines take.
pub(super) const MOST: u32 = 2_147_483_647;

/// `by_rule`: the only user that the entry of `allowed_commands` lets it run as.
pub(super) fn judge(
    asked: Option<&str>,
    by_rule: Option<&str>,
    place: &Place,
    safety: &ExecSafety,
) -> Result<Option<String>, Refusal> {
    if let (Some(asked), Some(only)) = (asked, by_rule)
        && asked != only
    {
        return Err(Refusal::ruled(
            format!("running it as `{}`", shown(asked)),
            format!("the entry of allowed_commands names the user `{only}`"),
            "leave `user` out",
        ));
    }
    let chosen = by_rule.or(match asked {
        None => safety.default_user.as_deref(),
        Some(asked) => safety.default_user.as_deref().filter(|user| *user == asked),
    });
    if safety.allow_root {
        return Ok(chosen.or(asked).map(str::to_owned));
    }
    if let Some(user) = chosen {
        // Whose word it may be: what a name means, the container says.
        return numeric(user).map(Some).ok_or_else(|| by_name(user));
    }
    match asked {
        Some(user) => {
            let what = format!("running it as `{}`, which may be root in the container,", shown(user));
            numeric(user).map(Some).ok_or_else(|| root(&what))
        }
        None => numeric(&place.user).map(Some).ok_or_else(|| root(&whose(place))),
    }
}

/// Groups that the container gives to everybody in it.
pub(super) fn groups(place: &Place, safety: &ExecSafety) -> Result<(), Refusal> {
    let may_be_root = |group: &&String| numeric(group).is_none();
    match place.groups.iter().find(may_be_root) {
        Some(group) if !safety.allow_root => Err(Refusal::ruled(
            format!(
                "container `{}` puts every command into the group `{}`, which may be root's, so running one",
                place.name,
                shown(group)
            ),
            "[exec_safety] allow_root = false".to_owned(),
            "use another container; a person can make it with groups in numbers of which none is 0, or set allow_root = true",
        )),
        _ => Ok(()),
    }
}

fn whose(place: &Place) -> String {
    match place.user.is_empty() {
        true => format!("container `{}` runs as root, and a command without `user`", place.name),
        false => format!(
            "container `{}` runs as `{}`, which may be root in it, and a command without `user`",
            place.name,
            shown(&place.user)
        ),
    }
}

fn root(what: &str) -> Refusal {
    Refusal::ruled(
        what.to_owned(),
        "[exec_safety] allow_root = false".to_owned(),
        "repeat the call with user = \"65534:65534\", or another uid:gid in numbers of which none is 0",
    )
}

/// A person's choice that may be root all the same.
fn by_name(user: &str) -> Refusal {
    Refusal::ruled(
        format!(
            "running it as `{user}`, which the configuration names and which may be root in the container,"
        ),
        "[exec_safety] allow_root = false".to_owned(),
        "repeat the call with user = \"65534:65534\"; a person can write that user in numbers of which none is 0, or set \
         allow_root = true",
    )
}

/// `uid:gid` of a user written in numbers, of which none is 0. Without a group the container's files would choose one, and
/// that can be 0: then it is the uid's number.
pub(super) fn numeric(user: &str) -> Option<String> {
    let id = |text: &str| {
        let digits = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten().filter(|id| *id <= MOST)
    };
    let (uid, gid) = user.split_once(':').unwrap_or((user, user));
    Some(format!("{}:{}", id(uid)?, id(gid)?))
}
