//! What the filters show of everything else, for an inspection that names other objects: namespaces, volumes, images.

use std::collections::HashMap;

use crate::policy::reference::ImageRef;
use crate::policy::{Container, Image, Network, Permit, Rules, Volume, World};

use super::budget::Budget;
use super::error::EngineError;
use super::snapshot::{Seen, View, mask_ids};
use super::{Engine, images, ops};

/// What stands where a hidden object is referred to.
pub const HIDDEN: &str = "[hidden]";

/// The filters' answer for every other object, at one moment.
#[derive(Debug)]
pub struct Outlook<'r> {
    rules: &'r Rules,
    view: View,
    /// References by image id; fetched only where an image filter is set.
    images: HashMap<String, Vec<ImageRef>>,
}

impl Engine {
    /// Looks around.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn outlook<'r>(
        &self,
        budget: &Budget,
        permit: &'r Permit<World>,
    ) -> Result<Outlook<'r>, EngineError> {
        let rules = permit.rules();
        let view = self.view(budget, rules).await?;
        let unfiltered = rules.bypass || (rules.images.allow.is_empty() && rules.images.deny.is_empty());
        let images = if unfiltered { Vec::new() } else { self.image_candidates(budget, rules).await? };
        let images = images.into_iter().map(|(image, _)| (image.id, image.references)).collect();
        Ok(Outlook { rules, view, images })
    }
}

impl Outlook<'_> {
    /// The visible containers, newest first.
    #[must_use]
    pub fn containers(&self) -> &[Seen] {
        &self.view.containers.visible
    }

    /// The visible containers on a network, running or not.
    pub fn on_network<'s>(&'s self, network: &'s Network) -> impl Iterator<Item = &'s Container> {
        let on = |s: &&Seen| s.raw.network_settings.on().any(|on| on == network.id || on == network.name);
        self.containers().iter().filter(on).map(|s| &s.identity)
    }

    /// The name of the container that this refers to (a name, an id, the beginning of an id), or the mask. What refers to
    /// nothing that is there looks the same as what refers to something hidden.
    #[must_use]
    pub fn container(&self, reference: &str) -> &str {
        let words = reference.trim_start_matches('/');
        let names = |c: &Container| c.name == words || c.id == words || c.aliases.iter().any(|a| a == words);
        let begins = |c: &Container| ops::is_hex64(words) || (words.len() >= 12 && c.id.starts_with(words));
        let all = || self.view.containers.visible.iter().map(|s| &s.identity);
        all()
            .find(|c| names(c))
            .or_else(|| all().find(|c| c.id.starts_with(words) && begins(c)))
            .map_or(HIDDEN, |c| &c.name)
    }

    /// `container:` with the name of a visible container; every other mode is itself.
    #[must_use]
    pub fn namespace(&self, mode: &str) -> String {
        match mode.split_once(':') {
            Some(("container", reference)) => format!("container:{}", self.container(reference)),
            _ => mode.to_owned(),
        }
    }

    /// The same for networks, whose mode may also be a network's name.
    #[must_use]
    pub fn network_mode(&self, mode: &str) -> String {
        let word = mode.contains(':') || matches!(mode, "" | "default" | "bridge" | "host" | "none");
        if word || self.network(mode, "") { self.namespace(mode) } else { HIDDEN.to_owned() }
    }

    /// The network may be named beside a visible container.
    #[must_use]
    pub fn network(&self, name: &str, id: &str) -> bool {
        self.rules.network(&Network { id: id.to_owned(), name: name.to_owned(), project: None }).shown()
    }

    /// The volume exists for the caller.
    #[must_use]
    pub fn volume(&self, name: &str) -> bool {
        self.rules.volume(&Volume { name: name.to_owned(), project: None }).shown()
            && !self.view.hidden_volumes.contains(name)
    }

    /// A path on the host, or the mask where it leads into a hidden volume's folder: `.../volumes/NAME`, however deep.
    #[must_use]
    pub fn host_path<'p>(&self, path: &'p str) -> &'p str {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let into_hidden = parts
            .windows(2)
            .any(|pair| matches!(pair, ["volumes", name] if ops::is_name(name) && !self.volume(name)));
        if into_hidden { HIDDEN } else { path }
    }

    /// The image as it is written; another name of it where only that one may be seen; the mask where none may.
    #[must_use]
    pub fn image(&self, written: &str, id: &str) -> String {
        let by_now = self.images.get(id).map(Vec::as_slice).unwrap_or_default();
        let as_written = ImageRef::parse(written).ok();
        let references: Vec<ImageRef> = as_written.iter().chain(by_now).cloned().collect();
        let image = Image { id: id.to_owned(), references };
        if !self.rules.image(&image).shown() {
            return HIDDEN.to_owned();
        }
        let shown = images::visible(self.rules, &image);
        match &as_written {
            Some(reference) if !shown.contains(reference) => {
                shown.first().map_or_else(|| HIDDEN.to_owned(), ImageRef::familiar)
            }
            _ => written.to_owned(),
        }
    }

    /// The references of an image that the filters show.
    #[must_use]
    pub fn references(&self, image: &Image) -> Vec<String> {
        images::visible(self.rules, image).iter().map(ImageRef::familiar).collect()
    }

    /// Names of visible containers made from the image.
    #[must_use]
    pub fn users_of_image(&self, id: &str) -> Vec<&str> {
        self.containers()
            .iter()
            .filter(|s| s.identity.image_id == id)
            .map(|s| s.identity.name.as_str())
            .collect()
    }

    /// Names of visible containers that mount the volume.
    #[must_use]
    pub fn users_of_volume(&self, name: &str) -> Vec<&str> {
        let mounts = |s: &&Seen| s.raw.mounts.iter().any(|m| m.name == name);
        self.containers().iter().filter(mounts).map(|s| s.identity.name.as_str()).collect()
    }

    /// The compose service has a container, and only hidden ones.
    #[must_use]
    pub fn hides_service(&self, project: &str, service: &str) -> bool {
        let is =
            |c: &Container| c.project.as_deref() == Some(project) && c.service.as_deref() == Some(service);
        self.view.containers.hidden.iter().any(|h| is(&h.identity))
            && !self.view.containers.visible.iter().any(|s| is(&s.identity))
    }

    /// What the engine itself wrote (the reason of a failed start), without ids and the names of hidden containers and volumes.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let mut out = mask_ids(text);
        let containers = self.view.containers.hidden.iter().map(|hidden| &hidden.identity.name);
        for name in containers.chain(&self.view.hidden_volumes) {
            if out.contains(name.as_str()) {
                out = out.replace(name.as_str(), HIDDEN);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::raw;
    use crate::engine::snapshot::{Unseen, identity};
    use crate::policy::pattern::Kind;
    use crate::policy::{Filter, Pattern, PatternSet, Source};

    fn deny(kind: Kind, texts: &[&str]) -> Filter {
        let pattern = |t: &&str| Pattern { text: (*t).to_owned(), source: Source::default_value() };
        Filter {
            allow: PatternSet::default(),
            deny: PatternSet::new(kind, texts.iter().map(pattern).collect()).unwrap(),
        }
    }

    fn container(name: &str, digit: &str) -> raw::Container {
        raw::Container {
            id: digit.repeat(64),
            names: vec![format!("/{name}")],
            mounts: vec![raw::Mount { name: format!("{name}-data"), ..raw::Mount::default() }],
            ..raw::Container::default()
        }
    }

    fn outlook(rules: &Rules) -> Outlook<'_> {
        let mut view = View::default();
        let web = container("web", "a");
        view.containers.visible.push(Seen { identity: identity(&web), raw: web });
        let vault = identity(&container("vault", "b"));
        view.containers.hidden.push(Unseen { identity: vault, rule: String::new() });
        view.hidden_volumes.insert("vault-data".into());
        let secret = ImageRef::parse("secret/app:1").unwrap();
        Outlook { rules, view, images: HashMap::from([("sha256:1".to_owned(), vec![secret])]) }
    }

    #[test]
    fn references_to_hidden_containers_and_to_nothing_look_the_same() {
        let rules = Rules::default();
        let outlook = outlook(&rules);
        assert_eq!(outlook.namespace(&format!("container:{}", "a".repeat(64))), "container:web");
        for reference in ["vault", &"b".repeat(64), &"b".repeat(12), "gone", &"c".repeat(64)] {
            assert_eq!(
                outlook.namespace(&format!("container:{reference}")),
                "container:[hidden]",
                "{reference}"
            );
        }
        assert_eq!(outlook.network_mode("host"), "host");
        assert_eq!(
            outlook.scrub(&format!("cannot join {} of vault", "b".repeat(64))),
            "cannot join [id] of [hidden]"
        );
    }

    #[test]
    fn volumes_by_name_and_by_path() {
        let rules = Rules { volumes: deny(Kind::Name, &["secret*"]), ..Rules::default() };
        let outlook = outlook(&rules);
        assert!(outlook.volume("web-data"));
        assert!(!outlook.volume("vault-data") && !outlook.volume("secrets"));
        assert_eq!(outlook.host_path("/var/lib/docker/volumes/vault-data/_data/x"), HIDDEN);
        assert_eq!(
            outlook.host_path("/var/lib/docker/volumes/web-data/_data"),
            "/var/lib/docker/volumes/web-data/_data"
        );
        // Any data root may be meant; a folder of the same name is masked with it.
        assert_eq!(outlook.host_path("/srv/docker/volumes/secret"), HIDDEN);
        assert_eq!(outlook.host_path("/volumes/x/volumes/vault-data"), HIDDEN);
        assert_eq!(outlook.host_path("/home/me/secret"), "/home/me/secret");
    }

    #[test]
    fn an_image_is_hidden_by_any_of_its_names() {
        let rules = Rules { images: deny(Kind::Image, &["secret/*"]), ..Rules::default() };
        let outlook = outlook(&rules);
        assert_eq!(outlook.image("app:1", "sha256:1"), HIDDEN);
        assert_eq!(outlook.image("secret/other", "sha256:2"), HIDDEN);
        assert_eq!(outlook.image("app:1", "sha256:2"), "app:1");
    }

    #[test]
    fn an_image_is_shown_by_the_name_that_may_be_seen() {
        let images = Filter { allow: deny(Kind::Image, &["myorg/*"]).deny, ..Filter::default() };
        let rules = Rules { images, networks: deny(Kind::Name, &["secret"]), ..Rules::default() };
        let mut outlook = outlook(&rules);
        outlook.images.insert("sha256:3".into(), vec![ImageRef::parse("myorg/app:1").unwrap()]);
        assert_eq!(outlook.image("other/app:1", "sha256:3"), "myorg/app:1");
        assert_eq!(outlook.image("other/app:1", "sha256:4"), HIDDEN);
        assert_eq!(outlook.network_mode("secret"), HIDDEN);
        assert_eq!(outlook.network_mode("bridge"), "bridge");
    }
}
