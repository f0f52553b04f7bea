//! What the engine answers, read tolerantly: unknown words stay words, missing and `null` are empty.
//!
//! bollard's models refuse a whole list for one unknown enum value; these do not.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::policy;

/// `null` is as good as absent.
pub fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(d).map(Option::unwrap_or_default)
}

/// The body of an error.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// What the engine says.
    pub message: String,
}

/// One line of `GET /containers/json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Container {
    pub id: String,
    #[serde(deserialize_with = "nullable")]
    pub names: Vec<String>,
    pub image: String,
    #[serde(rename = "ImageID")]
    pub image_id: String,
    pub command: String,
    pub created: i64,
    #[serde(deserialize_with = "nullable")]
    pub ports: Vec<Port>,
    #[serde(deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    pub state: String,
    pub status: String,
    #[serde(deserialize_with = "nullable")]
    pub mounts: Vec<Mount>,
    #[serde(deserialize_with = "nullable")]
    pub network_settings: NetworkSettings,
}

/// A published or exposed port.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Port {
    #[serde(rename = "IP", deserialize_with = "nullable")]
    pub ip: String,
    pub private_port: u16,
    #[serde(deserialize_with = "nullable")]
    pub public_port: Option<u16>,
    pub r#type: String,
}

/// A mount, in lists.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Mount {
    pub r#type: String,
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    #[serde(deserialize_with = "nullable")]
    pub source: String,
    pub destination: String,
    /// Nobody said that it is read only.
    #[serde(rename = "RW")]
    pub rw: Option<bool>,
}

/// The networks a container is on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct NetworkSettings {
    #[serde(deserialize_with = "nullable")]
    pub networks: BTreeMap<String, Endpoint>,
}

impl NetworkSettings {
    /// The networks by id; by the name (or what the creator wrote) while the container never ran: the engine gives no
    /// id until then.
    pub fn on(&self) -> impl Iterator<Item = &str> {
        self.networks
            .iter()
            .map(|(name, end)| if end.network_id.is_empty() { name } else { &end.network_id }.as_str())
    }
}

/// A container's end of a network.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Endpoint {
    #[serde(rename = "NetworkID", deserialize_with = "nullable")]
    pub network_id: String,
    #[serde(rename = "IPAddress", deserialize_with = "nullable")]
    pub ip_address: String,
    #[serde(deserialize_with = "nullable")]
    pub aliases: Vec<String>,
}

/// One line of `GET /images/json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Image {
    pub id: String,
    #[serde(deserialize_with = "nullable")]
    pub repo_tags: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub repo_digests: Vec<String>,
    pub created: i64,
    pub size: i64,
}

/// One line of `GET /networks`, and `GET /networks/{id}` as far as filters need it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Network {
    pub id: String,
    pub name: String,
    pub created: String,
    pub scope: String,
    pub driver: String,
    pub internal: bool,
    #[serde(deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    #[serde(rename = "IPAM", deserialize_with = "nullable")]
    pub ipam: Value,
}

impl Network {
    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> policy::Network {
        policy::Network { id: self.id.clone(), name: self.name.clone(), project: project(&self.labels) }
    }
}

impl Volume {
    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> policy::Volume {
        policy::Volume { name: self.name.clone(), project: project(&self.labels) }
    }
}

fn project(labels: &BTreeMap<String, String>) -> Option<String> {
    labels.get("com.docker.compose.project").filter(|name| !name.is_empty()).cloned()
}

/// One line of `GET /volumes`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Volume {
    pub name: String,
    pub driver: String,
    #[serde(deserialize_with = "nullable")]
    pub mountpoint: String,
    #[serde(deserialize_with = "nullable")]
    pub created_at: String,
    #[serde(deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub options: BTreeMap<String, String>,
    pub scope: String,
}

/// Of `GET /info`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Root {
    #[serde(deserialize_with = "nullable")]
    pub docker_root_dir: String,
}

/// `GET /volumes`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Volumes {
    #[serde(deserialize_with = "nullable")]
    pub volumes: Vec<Volume>,
}
