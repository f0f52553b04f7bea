//! Networks that a caller may make and join.

use super::refusal::Refusal;

/// A driver that a caller may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// A bridge on the host, behind its address translation.
    Bridge,
    /// Over all nodes of a swarm.
    Overlay,
}

impl Driver {
    /// The engine's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Overlay => "overlay",
        }
    }
}

/// Names that the engine keeps for itself.
pub const ENGINES_OWN: [&str; 7] = ["bridge", "host", "none", "default", "nat", "ingress", "docker_gwbridge"];

/// May a network of this name and driver be made?
///
/// # Errors
/// Why not.
pub fn check(name: &str, driver: Option<&str>) -> Result<Driver, Refusal> {
    if ENGINES_OWN.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(Refusal::malformed(
            format!("`{name}` is a name that the engine keeps for itself"),
            "give the network another name",
        ));
    }
    match driver {
        None | Some("bridge") => Ok(Driver::Bridge),
        Some("overlay") => Ok(Driver::Overlay),
        Some(other) => Err(Refusal::forbidden(
            format!("the network driver `{other}`"),
            "only bridge, and overlay in a swarm: host, macvlan and ipvlan reach the host's own network, plugins are code of others",
        )),
    }
}

/// May a container be put on the network of this name?
///
/// # Errors
/// Why not.
pub fn may_join(name: &str) -> Result<(), Refusal> {
    match name {
        "host" | "none" | "ingress" => Err(Refusal::forbidden(
            format!("to put a container on the network `{name}`"),
            "a container shares the host's network, or has none, from its beginning or never",
        )),
        _ => Ok(()),
    }
}

/// Names by which a container may be found on a network.
///
/// # Errors
/// The first that is none.
pub fn aliases(aliases: &[String]) -> Result<(), Refusal> {
    const MOST: usize = 16;
    if aliases.len() > MOST {
        return Err(Refusal::malformed(format!("{} aliases", aliases.len()), "16 are the most"));
    }
    for alias in aliases {
        let fits = (1..=63).contains(&alias.len())
            && alias.starts_with(|c: char| c.is_ascii_alphanumeric())
            && alias.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !fits {
            return Err(Refusal::malformed(
                format!("`{alias}` is no alias"),
                "letters, digits, `.`, `_` and `-`, at most 63, the first a letter or digit",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bridges_and_overlays() {
        assert_eq!(check("mine", None), Ok(Driver::Bridge));
        assert_eq!(check("mine", Some("bridge")), Ok(Driver::Bridge));
        assert_eq!(check("mine", Some("overlay")), Ok(Driver::Overlay));
        for driver in ["host", "macvlan", "ipvlan", "null", "none", "Bridge", "weave", "", "bridge "] {
            assert!(matches!(check("mine", Some(driver)), Err(Refusal::Forbidden { .. })), "{driver}");
        }
        for name in ENGINES_OWN.into_iter().chain(["Host"]) {
            assert!(check(name, None).is_err(), "{name}");
        }
        assert!(may_join("bridge").is_ok() && may_join("mine").is_ok());
        assert!(may_join("host").is_err() && may_join("none").is_err() && may_join("ingress").is_err());
    }

    #[test]
    fn aliases_are_names_of_hosts() {
        let fits = |alias: &str| aliases(&[alias.to_owned()]).is_ok();
        assert!(fits("db") && fits("db-1.internal") && fits("0a"));
        for bad in ["", "-db", "a b", "a/b", "a\n", "ä", "*", &"a".repeat(64)] {
            assert!(!fits(bad), "{bad:?}");
        }
        assert!(aliases(&vec!["a".to_owned(); 17]).is_err());
    }
}
