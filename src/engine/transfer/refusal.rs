//! What the engine's words on a failed transfer mean.
//!
//! The words themselves tell who listens in the engine's network (`connection refused`, `server gave HTTP response`): they
//! are sorted into a few meanings, and what is not known to be harmless is one meaning, the same for all.

/// Why a transfer was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A registry answered, and has no such image.
    NoSuchImage,
    /// A registry answered, and wants other credentials, or does not say whether there is such an image.
    NotAllowed,
    /// There is such an image, but not for that platform.
    NoSuchPlatform,
    /// The same, and the image for another platform came.
    AnotherPlatform,
    /// A registry answered that too much was asked of it.
    TooMany,
    /// The engine's disk is full.
    NoSpace,
    /// It would be: so many bytes are to come, for which there is no room.
    TooLarge(u64),
    /// The engine has no such image to push.
    NothingToPush,
    /// No registry answered there, or not as one.
    NoRegistry,
}

/// What stands in the words, in lower case; the first that fits.
const WORDS: &[(&str, Refusal)] = &[
    ("no space left on device", Refusal::NoSpace),
    ("no matching manifest for", Refusal::NoSuchPlatform),
    ("was found but does not match the specified platform", Refusal::NoSuchPlatform),
    ("does not provide the specified platform", Refusal::NoSuchPlatform),
    ("operating system is not supported", Refusal::NoSuchPlatform),
    ("cannot be used on this platform", Refusal::NoSuchPlatform),
    ("an image does not exist locally with the tag", Refusal::NothingToPush),
    ("tag does not exist", Refusal::NothingToPush),
    ("toomanyrequests", Refusal::TooMany),
    ("too many requests", Refusal::TooMany),
    ("no basic auth credentials", Refusal::NotAllowed),
    ("pull access denied", Refusal::NotAllowed),
    ("authentication required", Refusal::NotAllowed),
    ("requested access to the resource is denied", Refusal::NotAllowed),
    ("unauthorized", Refusal::NotAllowed),
    ("incorrect username or password", Refusal::NotAllowed),
    ("access forbidden", Refusal::NotAllowed),
    ("manifest unknown", Refusal::NoSuchImage),
    ("name unknown", Refusal::NoSuchImage),
    ("repository name not known", Refusal::NoSuchImage),
    ("manifest for ", Refusal::NoSuchImage),
];

impl Refusal {
    /// What these words mean.
    #[must_use]
    pub fn of(words: &str) -> Self {
        let words = words.to_ascii_lowercase();
        WORDS.iter().find(|(part, _)| words.contains(part)).map_or(Self::NoRegistry, |(_, why)| *why)
    }

    /// It tells nothing of who listens where in the engine's network.
    #[must_use]
    pub const fn is_the_engines_own(self) -> bool {
        matches!(self, Self::NoSpace | Self::TooLarge(_) | Self::NothingToPush | Self::AnotherPlatform)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_meanings_and_most_have_one() {
        for (words, want) in [
            (
                "manifest for r.example/a:1 not found: manifest unknown: manifest unknown",
                Refusal::NoSuchImage,
            ),
            (
                "pull access denied for a, repository does not exist or may require 'docker login': denied",
                Refusal::NotAllowed,
            ),
            ("Get \"http://r.example/v2/a\": no basic auth credentials", Refusal::NotAllowed),
            ("no matching manifest for linux/s390x in the manifest list entries", Refusal::NoSuchPlatform),
            ("write /x: no space left on device", Refusal::NoSpace),
            ("toomanyrequests: You have reached your pull rate limit.", Refusal::TooMany),
            ("dial tcp 127.0.0.1:1: connect: connection refused", Refusal::NoRegistry),
            (
                "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
                Refusal::NoRegistry,
            ),
            ("http: server gave HTTP response to HTTPS client", Refusal::NoRegistry),
            ("Get \"http://10.0.0.5/v2/\": EOF", Refusal::NoRegistry),
            ("received unexpected HTTP status: 500 Internal Server Error", Refusal::NoRegistry),
            ("", Refusal::NoRegistry),
        ] {
            assert_eq!(Refusal::of(words), want, "{words}");
        }
    }
}
