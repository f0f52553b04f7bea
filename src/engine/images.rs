//! Images: list, inspection, history.

use serde_json::Value;

use crate::policy::reference::ImageRef;
use crate::policy::{Image, Permit, World};

use super::budget::Budget;
use super::error::EngineError;
use super::{Engine, raw};

/// An image that the filters show.
#[derive(Debug, Clone)]
pub struct SeenImage {
    /// Its id and references; only those that the whitelist allows, if there is one.
    pub identity: Image,
    /// Seconds since 1970.
    pub created: i64,
    /// Bytes.
    pub size: i64,
}

impl Engine {
    /// The images that the filters show.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn images(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
    ) -> Result<Vec<SeenImage>, EngineError> {
        let list: Vec<raw::Image> = self.wire.json(budget, "/images/json", &[]).await?;
        let rules = permit.rules();
        Ok(list
            .iter()
            .map(|raw| SeenImage { identity: identity(raw), created: raw.created, size: raw.size })
            .filter(|seen| rules.image(&seen.identity).shown())
            .map(|mut seen| {
                let all = std::mem::take(&mut seen.identity.references);
                let one = |r: &ImageRef| Image { id: seen.identity.id.clone(), references: vec![r.clone()] };
                seen.identity.references = all.into_iter().filter(|r| rules.image(&one(r)).shown()).collect();
                seen
            })
            .collect())
    }

    /// Everything the engine says of an image.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn inspect_image(&self, budget: &Budget, permit: &Permit<Image>) -> Result<Value, EngineError> {
        let path = format!("/images/{}/json", permit.target().id);
        self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))
    }

    /// How an image was built, newest step first.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn image_history(&self, budget: &Budget, permit: &Permit<Image>) -> Result<Value, EngineError> {
        let path = format!("/images/{}/history", permit.target().id);
        self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))
    }
}

/// Who an image is, from one line of the list.
#[must_use]
pub fn identity(raw: &raw::Image) -> Image {
    let written = raw.repo_tags.iter().chain(&raw.repo_digests);
    let references =
        written.filter(|r| !r.starts_with("<none>")).filter_map(|r| ImageRef::parse(r).ok()).collect();
    Image { id: raw.id.clone(), references }
}
