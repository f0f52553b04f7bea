//! From the caller's words to identities, on our own filtered view: what is hidden cannot be told from what is missing.

use crate::policy::decide::Named;
use crate::policy::reference::ImageRef;
use crate::policy::{Image, Network, Rules, Target, Volume};

use super::budget::Budget;
use super::error::EngineError;
use super::snapshot::View;
use super::{Engine, ops, raw};

/// Below this, an id prefix is taken for a name: a mistyped name must not reach another container.
const MIN_PREFIX: usize = 4;

/// What kind of object a name should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A container.
    Container,
    /// An image.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// The first of these that has the name.
    Any,
}

impl Want {
    /// `container`, ...; `object` for any.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Image => "image",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Any => "object",
        }
    }
}

/// Why a name did not resolve.
#[derive(Debug)]
pub enum Unresolved {
    /// There is none, or none that the caller may know of. `rule` says which, for the log and `explain` alone.
    NotFound {
        /// What kind was asked for.
        want: Want,
        /// The caller's words.
        asked: String,
        /// What hides it, if something does.
        rule: Option<String>,
    },
    /// The words are no name and no id.
    NoName {
        /// What kind was asked for.
        want: Want,
        /// The caller's words.
        asked: String,
    },
    /// An id prefix that fits several visible objects.
    Ambiguous {
        /// What kind was asked for.
        want: Want,
        /// The caller's words.
        asked: String,
        /// How many.
        count: usize,
    },
    /// The engine could not be asked.
    Engine(EngineError),
}

impl From<EngineError> for Unresolved {
    fn from(e: EngineError) -> Self {
        Self::Engine(e)
    }
}

/// One kind's candidates, fetched when first needed.
#[derive(Default)]
struct Fetched {
    view: Option<View>,
    images: Option<Vec<(Image, Option<String>)>>,
    networks: Option<Vec<(Network, Option<String>)>>,
    volumes: Option<Vec<(Volume, Option<String>)>>,
}

impl Engine {
    /// Resolves every name, or none.
    ///
    /// # Errors
    /// The first name that does not resolve.
    pub(crate) async fn resolve(
        &self,
        budget: &Budget,
        rules: &Rules,
        asked: &[(Want, &str)],
    ) -> Result<Vec<Named>, Unresolved> {
        let mut fetched = Fetched::default();
        let mut all = Vec::with_capacity(asked.len());
        for (want, words) in asked {
            all.push(self.one(budget, rules, &mut fetched, *want, words).await?);
        }
        Ok(all)
    }

    /// The container of a compose service: the first one, of those that run if any does.
    ///
    /// # Errors
    /// There is none, or none that the caller may know of.
    pub(crate) async fn service(
        &self,
        budget: &Budget,
        rules: &Rules,
        project: &str,
        service: &str,
    ) -> Result<Named, Unresolved> {
        let view = self.first_view(budget, rules).await?;
        let of_it = |c: &crate::policy::Container| {
            c.project.as_deref() == Some(project) && c.service.as_deref() == Some(service)
        };
        let label = |seen: &super::snapshot::Seen, key: &str| {
            seen.raw.labels.get(&format!("com.docker.compose.{key}")).cloned().unwrap_or_default()
        };
        let all = view.containers.visible.iter().filter(|seen| of_it(&seen.identity));
        let all = all.filter(|seen| !label(seen, "oneoff").eq_ignore_ascii_case("true"));
        let first = all.min_by_key(|seen| {
            let number = label(seen, "container-number").parse().unwrap_or(u32::MAX);
            (seen.raw.state != "running", number, seen.identity.name.clone())
        });
        match first {
            Some(seen) => Ok(Named {
                asked: format!("{project}/{service}"),
                target: Target::Container(seen.identity.clone()),
            }),
            None => {
                let rule = view.containers.hidden.iter().find(|hidden| of_it(&hidden.identity));
                let rule = rule.map(|hidden| hidden.rule.clone());
                Err(Unresolved::NotFound { want: Want::Container, asked: service.to_owned(), rule })
            }
        }
    }

    async fn one(
        &self,
        budget: &Budget,
        rules: &Rules,
        fetched: &mut Fetched,
        want: Want,
        words: &str,
    ) -> Result<Named, Unresolved> {
        let named = |target| Ok(Named { asked: words.to_owned(), target });
        let mut hidden_by = None;
        let mut ambiguous = None;
        let kinds: &[Want] = match want {
            Want::Any => &[Want::Container, Want::Image, Want::Network, Want::Volume],
            Want::Container => &[Want::Container],
            Want::Image => &[Want::Image],
            Want::Network => &[Want::Network],
            Want::Volume => &[Want::Volume],
        };
        let mut well_formed = false;
        for kind in kinds {
            if !is_address(*kind, words) {
                continue;
            }
            well_formed = true;
            // The view comes first for every kind: volumes and networks are hidden by the containers that use them.
            if fetched.view.is_none() && *kind != Want::Image {
                fetched.view = Some(self.first_view(budget, rules).await?);
            }
            let found = match kind {
                Want::Container => container(fetched.view.as_ref(), words),
                Want::Image => {
                    if fetched.images.is_none() {
                        fetched.images = Some(self.image_candidates(budget, rules).await?);
                    }
                    image(fetched.images.as_deref().unwrap_or_default(), words)
                }
                Want::Network => {
                    if fetched.networks.is_none() {
                        fetched.networks =
                            Some(self.network_candidates(budget, rules, fetched.view.as_ref()).await?);
                    }
                    network(fetched.networks.as_deref().unwrap_or_default(), words)
                }
                Want::Volume | Want::Any => {
                    if fetched.volumes.is_none() {
                        fetched.volumes =
                            Some(self.volume_candidates(budget, rules, fetched.view.as_ref()).await?);
                    }
                    volume(fetched.volumes.as_deref().unwrap_or_default(), words)
                }
            };
            match found {
                Found::One(target) => return named(target),
                Found::Hidden(rule) => hidden_by = hidden_by.or(Some(rule)),
                Found::Many(count) => ambiguous = ambiguous.or(Some(count)),
                Found::None => {}
            }
        }
        let asked = words.to_owned();
        Err(match ambiguous {
            Some(count) => Unresolved::Ambiguous { want, asked, count },
            None if !well_formed => Unresolved::NoName { want, asked },
            None => Unresolved::NotFound { want, asked, rule: hidden_by },
        })
    }

    /// Images with what hides each.
    pub(super) async fn image_candidates(
        &self,
        budget: &Budget,
        rules: &Rules,
    ) -> Result<Vec<(Image, Option<String>)>, EngineError> {
        let list: Vec<raw::Image> = self.wire.json(budget, "/images/json", &[]).await?;
        Ok(list
            .iter()
            .map(|raw| {
                let image = super::images::identity(raw);
                let rule = rules.image(&image).hidden_by("images");
                (image, rule)
            })
            .collect())
    }

    /// Networks with what hides each.
    pub(super) async fn network_candidates(
        &self,
        budget: &Budget,
        rules: &Rules,
        view: Option<&View>,
    ) -> Result<Vec<(Network, Option<String>)>, EngineError> {
        let list: Vec<raw::Network> = self.wire.json(budget, "/networks", &[]).await?;
        Ok(list
            .into_iter()
            .map(|raw| {
                let network = raw.identity();
                let rule = rules.network(&network).hidden_by("networks").or_else(|| {
                    view.filter(|v| v.hides_network(&network))
                        .map(|_| "only hidden containers are on it".to_owned())
                });
                (network, rule)
            })
            .collect())
    }

    /// Volumes with what hides each.
    pub(super) async fn volume_candidates(
        &self,
        budget: &Budget,
        rules: &Rules,
        view: Option<&View>,
    ) -> Result<Vec<(Volume, Option<String>)>, EngineError> {
        let list: raw::Volumes = self.wire.json(budget, "/volumes", &[]).await?;
        Ok(list
            .volumes
            .into_iter()
            .map(|raw| {
                let volume = raw.identity();
                let rule = rules.volume(&volume).hidden_by("volumes").or_else(|| {
                    view.filter(|v| v.hidden_volumes.contains(&volume.name))
                        .map(|_| "a hidden container mounts it".to_owned())
                });
                (volume, rule)
            })
            .collect())
    }
}

enum Found {
    One(Target),
    Hidden(String),
    Many(usize),
    None,
}

/// Could this be the name, alias, reference or id of such an object? Nothing else is ever looked up.
fn is_address(want: Want, words: &str) -> bool {
    match want {
        Want::Container => match words.strip_prefix('/').unwrap_or(words).split_once('/') {
            Some((container, alias)) => ops::is_name(container) && ops::is_name(alias),
            None => ops::is_name(words.strip_prefix('/').unwrap_or(words)),
        },
        Want::Image => image_id(words).is_some() || ImageRef::parse(words).is_ok(),
        Want::Network | Want::Volume => ops::is_name(words),
        Want::Any => false,
    }
}

fn container(view: Option<&View>, words: &str) -> Found {
    let Some(view) = view else { return Found::None };
    let words = words.strip_prefix('/').unwrap_or(words);
    let visible: Vec<_> = view.containers.visible.iter().map(|s| &s.identity).collect();
    let exact = |c: &&crate::policy::Container| {
        c.name == words || c.id == words || c.aliases.iter().any(|a| a.contains('/') && a == words)
    };
    if let Some(c) = visible.iter().copied().find(|c| exact(c)) {
        return Found::One(Target::Container(c.clone()));
    }
    match by_prefix(words, visible.iter().copied(), |c| &c.id) {
        Prefix::One(c) => return Found::One(Target::Container(c.clone())),
        Prefix::Many(n) => return Found::Many(n),
        Prefix::None => {}
    }
    let hidden = |h: &&super::snapshot::Unseen| {
        exact(&&h.identity) || (words.len() >= MIN_PREFIX && h.identity.id.starts_with(words))
    };
    view.containers.hidden.iter().find(hidden).map_or(Found::None, |h| Found::Hidden(h.rule.clone()))
}

fn image(images: &[(Image, Option<String>)], words: &str) -> Found {
    let reference = ImageRef::parse(words).ok();
    let fits = |image: &Image| reference.as_ref().is_some_and(|name| image.is_called(name));
    pick(images, fits, image_id(words), |i| i.id.strip_prefix("sha256:").unwrap_or(&i.id), Target::Image)
}

fn network(networks: &[(Network, Option<String>)], words: &str) -> Found {
    pick(networks, |n| n.name == words, Some(words), |n| &n.id, Target::Network)
}

fn volume(volumes: &[(Volume, Option<String>)], words: &str) -> Found {
    pick(volumes, |v| v.name == words, None, |v| &v.name, Target::Volume)
}

/// By exact name, then by id or its prefix; among visible ones first, so that hidden ones change no answer.
fn pick<T: Clone>(
    all: &[(T, Option<String>)],
    exact: impl Fn(&T) -> bool,
    id: Option<&str>,
    id_of: impl Fn(&T) -> &str,
    wrap: impl Fn(T) -> Target,
) -> Found {
    let visible = || all.iter().filter(|(_, rule)| rule.is_none()).map(|(object, _)| object);
    if let Some(object) = visible().find(|o| exact(o)) {
        return Found::One(wrap(object.clone()));
    }
    if let Some(words) = id {
        match by_prefix(words, visible(), &id_of) {
            Prefix::One(object) => return Found::One(wrap(object.clone())),
            Prefix::Many(n) => return Found::Many(n),
            Prefix::None => {}
        }
    }
    let hidden = all.iter().find(|(object, _)| {
        exact(object) || id.is_some_and(|w| w.len() >= MIN_PREFIX && id_of(object).starts_with(w))
    });
    match hidden {
        Some((_, Some(rule))) => Found::Hidden(rule.clone()),
        _ => Found::None,
    }
}

enum Prefix<T> {
    One(T),
    Many(usize),
    None,
}

fn by_prefix<'a, T>(
    words: &str,
    all: impl Iterator<Item = &'a T>,
    id_of: impl Fn(&T) -> &str,
) -> Prefix<&'a T> {
    if words.len() < MIN_PREFIX || !words.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Prefix::None;
    }
    let mut hits = all.filter(|o| id_of(o).starts_with(words));
    match (hits.next(), hits.count()) {
        (Some(one), 0) => Prefix::One(one),
        (Some(_), more) => Prefix::Many(more + 1),
        (None, _) => Prefix::None,
    }
}

/// The hex digits, if the words can be an image's id.
fn image_id(words: &str) -> Option<&str> {
    let hex = words.strip_prefix("sha256:").unwrap_or(words);
    let is_hex = hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    ((MIN_PREFIX..=64).contains(&hex.len()) && is_hex).then_some(hex)
}
