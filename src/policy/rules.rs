//! The compiled rules of one settings snapshot.

use std::collections::BTreeSet;

use super::level::Level;
use super::pattern::{Pattern, PatternSet, Source};
use super::reference::ImageRef;
use super::rights::Rights;
use super::target::{Container, Image, Network, Target, Volume};

/// How far a level reaches.
#[derive(Debug, Clone)]
pub enum Grant {
    /// Nobody.
    Off,
    /// Everything that the filters show.
    On,
    /// Only containers whose canonical name matches.
    Only(PatternSet),
}

/// A level's grant and where it is written.
#[derive(Debug, Clone)]
pub struct LevelRule {
    /// How far it reaches.
    pub grant: Grant,
    /// The line of `[permissions]`.
    pub source: Source,
}

/// A whitelist and a blacklist over one kind of object.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Empty means all.
    pub allow: PatternSet,
    /// Always wins.
    pub deny: PatternSet,
}

/// What the filters say of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight<'a> {
    /// It exists for the caller. The pattern is the whitelist entry that shows it, if one was needed.
    Shown(Option<&'a Pattern>),
    /// A blacklist entry hides it.
    Denied(&'a Pattern),
    /// There is a whitelist and nothing in it matches.
    Unlisted,
}

impl Sight<'_> {
    /// It exists for the caller.
    #[must_use]
    pub const fn shown(self) -> bool {
        matches!(self, Self::Shown(_))
    }

    /// The rule that hides it, if one does. `list`: what the lists are of, `containers`, `images`, ...
    #[must_use]
    pub fn hidden_by(self, list: &str) -> Option<String> {
        match self {
            Self::Shown(_) => None,
            Self::Denied(by) => Some(format!("`{}` in blacklist_{list} ({})", by.text, by.source)),
            Self::Unlisted => Some(format!("no entry of whitelist_{list} matches")),
        }
    }
}

/// Everything that `decide` looks at.
#[derive(Debug, Clone)]
pub struct Rules {
    /// `--bypass-permissions`: every level on, filters and guards off.
    pub bypass: bool,
    /// In the order of [`Level::ALL`].
    pub levels: [LevelRule; 8],
    /// Over container names.
    pub containers: Filter,
    /// Over image references.
    pub images: Filter,
    /// Over volume names.
    pub volumes: Filter,
    /// Over network names.
    pub networks: Filter,
    /// Over compose project names.
    pub projects: Filter,
    /// Tools that are switched off by name.
    pub disabled_tools: PatternSet,
    /// Of a role: the only tools that it has. Empty means all that the levels allow.
    pub allowed_tools: PatternSet,
    /// The role that they are of; none: they are those of `[permissions]`.
    pub role: Option<String>,
    /// Of a role: what it may beside the levels.
    pub rights: Rights,
}

impl Default for Rules {
    fn default() -> Self {
        let rule = |level| LevelRule {
            grant: if level == Level::Read { Grant::On } else { Grant::Off },
            source: Source::default_value(),
        };
        Self {
            bypass: false,
            levels: Level::ALL.map(rule),
            containers: Filter::default(),
            images: Filter::default(),
            volumes: Filter::default(),
            networks: Filter::default(),
            projects: Filter::default(),
            disabled_tools: PatternSet::default(),
            allowed_tools: PatternSet::default(),
            role: None,
            rights: Rights::default(),
        }
    }
}

impl Rules {
    /// The rule of a level.
    #[must_use]
    pub fn level(&self, level: Level) -> &LevelRule {
        // Both are arrays of the same eight, in the same order.
        match level {
            Level::Read => &self.levels[0],
            Level::Lifecycle => &self.levels[1],
            Level::Exec => &self.levels[2],
            Level::Create => &self.levels[3],
            Level::Images => &self.levels[4],
            Level::Volumes => &self.levels[5],
            Level::Networks => &self.levels[6],
            Level::System => &self.levels[7],
        }
    }

    /// With a level raised: for containers of these names, or for all that the filters show.
    #[must_use]
    pub fn raised(mut self, level: Level, globs: Option<PatternSet>, source: &Source) -> Self {
        let Some(at) = Level::ALL.iter().position(|one| *one == level) else { return self };
        let Some(rule) = self.levels.get_mut(at) else { return self };
        let grant = match (&rule.grant, globs) {
            (Grant::On, _) => return self,
            (_, None) => Grant::On,
            (Grant::Off, Some(globs)) => Grant::Only(globs),
            (Grant::Only(standing), Some(globs)) => Grant::Only(standing.clone().with(&globs)),
        };
        *rule = LevelRule { grant, source: source.clone() };
        self
    }

    /// The section of the file that the levels stand in.
    #[must_use]
    pub fn section(&self) -> String {
        self.role.as_ref().map_or_else(|| "[permissions]".to_owned(), |role| format!("[roles.{role}]"))
    }

    /// Nothing is hidden from its callers.
    #[must_use]
    pub fn hides_nothing(&self) -> bool {
        let filters = [&self.containers, &self.images, &self.volumes, &self.networks, &self.projects];
        let open = filters.iter().all(|filter| filter.allow.is_empty() && filter.deny.is_empty());
        self.bypass || open && !matches!(self.level(Level::Read).grant, Grant::Only(_))
    }

    /// Does everything that callers under the other rules see exist under these, too?
    #[must_use]
    pub fn see_all_that(&self, others: &Self) -> bool {
        let texts =
            |list: &PatternSet| list.patterns().iter().map(|p| p.text.clone()).collect::<BTreeSet<_>>();
        let covers = |ours: &Filter, theirs: &Filter| {
            let open = ours.allow.is_empty();
            let within =
                open || !theirs.allow.is_empty() && texts(&theirs.allow).is_subset(&texts(&ours.allow));
            within && texts(&ours.deny).is_subset(&texts(&theirs.deny))
        };
        let reads = match (&self.level(Level::Read).grant, &others.level(Level::Read).grant) {
            (Grant::On | Grant::Off, _) => true,
            (Grant::Only(ours), Grant::Only(theirs)) => texts(theirs).is_subset(&texts(ours)),
            (Grant::Only(_), _) => false,
        };
        self.bypass
            || reads
                && covers(&self.containers, &others.containers)
                && covers(&self.images, &others.images)
                && covers(&self.volumes, &others.volumes)
                && covers(&self.networks, &others.networks)
                && covers(&self.projects, &others.projects)
    }

    /// Is that name on a blacklist, of whatever kind?
    #[must_use]
    pub fn deny_name(&self, name: &str) -> bool {
        let named = [&self.containers, &self.volumes, &self.networks, &self.projects];
        let image = ImageRef::parse(name).ok();
        named.iter().any(|filter| filter.deny.matches(name).is_some())
            || image.is_some_and(|image| self.images.deny.matches_image(&image).is_some())
    }

    /// Somebody holds the level, for some container at least.
    #[must_use]
    pub fn holds(&self, level: Level) -> bool {
        self.bypass || !matches!(self.level(level).grant, Grant::Off)
    }

    /// What the filters say of a container.
    ///
    /// A blacklist entry hides it by any of its identities (name, link alias, compose service, compose name, id, project);
    /// a whitelist entry shows it by its canonical name only, because aliases can be made by others.
    #[must_use]
    pub fn container(&self, c: &Container) -> Sight<'_> {
        if self.bypass {
            return Sight::Shown(None);
        }
        let short = c.id.get(..12).unwrap_or(&c.id);
        let identities =
            [c.name.as_str(), c.id.as_str(), short].into_iter().chain(c.aliases.iter().map(String::as_str));
        if let Some(by) = identities.into_iter().find_map(|name| self.containers.deny.matches(name)) {
            return Sight::Denied(by);
        }
        if let Some(project) = &c.project {
            match self.project(project) {
                Sight::Shown(_) => {}
                hidden => return hidden,
            }
        }
        let sight = allowed(&self.containers.allow, self.containers.allow.matches(&c.name));
        // Reading is seeing: a container out of the globs of `read` does not exist.
        match (&self.level(Level::Read).grant, sight) {
            (Grant::Only(globs), Sight::Shown(_)) => allowed(globs, globs.matches(&c.name)),
            (_, sight) => sight,
        }
    }

    /// What the filters say of an image: one denied reference hides it, one allowed shows it. One without any reference
    /// is shown only where there is no whitelist.
    #[must_use]
    pub fn image(&self, image: &Image) -> Sight<'_> {
        if self.bypass {
            return Sight::Shown(None);
        }
        if let Some(by) = image.references.iter().find_map(|r| self.images.deny.matches_image(r)) {
            return Sight::Denied(by);
        }
        allowed(&self.images.allow, image.references.iter().find_map(|r| self.images.allow.matches_image(r)))
    }

    /// What the filters say of a network's name and project.
    #[must_use]
    pub fn network(&self, network: &Network) -> Sight<'_> {
        self.of_project(network.project.as_deref(), self.named(&self.networks, &network.name))
    }

    /// What the filters say of a volume's name and project.
    #[must_use]
    pub fn volume(&self, volume: &Volume) -> Sight<'_> {
        self.of_project(volume.project.as_deref(), self.named(&self.volumes, &volume.name))
    }

    /// What the filters say of any target. One that is to be made is judged by the name it is to have.
    #[must_use]
    pub fn target(&self, target: &Target) -> Sight<'_> {
        match target {
            Target::Container(c) => self.container(c),
            Target::Image(i) => self.image(i),
            Target::Network(n) => self.network(n),
            Target::Volume(v) => self.volume(v),
            Target::NewContainer(new) => {
                self.container(&Container { name: new.name.clone(), ..Container::default() })
            }
            Target::NewNetwork(new) => self.named(&self.networks, &new.name),
            Target::NewVolume(new) => self.named(&self.volumes, &new.name),
            Target::Reference(r) => {
                self.image(&Image { references: vec![r.image.clone()], ..Image::default() })
            }
        }
    }

    /// A hidden project hides what belongs to it.
    fn of_project<'a>(&'a self, project: Option<&str>, sight: Sight<'a>) -> Sight<'a> {
        match project.map(|name| self.project(name)) {
            Some(hidden @ (Sight::Denied(_) | Sight::Unlisted)) => hidden,
            _ => sight,
        }
    }

    /// What the filters say of a compose project.
    #[must_use]
    pub fn project(&self, name: &str) -> Sight<'_> {
        self.named(&self.projects, name)
    }

    fn named<'a>(&'a self, filter: &'a Filter, name: &str) -> Sight<'a> {
        if self.bypass {
            return Sight::Shown(None);
        }
        match filter.deny.matches(name) {
            Some(by) => Sight::Denied(by),
            None => allowed(&filter.allow, filter.allow.matches(name)),
        }
    }
}

fn allowed<'a>(list: &PatternSet, hit: Option<&'a Pattern>) -> Sight<'a> {
    match hit {
        Some(by) => Sight::Shown(Some(by)),
        None if list.is_empty() => Sight::Shown(None),
        None => Sight::Unlisted,
    }
}

#[cfg(test)]
mod tests;
