//! Networks that a caller may make and join.

use std::collections::BTreeMap;
use std::net::IpAddr;

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

/// What a driver may be told. The rest names interfaces of the host, or opens what its address translation closes.
const OPTIONS: &[&str] = &[
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.bridge.host_binding_ipv4",
    "com.docker.network.container_iface_prefix",
    "com.docker.network.driver.mtu",
];

/// May its driver be told these?
///
/// # Errors
/// The first that it may not.
pub fn options(driver: Driver, options: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let fine = |key: &str| OPTIONS.contains(&key) || driver == Driver::Overlay && key == "encrypted";
    match options.keys().find(|key| !fine(key)) {
        None => Ok(()),
        Some(key) => Err(Refusal::forbidden(
            format!("the network option `{key}`"),
            "it may name an interface of the host, or open what its address translation closes",
        )),
    }
}

/// May a network have these addresses? Those of a bridge are the host's to route: with somebody else's addresses, what the
/// host sends there would end in a container.
///
/// # Errors
/// Why not.
pub fn addresses(
    driver: Option<&str>,
    options: &BTreeMap<String, String>,
    subnets: &[String],
) -> Result<(), Refusal> {
    if let Some(other) = driver.filter(|driver| *driver != "default") {
        let rule = "addresses are given by the engine: plugins are code of others";
        return Err(Refusal::forbidden(format!("the address driver `{other}`"), rule));
    }
    if !options.is_empty() {
        return Err(Refusal::forbidden("options of the address driver", "the engine's own has none"));
    }
    match subnets.iter().find(|subnet| !is_private(subnet)) {
        None => Ok(()),
        Some(subnet) => Err(Refusal::forbidden(
            format!("the subnet `{subnet}`"),
            "only private ones: at most a /16 of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, at most a /48 of fc00::/7 or 2001:db8::/32",
        )),
    }
}

fn is_private(subnet: &str) -> bool {
    let Some((address, length)) = subnet.split_once('/') else { return false };
    let length = length.parse::<u8>().ok().filter(|_| length.bytes().all(|b| b.is_ascii_digit()));
    match (address.parse(), length) {
        (Ok(IpAddr::V4(ip)), Some(16..=32)) => ip.is_private(),
        (Ok(IpAddr::V6(ip)), Some(48..=128)) => {
            ip.is_unique_local() || matches!(ip.segments(), [0x2001, 0xdb8, ..])
        }
        _ => false,
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
    fn options_leave_the_host_alone() {
        let one = |driver, key: &str| options(driver, &BTreeMap::from([(key.to_owned(), "x".to_owned())]));
        assert!(options(Driver::Bridge, &BTreeMap::new()).is_ok());
        assert!(one(Driver::Bridge, "com.docker.network.driver.mtu").is_ok());
        assert!(one(Driver::Overlay, "encrypted").is_ok() && one(Driver::Bridge, "encrypted").is_err());
        for key in
            ["com.docker.network.bridge.name", "com.docker.network.bridge.gateway_mode_ipv4", "parent", ""]
        {
            assert!(matches!(one(Driver::Bridge, key), Err(Refusal::Forbidden { .. })), "{key}");
        }
    }

    #[test]
    fn addresses_are_private() {
        let none = BTreeMap::new();
        let subnet = |text: &str| addresses(None, &none, &[text.to_owned()]).is_ok();
        for fine in ["172.28.0.0/16", "10.5.0.0/24", "192.168.7.0/28", "fd00:1::/64", "2001:db8:1::/64"] {
            assert!(subnet(fine), "{fine}");
        }
        for bad in [
            "8.8.8.0/24",
            "0.0.0.0/0",
            "10.0.0.0/8",
            "127.0.0.0/16",
            "169.254.169.0/24",
            "172.32.0.0/16",
            "100.64.0.0/16",
            "2606:4700::/64",
            "::/0",
            "fc00::/7",
            "10.0.0.0",
            "10.0.0.0/+24",
            "",
            "x/24",
        ] {
            assert!(!subnet(bad), "{bad}");
        }
        assert!(addresses(Some("default"), &none, &[]).is_ok());
        assert!(addresses(Some("dhcp"), &none, &[]).is_err());
        assert!(addresses(None, &BTreeMap::from([("a".to_owned(), "b".to_owned())]), &[]).is_err());
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
