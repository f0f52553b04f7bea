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

/// Any one object.
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
}

impl Target {
    /// `container`, `image`, ...
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Container(_) => "container",
            Self::Image(_) => "image",
            Self::Network(_) => "network",
            Self::Volume(_) => "volume",
        }
    }

    /// What the filter lists call its kind: `containers`, `images`, ...
    #[must_use]
    pub const fn list(&self) -> &'static str {
        match self {
            Self::Container(_) => "containers",
            Self::Image(_) => "images",
            Self::Network(_) => "networks",
            Self::Volume(_) => "volumes",
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
        }
    }
}
