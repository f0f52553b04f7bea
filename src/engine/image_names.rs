//! The names of images: giving one, taking one away, and the image with its last.
//!
//! The engine's own force is never used: what containers use, hidden ones too, keeps its image and the name that it was
//! made by.

use serde::Deserialize;

use crate::policy::reference::ImageRef;
use crate::policy::{Image, Permit, Reference, World};

use super::budget::Budget;
use super::change::{Commit, Effect, Goal, LOOK, Look, Looking, Outcome};
use super::error::EngineError;
use super::images::{identity, visible};
use super::wire::Change;
use super::{Engine, ops, raw};

/// What a removal would do, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The names that go, in the order in which they go.
    pub names: Vec<ImageRef>,
    /// Nothing is left of the image then.
    pub whole: bool,
    /// Something visible is.
    pub remains: bool,
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub created: i64,
    /// Visible containers that use the image or a name that would go.
    pub users: Vec<String>,
    /// Containers that nobody may know of do.
    pub others: bool,
}

impl Removal {
    /// Something uses it: it stays.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.others || !self.users.is_empty()
    }
}

/// Who has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// It is free.
    Nobody,
    /// An image that the filters hide: the name stays with it.
    Hidden,
    /// This one.
    Image {
        /// Who it is.
        image: Image,
        /// A hidden container was made by that name: it would be made anew from whatever has it then.
        needed: bool,
    },
}

/// One line of the answer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Gone {
    #[serde(rename = "Deleted", deserialize_with = "raw::nullable")]
    deleted: String,
}

/// How a name is to be.
struct Aim {
    id: String,
    /// None: the image itself.
    name: Option<ImageRef>,
    /// It is to be that image's.
    there: bool,
    /// It was before.
    was: bool,
}

impl Engine {
    /// What would go if this name of the image, or all that is visible of it, went.
    ///
    /// # Errors
    /// The image or the name is gone, or the engine cannot be asked.
    pub async fn removal(
        &self,
        budget: &Budget,
        (world, permit): (&Permit<World>, &Permit<Image>),
        name: Option<&ImageRef>,
    ) -> Result<Removal, EngineError> {
        let rules = world.rules();
        let view = self.view(budget, rules).await?;
        let list: Vec<raw::Image> = self.wire.json(budget, "/images/json", &[]).await?;
        let id = permit.target().id.as_str();
        let raw = list.iter().find(|raw| raw.id == id).ok_or(EngineError::Gone)?;
        let image = identity(raw);
        let names = match name {
            Some(name) if image.references.contains(name) => vec![name.clone()],
            Some(_) => return Err(EngineError::Gone),
            None => visible(rules, &image),
        };
        let whole = image.references.iter().all(|have| goes(have, &names, &image.references));
        // One that was made by a name keeps it; any keeps the image.
        let holds = |c: &crate::policy::Container| {
            c.image_id == id && (whole || ImageRef::parse(&c.image).is_ok_and(|by| names.contains(&by)))
        };
        let users = view.containers.visible.iter().filter(|seen| holds(&seen.identity));
        Ok(Removal {
            users: users.map(|seen| seen.identity.name.clone()).collect(),
            others: view.containers.hidden.iter().any(|unseen| holds(&unseen.identity)),
            size: u64::try_from(raw.size).unwrap_or(0),
            created: raw.created,
            remains: visible(rules, &image).iter().any(|have| !goes(have, &names, &image.references)),
            whole,
            names,
        })
    }

    /// Takes one name from the image, and the image with its last; without a name, an image that has none. True: the
    /// image is gone.
    ///
    /// # Errors
    /// Nothing happened: the name is not this image's, it was not sent, or the engine refused it.
    pub async fn take_name(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: &Permit<Image>,
        name: Option<&ImageRef>,
    ) -> Result<Outcome<bool>, EngineError> {
        let id = permit.target().id.clone();
        let path = match name {
            Some(name) => {
                let holder = self.holder(&budget.at_most(LOOK * 5), name).await?;
                if holder.is_none_or(|raw| raw.id != id) {
                    return Err(EngineError::Gone);
                }
                format!("/images/{}", ops::escaped(&name.to_string()))
            }
            None => format!("/images/{id}"),
        };
        let sent = self.wire.change(budget, permit.levels(), commit, Change::delete(&path, &[])).await;
        let gone = match sent {
            Ok(answer) => {
                // It is done, whether or not its list can be read.
                let list: Vec<Gone> = answer.json().await.unwrap_or_default();
                Ok(list.iter().any(|line| line.deleted == id))
            }
            Err(failed) => Err(failed),
        };
        self.settled(budget, gone, Aim { id, name: name.cloned(), there: false, was: true }).await
    }

    /// Who has this name now.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn holds(
        &self,
        budget: &Budget,
        (world, name): (&Permit<World>, &Permit<Reference>),
    ) -> Result<Holder, EngineError> {
        let name = &name.target().image;
        let Some(raw) = self.holder(budget, name).await? else { return Ok(Holder::Nobody) };
        let image = identity(&raw);
        if !world.rules().image(&image).shown() {
            return Ok(Holder::Hidden);
        }
        let view = self.view(budget, world.rules()).await?;
        let made_by = |image: &str| ImageRef::parse(image).is_ok_and(|by| by == *name);
        let needs = |c: &crate::policy::Container| c.image_id == image.id && made_by(&c.image);
        let needed = view.containers.hidden.iter().any(|unseen| needs(&unseen.identity));
        Ok(Holder::Image { image, needed })
    }

    /// Gives an image one more name. True: it did not have it.
    ///
    /// # Errors
    /// Nothing happened: it was not sent, or the engine refused it.
    pub async fn give_name(
        &self,
        budget: &Budget,
        commit: &Commit,
        (image, name): (&Permit<Image>, &Permit<Reference>),
    ) -> Result<Outcome<bool>, EngineError> {
        let (id, name) = (image.target().id.clone(), name.target().image.clone());
        let before = self.holder(&budget.at_most(LOOK * 5), &name).await?;
        let changed = before.is_none_or(|raw| raw.id != id);
        let path = format!("/images/{id}/tag");
        let query = [("repo", name.repository()), ("tag", name.tag().unwrap_or("latest"))];
        let sent = self.wire.change(budget, image.levels(), commit, Change::post(&path, &query)).await;
        let aim = Aim { id, name: Some(name.clone()), there: true, was: !changed };
        self.settled(budget, sent.map(|_| changed), aim).await
    }
}

/// Is a name gone when these are? Digests of a repository go with its last tag.
fn goes(have: &ImageRef, names: &[ImageRef], all: &[ImageRef]) -> bool {
    let same = |other: &&ImageRef| other.repository() == have.repository() && other.tag().is_some();
    let tags = || all.iter().filter(same);
    names.contains(have)
        || (have.tag().is_none() && tags().next().is_some() && tags().all(|tag| names.contains(tag)))
}

impl Goal for Aim {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let list: Vec<raw::Image> = engine.wire.json(budget, "/images/json", &[]).await?;
            let image = list.iter().find(|raw| raw.id == self.id).map(identity);
            let there = match (&self.name, &image) {
                (None, image) => image.is_some(),
                (Some(name), Some(image)) => image.references.contains(name),
                (Some(_), None) => false,
            };
            let evidence = match (there, &self.name) {
                (true, Some(_)) => "the image has the name",
                (true, None) => "the image is there",
                (false, Some(_)) => "the image does not have the name",
                (false, None) => "the image is not there",
            };
            let (reached, as_before) = (there == self.there, there == self.was);
            Ok(Look { reached: Some(reached), as_before, evidence: evidence.to_owned() })
        })
    }

    fn was_so(&self) -> bool {
        self.was == self.there
    }

    fn gone(&self) -> Effect {
        if self.there { Effect::Unknown } else { Effect::Done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_go_with_the_last_tag_of_their_repository() {
        let of = |texts: &[&str]| texts.iter().map(|t| ImageRef::parse(t).unwrap()).collect::<Vec<_>>();
        let digest = format!("a@sha256:{}", "1".repeat(64));
        let all = of(&["a:1", "a:2", "b:1", &digest]);
        let whole = |names: &[&str]| all.iter().all(|have| goes(have, &of(names), &all));
        assert!(whole(&["a:1", "a:2", "b:1"]));
        for some in [&["a:1", "a:2"] as &[&str], &["a:1", "b:1"], &[&digest], &[]] {
            assert!(!whole(some), "{some:?}");
        }
        let alone = of(&[&digest]);
        assert!(!goes(&alone[0], &[], &alone) && goes(&alone[0], &alone, &alone));
    }
}
