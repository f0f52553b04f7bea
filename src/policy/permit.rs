//! The proof that a decision was made.

use std::sync::Arc;

use super::level::Level;
use super::rules::Rules;
use super::target::{Container, Image, Network, Volume};

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
}
