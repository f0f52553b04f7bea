//! The proof that a decision was made.

use std::sync::Arc;

use super::level::Level;
use super::reference::ImageRef;
use super::rules::Rules;
use super::target::{
    Container, Image, Network, NewContainer, NewNetwork, NewVolume, Reference, Target, Volume,
};

/// Leave to act on `T`. Only `decide` makes one; it cannot be copied or cloned.
///
/// ```compile_fail,E0451
/// use docker_mcp::policy::{Permit, World};
/// let forged: Permit<World> = Permit { target: World, levels: &[], rules: Default::default() };
/// ```
/// ```compile_fail,E0599
/// fn twice(p: docker_mcp::policy::Permit<docker_mcp::policy::Container>) { let _ = p.clone(); }
/// ```
#[derive(Debug)]
pub struct Permit<T> {
    target: T,
    levels: &'static [Level],
    rules: Arc<Rules>,
}

/// No single object: what the filters show of the engine. Lists, events and counts need this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct World;

impl<T> Permit<T> {
    pub(super) fn new(target: T, levels: &'static [Level], rules: &Arc<Rules>) -> Self {
        Self { target, levels, rules: Arc::clone(rules) }
    }

    /// What may be acted on.
    #[must_use]
    pub const fn target(&self) -> &T {
        &self.target
    }

    /// The levels that were asked for and hold.
    #[must_use]
    pub const fn levels(&self) -> &'static [Level] {
        self.levels
    }

    /// The rules in force when it was given: lists that it reaches are filtered by these.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

impl Permit<World> {
    /// For a container under the same rules and levels: for `decide` alone, which has checked it.
    pub(super) fn of(&self, container: Container) -> Permit<Container> {
        Permit { target: container, levels: self.levels, rules: Arc::clone(&self.rules) }
    }
}

impl Permit<Reference> {
    /// Under the same rules and levels: for `decide` alone, which has checked it.
    pub(super) fn beside(&self, reference: Reference) -> Self {
        Self { target: reference, levels: self.levels, rules: Arc::clone(&self.rules) }
    }

    /// For the image that came under this name: for `decide` alone, which has checked it.
    pub(super) fn fetched(&self, image: Image) -> Permit<Image> {
        Permit { target: image, levels: self.levels, rules: Arc::clone(&self.rules) }
    }
}

impl Permit<NewContainer> {
    /// For the container that was made under it: one to start it by, one for what comes after. `id` is what the engine
    /// answered, so only the engine room may say it.
    pub(crate) fn born(self, id: String) -> [Permit<Container>; 2] {
        let Self { target, levels, rules } = self;
        let container = Container { id, name: target.name, ..Container::default() };
        let permit = || Permit { target: container.clone(), levels, rules: Arc::clone(&rules) };
        [permit(), permit()]
    }
}

/// All that one call was given.
#[derive(Debug)]
pub struct Permits {
    /// For lists.
    pub world: Permit<World>,
    /// In the order of the arguments.
    pub containers: Vec<Permit<Container>>,
    /// In the order of the arguments.
    pub images: Vec<Permit<Image>>,
    /// In the order of the arguments.
    pub networks: Vec<Permit<Network>>,
    /// In the order of the arguments.
    pub volumes: Vec<Permit<Volume>>,
    /// Names that containers may get.
    pub new_containers: Vec<Permit<NewContainer>>,
    /// Names that networks may get.
    pub new_networks: Vec<Permit<NewNetwork>>,
    /// Names that volumes may get.
    pub new_volumes: Vec<Permit<NewVolume>>,
    /// Names of images that may be fetched, sent or given.
    pub references: Vec<Permit<Reference>>,
}

impl Permits {
    /// The image that the text names; where several came to have the name, the one that was decided on last.
    #[must_use]
    pub fn image_of(&self, text: &str) -> Option<&Permit<Image>> {
        let name = ImageRef::parse(text).ok();
        let is =
            |image: &Image| name.as_ref().is_some_and(|name| image.is_called(name)) || image.has_id(text);
        self.images.iter().rev().find(|permit| is(permit.target()))
    }

    /// May the image of that name be fetched or built? Of a tag and a digest, the digest is.
    #[must_use]
    pub fn brings(&self, text: &str) -> bool {
        let Ok(name) = ImageRef::parse(text) else { return false };
        let name = name.fetched_as();
        self.references.iter().any(|permit| permit.target().image == name)
    }

    /// What they are for: kind and name, in the order of the arguments within a kind.
    pub fn labels(&self) -> impl Iterator<Item = (&'static str, String)> {
        fn of<T: Clone>(
            permits: &[Permit<T>],
            wrap: fn(T) -> Target,
        ) -> impl Iterator<Item = (&'static str, String)> {
            permits.iter().map(move |permit| {
                let target = wrap(permit.target.clone());
                (target.kind(), target.label())
            })
        }
        of(&self.containers, Target::Container)
            .chain(of(&self.images, Target::Image))
            .chain(of(&self.networks, Target::Network))
            .chain(of(&self.volumes, Target::Volume))
            .chain(of(&self.new_containers, Target::NewContainer))
            .chain(of(&self.new_networks, Target::NewNetwork))
            .chain(of(&self.new_volumes, Target::NewVolume))
            .chain(of(&self.references, Target::Reference))
    }

    /// Does everything that they are for exist under these rules, too?
    #[must_use]
    pub fn are_shown_by(&self, rules: &Rules) -> bool {
        fn all<T: Clone>(permits: &[Permit<T>], wrap: fn(T) -> Target, rules: &Rules) -> bool {
            permits.iter().all(|permit| rules.target(&wrap(permit.target.clone())).shown())
        }
        all(&self.containers, Target::Container, rules)
            && all(&self.images, Target::Image, rules)
            && all(&self.networks, Target::Network, rules)
            && all(&self.volumes, Target::Volume, rules)
            && all(&self.new_containers, Target::NewContainer, rules)
            && all(&self.new_networks, Target::NewNetwork, rules)
            && all(&self.new_volumes, Target::NewVolume, rules)
            && all(&self.references, Target::Reference, rules)
    }

    /// What they are for, as exactly as it can be said: ids, or names where there are no ids.
    pub fn identities(&self) -> impl Iterator<Item = String> {
        let containers =
            self.containers.iter().map(|p| format!("container {} {}", p.target.id, p.target.name));
        let images = self.images.iter().map(|p| format!("image {}", p.target.id));
        let networks = self.networks.iter().map(|p| format!("network {}", p.target.id));
        // A name that we choose is another one the next time: what was confirmed is that we choose.
        let chosen: Vec<&str> = self
            .new_containers
            .iter()
            .filter(|p| p.target.generated)
            .map(|p| p.target.name.as_str())
            .collect();
        let rest = self.labels().filter(|(kind, _)| *kind != "network").map(move |(kind, name)| {
            if kind == "container" && chosen.contains(&name.as_str()) {
                return "container with a name of our choice".to_owned();
            }
            format!("{kind} {name}")
        });
        containers.chain(images).chain(networks).chain(rest)
    }
}
