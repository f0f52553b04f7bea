//! Images that builds begin with, as far as a build cares.

use serde::Deserialize;

use crate::engine::budget::Budget;
use crate::engine::change::LOOK;
use crate::engine::error::EngineError;
use crate::engine::images::identity;
use crate::engine::{Engine, raw};
use crate::policy::reference::ImageRef;
use crate::policy::{Permit, World};

/// Whether an image is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Here {
    /// None has that name.
    No,
    /// One has it that the filters hide.
    Hidden,
    /// This one.
    Base(Base),
}

/// An image that a stage begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// `sha256:...`
    pub id: String,
    /// What it is made for.
    pub platform: Platform,
    /// What it has run in builds that begin with it, as `ONBUILD` says it.
    pub triggers: Vec<String>,
}

/// `linux/arm64/v8`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platform {
    /// `linux`
    pub os: String,
    /// `arm64`
    pub architecture: String,
    /// `v8`; often empty.
    pub variant: String,
}

impl Platform {
    /// As a person writes it; an architecture alone is one of linux.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (os, architecture, variant) = match text.split('/').collect::<Vec<_>>()[..] {
            [architecture] => ("linux", architecture, ""),
            [os, architecture] => (os, architecture, ""),
            [os, architecture, variant] => (os, architecture, variant),
            _ => return None,
        };
        let architecture = match architecture {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            same => same,
        };
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        let whole = !os.is_empty() && !architecture.is_empty();
        (whole && [os, architecture, variant].into_iter().all(plain)).then(|| Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.to_owned(),
        })
    }

    /// Would a builder take an image for `other` where this is asked for?
    #[must_use]
    pub fn takes(&self, other: &Self) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant == other.variant || self.variant.is_empty() || other.variant.is_empty())
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Inspection {
    #[serde(deserialize_with = "raw::nullable")]
    os: String,
    #[serde(deserialize_with = "raw::nullable")]
    architecture: String,
    #[serde(deserialize_with = "raw::nullable")]
    variant: String,
    #[serde(deserialize_with = "raw::nullable")]
    config: Config,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    #[serde(deserialize_with = "raw::nullable")]
    on_build: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Version {
    #[serde(deserialize_with = "raw::nullable")]
    os: String,
    #[serde(deserialize_with = "raw::nullable")]
    arch: String,
}

impl Engine {
    /// The image of that name, if it is here and may be seen.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn base(
        &self,
        budget: &Budget,
        world: &Permit<World>,
        image: &ImageRef,
    ) -> Result<Here, EngineError> {
        let budget = &budget.at_most(LOOK * 5);
        let Some(raw) = self.holder(budget, image).await? else { return Ok(Here::No) };
        let who = identity(&raw);
        if !world.rules().image(&who).shown() {
            return Ok(Here::Hidden);
        }
        let path = format!("/images/{}/json", who.id);
        let seen: Inspection = self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))?;
        let Inspection { os, architecture, variant, config } = seen;
        let platform = Platform { os, architecture, variant };
        Ok(Here::Base(Base { id: who.id, platform, triggers: config.on_build }))
    }

    /// What the engine runs on.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn platform(&self, budget: &Budget) -> Result<Platform, EngineError> {
        let Version { os, arch } = self.wire.json(&budget.at_most(LOOK * 5), "/version", &[]).await?;
        Ok(Platform { os, architecture: arch, variant: String::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_compared_as_builders_do() {
        let of = |text: &str| Platform::parse(text).unwrap();
        for (asked, have) in [
            ("linux/amd64", "linux/amd64"),
            ("amd64", "linux/amd64"),
            ("linux/x86_64", "linux/amd64"),
            ("linux/arm64", "linux/arm64/v8"),
            ("Linux/ARM/v7", "linux/arm/v7"),
        ] {
            assert!(of(asked).takes(&of(have)), "{asked} {have}");
        }
        for (asked, have) in [
            ("linux/arm64", "linux/amd64"),
            ("windows/amd64", "linux/amd64"),
            ("linux/arm/v6", "linux/arm/v7"),
        ] {
            assert!(!of(asked).takes(&of(have)), "{asked} {have}");
        }
        for none in ["", "a/b/c/d", "linux/", "$TARGET/x", "linux/a b"] {
            assert_eq!(Platform::parse(none), None, "{none}");
        }
    }
}
