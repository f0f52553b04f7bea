//! The closed list of what may be sent to an engine.
//!
//! This is the second line behind the permits: a request whose method and path are not here is an internal error and is
//! never sent, whoever built it.

use crate::policy::Level;
use crate::policy::reference::ImageRef;

/// A placeholder of a path, and what may stand in its place.
const PLACES: &[(&str, fn(&str) -> bool)] = &[
    ("{id}", is_hex64),
    ("{image}", is_image_id),
    ("{name}", is_name),
    ("{reference}", is_reference),
    ("{repository}", is_repository),
];

/// Every method and path, without the version prefix, and the level that a call must hold for it.
pub const ALLOWED: &[(&str, &str, Level)] = &[
    ("GET", "/_ping", Level::Read),
    ("GET", "/version", Level::Read),
    ("GET", "/info", Level::Read),
    ("GET", "/events", Level::Read),
    ("GET", "/containers/json", Level::Read),
    ("GET", "/containers/{id}/json", Level::Read),
    ("GET", "/containers/{id}/logs", Level::Read),
    ("GET", "/containers/{id}/stats", Level::Read),
    ("GET", "/containers/{id}/top", Level::Read),
    ("GET", "/containers/{id}/changes", Level::Read),
    ("GET", "/images/json", Level::Read),
    ("GET", "/images/{image}/json", Level::Read),
    ("GET", "/images/{image}/history", Level::Read),
    ("GET", "/networks", Level::Read),
    ("GET", "/networks/{id}", Level::Read),
    ("GET", "/volumes", Level::Read),
    ("GET", "/volumes/{name}", Level::Read),
    // Reads need no more; the tool that shows it needs `system`.
    ("GET", "/system/df", Level::Read),
    ("POST", "/containers/{id}/start", Level::Lifecycle),
    ("POST", "/containers/{id}/stop", Level::Lifecycle),
    ("POST", "/containers/{id}/restart", Level::Lifecycle),
    ("POST", "/containers/{id}/kill", Level::Lifecycle),
    ("POST", "/containers/{id}/pause", Level::Lifecycle),
    ("POST", "/containers/{id}/unpause", Level::Lifecycle),
    ("POST", "/containers/create", Level::Create),
    ("POST", "/containers/{id}/exec", Level::Exec),
    ("POST", "/exec/{id}/start", Level::Exec),
    // Whether it runs, and its exit code.
    ("GET", "/exec/{id}/json", Level::Read),
    // What a new container is made of, where it is not here.
    ("POST", "/images/create", Level::Create),
    // Reads by their method only: what is in a container's files.
    ("HEAD", "/containers/{id}/archive", Level::Exec),
    ("GET", "/containers/{id}/archive", Level::Exec),
    ("PUT", "/containers/{id}/archive", Level::Exec),
    ("POST", "/containers/{id}/rename", Level::Create),
    ("POST", "/containers/{id}/update", Level::Create),
    ("DELETE", "/containers/{id}", Level::Create),
    ("POST", "/volumes/create", Level::Volumes),
    ("DELETE", "/volumes/{name}", Level::Volumes),
    ("POST", "/networks/create", Level::Networks),
    ("DELETE", "/networks/{id}", Level::Networks),
    ("POST", "/networks/{id}/connect", Level::Networks),
    ("POST", "/networks/{id}/disconnect", Level::Networks),
    // docker_compose_down, which needs no more than `lifecycle`. For volumes it needs their own level.
    ("DELETE", "/containers/{id}", Level::Lifecycle),
    ("DELETE", "/networks/{id}", Level::Lifecycle),
    // What is left over, of every kind: docker_prune. For volumes it needs their own level.
    ("DELETE", "/containers/{id}", Level::System),
    ("DELETE", "/images/{image}", Level::System),
    ("DELETE", "/networks/{id}", Level::System),
    ("POST", "/build", Level::Images),
    ("POST", "/images/create", Level::Images),
    ("POST", "/images/{repository}/push", Level::Images),
    ("POST", "/images/{image}/tag", Level::Images),
    ("DELETE", "/images/{image}", Level::Images),
    ("DELETE", "/images/{reference}", Level::Images),
];

/// May this be sent for a call that holds `levels`?
#[must_use]
pub fn allowed(method: &str, path: &str, levels: &[Level]) -> bool {
    ALLOWED
        .iter()
        .any(|(m, template, needs)| *m == method && levels.contains(needs) && matches(template, path))
}

/// The entry that stands for a request, whatever level it needs.
#[must_use]
pub fn listed(method: &str, path: &str) -> Option<(&'static str, &'static str)> {
    let entry = ALLOWED.iter().find(|(m, template, _)| *m == method && matches(template, path))?;
    Some((entry.0, entry.1))
}

/// What `docker compose up` sends of its own accord, which the wire does not see, and the level that covers it there. To make
/// the networks and volumes of a project is part of making the project: `create` and `lifecycle` are enough for that, and
/// for no request of ours.
pub const BY_COMPOSE_UP: &[(&str, &str, Level)] = &[
    ("GET", "/_ping", Level::Read),
    ("GET", "/info", Level::Read),
    ("GET", "/containers/json", Level::Read),
    ("GET", "/containers/{id}/json", Level::Read),
    ("GET", "/images/json", Level::Read),
    ("GET", "/networks", Level::Read),
    ("GET", "/volumes/{name}", Level::Read),
    ("POST", "/containers/create", Level::Create),
    ("POST", "/containers/{id}/rename", Level::Create),
    ("DELETE", "/containers/{id}", Level::Create),
    ("POST", "/containers/{id}/start", Level::Lifecycle),
    ("POST", "/containers/{id}/stop", Level::Lifecycle),
    ("POST", "/networks/create", Level::Create),
    ("POST", "/networks/{id}/connect", Level::Create),
    ("POST", "/networks/{id}/disconnect", Level::Create),
    // A network whose settings changed is made anew.
    ("DELETE", "/networks/{id}", Level::Create),
    ("POST", "/volumes/create", Level::Create),
    // Contents of secrets and configs.
    ("PUT", "/containers/{id}/archive", Level::Create),
];

/// May a child run `docker compose up` for a call that holds `levels`?
#[must_use]
pub fn compose_up_allowed(levels: &[Level]) -> bool {
    BY_COMPOSE_UP.iter().all(|(.., needs)| *needs == Level::Read || levels.contains(needs))
}

fn matches(template: &str, path: &str) -> bool {
    let mut want = template.split('/');
    let mut have = path.split('/');
    loop {
        match (want.next(), have.next()) {
            (None, None) => return true,
            (Some(w), Some(h)) => {
                let fits = match PLACES.iter().find(|(place, _)| *place == w) {
                    Some((_, check)) => check(h),
                    None => w == h,
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// 64 lower-case hex digits: a container, network or exec id.
#[must_use]
pub fn is_hex64(s: &str) -> bool {
    s.len() == 64 && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_image_id(s: &str) -> bool {
    s.strip_prefix("sha256:").is_some_and(is_hex64)
}

/// A text as one segment of a path. The engine takes it apart again.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-_.".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// One whole name of an image in its canonical form, with its registry, so that it can never be taken for an id.
fn is_reference(s: &str) -> bool {
    canonical(s).is_some_and(|(image, whole)| image.to_string() == whole)
}

/// The same without a tag or a digest.
fn is_repository(s: &str) -> bool {
    canonical(s).is_some_and(|(image, whole)| image.repository() == whole)
}

fn canonical(s: &str) -> Option<(ImageRef, String)> {
    let whole = s.replace("%2F", "/").replace("%3A", ":").replace("%40", "@");
    let image = ImageRef::parse(&whole).ok()?;
    (escaped(&whole) == s).then_some((image, whole))
}

/// The engine's grammar of names: no slash, no dot segment, no escape.
#[must_use]
pub fn is_name(s: &str) -> bool {
    s.len() <= 255
        && s.starts_with(|c: char| c.is_ascii_alphanumeric())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_are_whole_and_canonical() {
        const IMAGES: &[Level] = &[Level::Images];
        let digest = format!("sha256:{}", "a".repeat(64));
        let may = |method: &str, name: &str, behind: &str| {
            allowed(method, &format!("/images/{}{behind}", escaped(name)), IMAGES)
        };
        for name in ["docker.io/library/nginx:1", "localhost:5000/a/b:x", &format!("r.example/a@{digest}")] {
            assert!(may("DELETE", name, ""), "{name}");
        }
        assert!(may("POST", "r.example/a/b", "/push"));
        for path in [format!("/images/{digest}"), format!("/images/{digest}/tag")] {
            let method = if path.ends_with("/tag") { "POST" } else { "DELETE" };
            assert!(allowed(method, &path, IMAGES), "{path}");
        }
        for name in [
            "nginx",
            "nginx:1",
            "library/nginx:1",
            "docker.io/library/nginx",
            "26e2fa12aad5",
            "x/../y:1",
            "",
            "..",
        ] {
            assert!(!may("DELETE", name, ""), "{name}");
        }
        assert!(!may("POST", "r.example/a:1", "/push") && !may("POST", "r.example/a:1", "/tag"));
        assert!(!allowed("DELETE", "/images/r.example/a:1", IMAGES), "in one segment only");
        assert!(!allowed("DELETE", "/images/r.example%2fa%3a1", IMAGES), "in one spelling only");
        assert!(!may("DELETE", "r.example/a:1?force=1", ""));
    }

    #[test]
    fn compose_up_needs_both_levels_and_sends_nothing_for_others() {
        assert!(compose_up_allowed(&[Level::Create, Level::Lifecycle]));
        for level in Level::ALL {
            assert!(!compose_up_allowed(&[level]), "{level:?}");
        }
        let needed = |level: &Level| BY_COMPOSE_UP.iter().any(|(.., needs)| needs == level);
        let others = Level::ALL.iter().filter(|level| needed(level));
        assert_eq!(others.count(), 3, "read, create and lifecycle");
    }

    #[test]
    fn only_whole_paths_with_resolved_ids_pass() {
        let id = "a".repeat(64);
        const READ: &[Level] = &[Level::Read];
        assert!(allowed("GET", &format!("/containers/{id}/json"), READ));
        assert!(allowed("GET", &format!("/images/sha256:{id}/history"), READ));
        assert!(allowed("POST", &format!("/containers/{id}/stop"), &[Level::Create, Level::Lifecycle]));
        let others: Vec<Level> = Level::ALL.into_iter().filter(|level| *level != Level::Lifecycle).collect();
        assert!(
            !allowed("POST", &format!("/containers/{id}/stop"), &others),
            "each change needs its own level"
        );
        assert!(!allowed("GET", "/_ping", &[Level::Lifecycle]), "a change is no read");
        for (method, path) in [
            ("DELETE", format!("/containers/{id}")),
            ("POST", format!("/containers/{id}/json")),
            ("GET", "/containers/web/json".into()),
            ("GET", format!("/containers/{id}/json/")),
            ("GET", format!("/containers/{id}/../{id}/json")),
            ("GET", format!("/containers/{id}/attach/ws")),
            ("GET", format!("/containers/{}/json", "A".repeat(64))),
            ("GET", "/volumes/..".into()),
            ("GET", "/volumes/a%2fb".into()),
            ("GET", "//_ping".into()),
            ("GET", String::new()),
        ] {
            assert!(!allowed(method, &path, READ), "{method} {path}");
        }
    }
}
