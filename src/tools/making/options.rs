//! The options of a container.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::tool::args::OneOrMany;
use crate::tool::time::Span;

use super::forms::{Argv, Number, Pairs, Texts};

/// What `docker_create` and `docker_run` take. The waiting is for `docker_run` alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Options {
    /// Reference or id; pulled where it is not here.
    pub image: String,
    pub name: Option<String>,
    /// Words, or one line that is split into words (no shell).
    pub command: Option<Argv>,
    pub entrypoint: Option<Argv>,
    /// `${secret:NAME}` in a value stands for an entry of [secrets].
    pub environment: Option<Texts>,
    /// {"80": 8080} or ["8080:80"]; on 127.0.0.1 unless an address is written.
    pub ports: Option<Pairs>,
    /// {"/host/path or volume": "/container/path[:ro]"} or ["source:/path"].
    pub volumes: Option<Pairs>,
    pub networks: Option<OneOrMany>,
    /// bridge, none, or a network.
    pub network_mode: Option<String>,
    pub labels: Option<Texts>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    pub hostname: Option<String>,
    pub health_check: Option<HealthCheck>,
    pub resources: Option<Resources>,
    /// no, on-failure[:n], unless-stopped, always.
    pub restart_policy: Option<String>,
    pub read_only: Option<bool>,
    /// "/path" or "/path:size=64m".
    pub tmpfs: Option<OneOrMany>,
    pub init: Option<bool>,
    pub stop_signal: Option<String>,
    pub stop_timeout: Option<Span>,
    /// {"name": "address"}
    pub extra_hosts: Option<Texts>,
    pub dns: Option<OneOrMany>,
    pub privileged: Option<bool>,
    pub cap_add: Option<OneOrMany>,
    pub cap_drop: Option<OneOrMany>,
    pub devices: Option<OneOrMany>,
    pub gpus: Option<String>,
    pub pid_mode: Option<String>,
    pub ipc_mode: Option<String>,
    pub uts_mode: Option<String>,
    pub userns_mode: Option<String>,
    pub cgroupns_mode: Option<String>,
    pub cgroup_parent: Option<String>,
    pub security_opt: Option<OneOrMany>,
    pub runtime: Option<String>,
    pub volumes_from: Option<OneOrMany>,
    pub links: Option<OneOrMany>,
    pub group_add: Option<OneOrMany>,
    pub sysctls: Option<Texts>,
    /// {"nofile": "1024:2048"}
    pub ulimits: Option<Texts>,
    pub log_driver: Option<String>,
    pub oom_kill_disable: Option<bool>,
    pub oom_score_adj: Option<i64>,
    pub wait_for: Option<WaitFor>,
    /// Regex, for wait_for = log.
    pub pattern: Option<String>,
    /// Of the whole call, waiting included.
    pub timeout: Option<Span>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// A shell line, words, or "none".
    pub cmd: Argv,
    pub interval: Option<Span>,
    pub timeout: Option<Span>,
    pub retries: Option<u32>,
    pub start_period: Option<Span>,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    pub cpu: Option<Number>,
    /// "512m" or bytes.
    pub memory: Option<Number>,
    pub pids: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaitFor {
    Running,
    Healthy,
    Log,
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer).map(Self::tidied)
    }
}

impl Options {
    /// What is empty is not asked for: judged as absent and sent as empty it would be two things. A leading slash of a name
    /// is the engine's way to write it.
    fn tidied(mut self) -> Self {
        for text in [
            &mut self.name,
            &mut self.network_mode,
            &mut self.user,
            &mut self.workdir,
            &mut self.hostname,
            &mut self.restart_policy,
            &mut self.stop_signal,
            &mut self.gpus,
            &mut self.pid_mode,
            &mut self.ipc_mode,
            &mut self.uts_mode,
            &mut self.userns_mode,
            &mut self.cgroupns_mode,
            &mut self.cgroup_parent,
            &mut self.runtime,
            &mut self.log_driver,
        ] {
            *text = text.take().filter(|text| !text.is_empty());
        }
        if let Some(bare) = self.name.as_deref().and_then(|name| name.strip_prefix('/')) {
            self.name = Some(bare.to_owned());
        }
        self
    }

    /// A map that may be absent.
    pub(super) fn texts(map: Option<&Texts>) -> impl Iterator<Item = (&str, &str)> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        map.map_or(&NONE, |texts| &texts.0).iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// A list that may be absent.
    pub(super) fn list(list: Option<&OneOrMany>) -> &[String] {
        list.map_or(&[], |list| &list.0)
    }
}
