//! What a call is about, as resolved from the engine: the decision is made on these, never on the caller's words.

use super::reference::ImageRef;

/// A container's identity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// 64 hex digits.
    pub id: String,
    /// The canonical name, without the leading slash.
    pub name: String,
    /// Every other name that reaches it: legacy-link aliases (`web/db`) and what the compose labels call it.
    pub aliases: Vec<String>,
    /// The compose project, from its label.
    pub project: Option<String>,
    /// The compose service, from its label.
    pub service: Option<String>,
    /// What the engine says it was made from, as written at creation.
    pub image: String,
    /// The image's id, `sha256:` and 64 hex digits.
    pub image_id: String,
}

/// An image's identity. One image has many references.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// `sha256:` and 64 hex digits.
    pub id: String,
    /// Tags and digests, canonical.
    pub references: Vec<ImageRef>,
}

impl Image {
    /// Does the engine take this name for it? A digest decides, whatever tag stands before it.
    #[must_use]
    pub fn is_called(&self, name: &ImageRef) -> bool {
        self.references.iter().any(|have| {
            have.repository() == name.repository()
                && match name.digest() {
                    Some(digest) => have.digest() == Some(digest),
                    None => have.tag().is_some() && have.tag() == name.tag(),
                }
        })
    }

    /// Is this its id, or enough of it that no name is mistaken for it: 12 hex digits, as listings show them?
    #[must_use]
    pub fn has_id(&self, text: &str) -> bool {
        const ENOUGH: usize = 12;
        let [id, text] = [&self.id, text].map(|id| id.strip_prefix("sha256:").unwrap_or(id));
        text.len() >= ENOUGH && id.starts_with(text)
    }
}

/// A network's identity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// 64 hex digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The compose project, from its label.
    pub project: Option<String>,
}

/// A volume's identity: it has no id of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// The compose project, from its label.
    pub project: Option<String>,
}

/// A container that is to be made, or to get another name: nothing but that name is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewContainer {
    /// The name it is to have.
    pub name: String,
    /// Nobody asked for this name: we chose it.
    pub generated: bool,
}

/// A network that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewNetwork {
    /// The name it is to have.
    pub name: String,
}

/// A volume that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewVolume {
    /// The name it is to have.
    pub name: String,
}

/// A name of an image, whether there is one or not: to pull it, to push it, to give it to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Canonical.
    pub image: ImageRef,
}

/// Any one object, or the name of one that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A container.
    Container(Container),
    /// An image.
    Image(Image),
    /// A network.
    Network(Network),
    /// A volume.
    Volume(Volume),
    /// A container that is to be made.
    NewContainer(NewContainer),
    /// A network that is to be made.
    NewNetwork(NewNetwork),
    /// A volume that is to be made.
    NewVolume(NewVolume),
    /// A name of an image.
    Reference(Reference),
}

impl Target {
    /// `container`, `image`, ...
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Container(_) | Self::NewContainer(_) => "container",
            Self::Image(_) | Self::Reference(_) => "image",
            Self::Network(_) | Self::NewNetwork(_) => "network",
            Self::Volume(_) | Self::NewVolume(_) => "volume",
        }
    }

    /// What the filter lists call its kind: `containers`, `images`, ...
    #[must_use]
    pub const fn list(&self) -> &'static str {
        match self {
            Self::Container(_) | Self::NewContainer(_) => "containers",
            Self::Image(_) | Self::Reference(_) => "images",
            Self::Network(_) | Self::NewNetwork(_) => "networks",
            Self::Volume(_) | Self::NewVolume(_) => "volumes",
        }
    }

    /// The name to show and to record.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Container(c) => c.name.clone(),
            Self::Image(i) => i.references.first().map_or_else(|| i.id.clone(), ImageRef::familiar),
            Self::Network(n) => n.name.clone(),
            Self::Volume(v) => v.name.clone(),
            Self::NewContainer(c) => c.name.clone(),
            Self::NewNetwork(n) => n.name.clone(),
            Self::NewVolume(v) => v.name.clone(),
            Self::Reference(r) => r.image.familiar(),
        }
    }

    /// It is a name only: what the filters say of it is no secret, for it was the caller's own word.
    #[must_use]
    pub const fn is_name(&self) -> bool {
        matches!(self, Self::NewContainer(_) | Self::NewNetwork(_) | Self::NewVolume(_) | Self::Reference(_))
    }
}
