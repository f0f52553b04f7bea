//! Networks of a project, and how services join them.

use std::collections::BTreeMap;

use crate::guard::create::Ask;
use crate::guard::refusal::Refusal;
use crate::guard::{labels, network};

use super::Refused;
use super::model::Service;
use super::reader::At;
use super::service::Around;

pub(super) const KEYS: &[&str] = &["networks"];

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// As the file calls it.
    pub key: String,
    /// As the engine calls it.
    pub name: String,
    /// It is there already, made by others.
    pub external: bool,
    /// Without one it is a bridge.
    pub driver: Option<String>,
    /// What the driver is told.
    pub options: BTreeMap<String, String>,
    /// It reaches nothing outside.
    pub internal: bool,
    /// In a swarm, containers beside its services may join.
    pub attachable: bool,
    /// Its addresses.
    pub ipam: Ipam,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It has addresses of version 6.
    pub ipv6: bool,
}

/// Who gives addresses, and which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ipam {
    /// Without one it is the engine.
    pub driver: Option<String>,
    /// What it is told.
    pub options: BTreeMap<String, String>,
    /// `172.28.0.0/16`
    pub subnets: Vec<String>,
    /// `172.28.0.1`
    pub gateways: Vec<String>,
    /// Parts of the subnets that addresses are taken from: `172.28.5.0/24`
    pub ranges: Vec<String>,
}

impl Network {
    /// The one that services are on that name none.
    pub(super) fn usual(project: &str) -> Self {
        Self { key: "default".to_owned(), name: format!("{project}_default"), ..Self::default() }
    }

    /// May it be made? One that is there already is judged by who may join it.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.external {
            return network::may_join(&self.name);
        }
        let driver = network::check(&self.name, self.driver.as_deref())?;
        network::options(driver, &self.options)?;
        let Ipam { driver, options, subnets, .. } = &self.ipam;
        network::addresses(driver.as_deref(), options, subnets)?;
        labels::check(&self.labels)
    }
}

pub(super) fn all(top: &At<'_>, project: &str) -> Result<Vec<Network>, Refused> {
    let entries = top.key("networks")?.map(|at| at.entries()).transpose()?.unwrap_or_default();
    entries.into_iter().map(|(key, at)| one(key, &at, project)).collect()
}

fn one(key: &str, at: &At<'_>, project: &str) -> Result<Network, Refused> {
    let name = format!("{project}_{key}");
    let mut network = Network { key: key.to_owned(), name, ..Network::default() };
    if at.is_null() {
        return Ok(network);
    }
    at.closed(&[&[
        "name",
        "driver",
        "driver_opts",
        "ipam",
        "external",
        "internal",
        "attachable",
        "labels",
        "enable_ipv4",
        "enable_ipv6",
    ]])?;
    let flag = |key: &str| Ok(at.key(key)?.map(|at| at.flag()).transpose()?.unwrap_or(false));
    network.external = flag("external")?;
    if let Some(at) = at.key("name")? {
        network.name = at.text()?.to_owned();
    } else if network.external {
        network.name = key.to_owned();
    }
    // Which addresses it has at all changes nothing of whom it reaches.
    flag("enable_ipv4")?;
    network.ipv6 = flag("enable_ipv6")?;
    if network.external {
        // Whatever else is said of it, it is what it is.
        return Ok(network);
    }
    let driver = |at: Option<At<'_>>| -> Result<Option<String>, Refused> {
        let text = at.map(|at| at.text().map(str::to_owned)).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    };
    network.driver = driver(at.key("driver")?)?;
    network.options = at.key("driver_opts")?.map(|at| at.texts()).transpose()?.unwrap_or_default();
    network.labels = at.key("labels")?.map(|at| at.texts()).transpose()?.unwrap_or_default();
    network.internal = flag("internal")?;
    network.attachable = flag("attachable")?;
    if let Some(at) = at.key("ipam")? {
        at.closed(&[&["driver", "options", "config"]])?;
        network.ipam.driver = driver(at.key("driver")?)?;
        network.ipam.options = at.key("options")?.map(|at| at.texts()).transpose()?.unwrap_or_default();
        for at in at.key("config")?.map(|at| at.list()).transpose()?.unwrap_or_default() {
            // The others lie within the subnet: the engine sees to it.
            at.closed(&[&["subnet", "gateway", "ip_range", "aux_addresses"]])?;
            let text = |key: &str| at.key(key)?.map(|at| at.text().map(str::to_owned)).transpose();
            network.ipam.subnets.extend(text("subnet")?);
            network.ipam.gateways.extend(text("gateway")?);
            network.ipam.ranges.extend(text("ip_range")?);
        }
    }
    Ok(network)
}

/// Is a service on the network of all that name none? With a mode it is on none.
pub(super) fn is_usual(service: &At<'_>) -> Result<bool, Refused> {
    let joins = service.key("networks")?.map(|at| at.map()).transpose()?;
    let mode = service.key("network_mode")?.map(|at| at.text()).transpose()?.unwrap_or_default();
    Ok(mode.is_empty() && joins.is_none_or(|joins| joins.is_empty() || joins.contains_key("default")))
}

pub(super) fn join(service: &At<'_>, around: &Around<'_>, out: &mut Service) -> Result<(), Refused> {
    let entries = service.key("networks")?.map(|at| at.entries()).transpose()?.unwrap_or_default();
    let known = |key: &str| around.networks.iter().find(|network| network.key == key);
    let mut joined = Vec::new();
    if entries.is_empty() && is_usual(service)? {
        joined.extend(known("default"));
    }
    for (key, at) in entries {
        let network = known(key);
        joined.push(
            network.ok_or_else(|| at.refuse("there is no such network", "name it under `networks`, too"))?,
        );
        if !at.is_null() {
            endpoint(&at, out)?;
        }
    }
    for network in joined {
        // `host` by another key is the host's all the same.
        out.asks.push(Ask::new("network_mode", network.name.as_str()));
        out.networks.push(network.name.clone());
    }
    out.networks.sort();
    out.networks.dedup();
    Ok(())
}

/// What is said of a service on a network.
fn endpoint(at: &At<'_>, out: &mut Service) -> Result<(), Refused> {
    at.closed(&[&[
        "aliases",
        "ipv4_address",
        "ipv6_address",
        "link_local_ips",
        "mac_address",
        "priority",
        "gw_priority",
        "driver_opts",
        "interface_name",
    ]])?;
    for key in ["ipv4_address", "ipv6_address", "priority", "gw_priority", "interface_name"] {
        at.key(key)?.map(|at| at.scalar()).transpose()?;
    }
    if let Some(at) = at.key("aliases")? {
        out.found_as.extend(at.words()?);
        network::aliases(&at.words()?).map_err(|refusal| match refusal {
            Refusal::Malformed { what, hint } | Refusal::Unable { what, hint } => at.refuse(what, hint),
            Refusal::Forbidden { what, rule } => at.refuse(what, rule),
            Refusal::Ruled { what, instead, .. } => at.refuse(what, instead),
        })?;
    }
    // An address of the link may be that of somebody who is asked for credentials (169.254.169.254).
    let words = at.key("link_local_ips")?.map(|at| at.words()).transpose()?.unwrap_or_default();
    out.asks.extend(words.into_iter().map(|word| Ask::new("link_local_ips", word)));
    if let Some(at) = at.key("mac_address")? {
        out.asks.push(Ask::new("mac_address", at.text()?));
    }
    let options = at.key("driver_opts")?.map(|at| at.texts()).transpose()?.unwrap_or_default();
    out.asks.extend(
        options.into_iter().map(|(key, value)| Ask::new("endpoint_option", format!("{key}={value}"))),
    );
    Ok(())
}
