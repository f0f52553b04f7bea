//! Images: list, inspection, history.

use std::collections::HashMap;

use serde_json::Value;

use crate::policy::reference::ImageRef;
use crate::policy::{Image, Permit, Rules, World};

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
    /// Names of visible containers that were made from it, running or not.
    pub containers: Vec<String>,
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
        let rules = permit.rules();
        let view = self.first_view(budget, rules).await?;
        let list: Vec<raw::Image> = self.wire.json(budget, "/images/json", &[]).await?;
        let mut users: HashMap<&str, Vec<String>> = HashMap::new();
        for s in &view.containers.visible {
            users.entry(&s.identity.image_id).or_default().push(s.identity.name.clone());
        }
        let seen =
            list.iter().map(|raw| (raw, identity(raw))).filter(|(_, image)| rules.image(image).shown());
        Ok(seen
            .map(|(raw, image)| SeenImage {
                containers: users.remove(image.id.as_str()).unwrap_or_default(),
                identity: Image { references: visible(rules, &image), id: image.id },
                created: raw.created,
                size: raw.size,
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

/// The references that the filters show: with a whitelist, an image that is visible by one tag keeps the others to itself.
pub(super) fn visible(rules: &Rules, image: &Image) -> Vec<ImageRef> {
    let one = |r: &&ImageRef| {
        let alone = Image { id: image.id.clone(), references: vec![(*r).clone()] };
        rules.image(&alone).shown()
    };
    image.references.iter().filter(one).cloned().collect()
}

/// Who an image is, from one line of the list.
#[must_use]
pub fn identity(raw: &raw::Image) -> Image {
    let written = raw.repo_tags.iter().chain(&raw.repo_digests);
    let references =
        written.filter(|r| !r.starts_with("<none>")).filter_map(|r| ImageRef::parse(r).ok()).collect();
    Image { id: raw.id.clone(), references }
}
