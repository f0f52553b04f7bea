//! What takes room on the engine's disk: of visible objects, each part as far as it is known in time.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Deserialize;

use crate::policy::{Permit, World};

use super::budget::Budget;
use super::error::EngineError;
use super::{Engine, raw};

/// From here on the engine can be asked for one part at a time.
const BY_PART: (u32, u32) = (1, 42);

/// A part that the engine has to walk its disk for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What containers wrote.
    Containers,
    /// What is in volumes.
    Volumes,
    /// What builds left.
    BuildCache,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Containers, Self::Volumes, Self::BuildCache];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::Volumes => "volumes",
            Self::BuildCache => "build_cache",
        }
    }

    const fn asked(self) -> &'static str {
        match self {
            Self::Containers => "container",
            Self::Volumes => "volume",
            Self::BuildCache => "build-cache",
        }
    }
}

/// Bytes by object, of those that the filters show.
#[derive(Debug, Default)]
pub struct Usage {
    /// What each container wrote, by id.
    pub containers: HashMap<String, u64>,
    /// What is in each volume, by name; those of which the engine does not know it are not here.
    pub volumes: HashMap<String, u64>,
    /// The build cache: it belongs to no object, and is not filtered.
    pub build_cache: Cache,
    /// The parts that are not known.
    pub missing: Vec<Part>,
    /// Why the first of them is not.
    pub why: Option<EngineError>,
}

/// The build cache as a whole.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Cache {
    /// How many pieces.
    pub count: u64,
    /// Bytes.
    pub size: u64,
    /// Bytes of the pieces that no build uses now.
    pub unused: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Answer {
    #[serde(deserialize_with = "raw::nullable")]
    containers: Vec<OfContainer>,
    #[serde(deserialize_with = "raw::nullable")]
    volumes: Vec<OfVolume>,
    #[serde(deserialize_with = "raw::nullable")]
    build_cache: Vec<OfCache>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OfContainer {
    id: String,
    #[serde(deserialize_with = "raw::nullable")]
    size_rw: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OfVolume {
    name: String,
    #[serde(deserialize_with = "raw::nullable")]
    usage_data: OfData,
}

#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OfData {
    size: i64,
}

impl Default for OfData {
    fn default() -> Self {
        // As the engine says it: not known.
        Self { size: -1 }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OfCache {
    #[serde(deserialize_with = "raw::nullable")]
    size: i64,
    in_use: bool,
    shared: bool,
}

impl Engine {
    /// The named parts of what is visible, all at once, within `time`; what does not come in time is missing, and it is said.
    ///
    /// # Errors
    /// The engine does not even list its objects.
    pub async fn disk_usage(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
        parts: &[Part],
        time: Duration,
    ) -> Result<Usage, EngineError> {
        let seen = self.containers(budget, permit).await?;
        let volumes = self.volumes(budget, permit).await?;
        let budget = budget.at_most(time);
        let mut usage = Usage::default();
        // The lists have agreed on a version.
        let by_part = self.wire.agreed().is_none_or(|version| version >= BY_PART);
        let asked: Vec<Option<Part>> =
            if by_part { parts.iter().copied().map(Some).collect() } else { vec![None] };
        let ask = async |part: Option<Part>| {
            let query: Vec<(&str, &str)> = part.iter().map(|part| ("type", part.asked())).collect();
            (part, self.wire.json::<Answer>(&budget, "/system/df", &query).await)
        };
        for (part, answer) in join_all(asked.into_iter().map(ask)).await {
            match answer {
                Ok(answer) => usage.take(answer),
                Err(e) => {
                    match part {
                        Some(part) => usage.missing.push(part),
                        None => usage.missing.extend(parts),
                    }
                    usage.why = usage.why.or(Some(e));
                }
            }
        }
        usage.containers.retain(|id, _| seen.iter().any(|s| s.identity.id == *id));
        usage.volumes.retain(|name, _| volumes.iter().any(|s| s.raw.name == *name));
        Ok(usage)
    }
}

impl Usage {
    fn take(&mut self, answer: Answer) {
        let bytes = |n: i64| u64::try_from(n).ok();
        self.containers
            .extend(answer.containers.into_iter().map(|c| (c.id, bytes(c.size_rw).unwrap_or_default())));
        let known = answer.volumes.into_iter().filter_map(|v| Some((v.name, bytes(v.usage_data.size)?)));
        self.volumes.extend(known);
        // What is shared is counted where it is shared from.
        for piece in answer.build_cache.into_iter().filter(|piece| !piece.shared) {
            let size = bytes(piece.size).unwrap_or_default();
            self.build_cache.count += 1;
            self.build_cache.size += size;
            self.build_cache.unused += if piece.in_use { 0 } else { size };
        }
    }

    /// Is this part known?
    #[must_use]
    pub fn knows(&self, part: Part) -> bool {
        !self.missing.contains(&part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_says_is_read_tolerantly() {
        let text = r#"{"LayersSize":1,"Images":null,
            "Containers":[{"Id":"a","SizeRw":5},{"Id":"b","SizeRw":null},{"Id":"c"}],
            "Volumes":[{"Name":"v","UsageData":{"Size":7,"RefCount":1}},{"Name":"w","UsageData":{"Size":-1}},{"Name":"x"}],
            "BuildCache":[{"Size":3,"InUse":true,"Shared":false},{"Size":4,"InUse":false},{"Size":9,"Shared":true}]}"#;
        let mut usage = Usage::default();
        usage.take(serde_json::from_str(text).unwrap());
        assert_eq!(usage.containers, HashMap::from([("a".into(), 5), ("b".into(), 0), ("c".into(), 0)]));
        assert_eq!(usage.volumes, HashMap::from([("v".into(), 7)]), "what is not known is no 0");
        assert_eq!(usage.build_cache, Cache { count: 2, size: 7, unused: 4 });
        usage.take(serde_json::from_str(r#"{"Containers":null}"#).unwrap());
    }
}
