//! Image references in one canonical form, so that no spelling slips past a filter.

use std::fmt;

/// A parsed image reference: `docker.io/library/nginx`, a tag, a digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageRef {
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageRef {
    /// Parses what a person or the engine writes. No tag and no digest means `latest`, as everywhere in Docker.
    ///
    /// # Errors
    /// A lowercase fragment that says why this is no image reference.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest
            && !digest
                .strip_prefix("sha256:")
                .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_lower_hex))
        {
            return Err("the digest must be `sha256:` and 64 hex digits".into());
        }
        let after_slash = name.rfind('/').map_or(0, |i| i + 1);
        let (repository, tag) = match name.get(after_slash..).and_then(|last| last.rfind(':')) {
            Some(i) => (name.get(..after_slash + i).unwrap_or(name), name.get(after_slash + i + 1..)),
            None => (name, None),
        };
        if let Some(tag) = tag {
            let first_ok = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            if !first_ok
                || tag.len() > 128
                || !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
            {
                return Err("the tag must be 1 to 128 letters, digits, `_`, `.` or `-`".into());
            }
        }
        check_repository(repository)?;
        let tag = match (tag, digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self { repository: Self::with_registry(repository), tag, digest: digest.map(str::to_owned) })
    }

    /// `docker.io`, `registry.example:5000`.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.repository.split_once('/').map_or("", |(registry, _)| registry)
    }

    /// By its tag alone; by its digest alone, where it has both. The engine looks at the digest only.
    #[must_use]
    pub fn apart(&self) -> Option<(Self, Self)> {
        let (tag, digest) = (self.tag.clone()?, self.digest.clone()?);
        let repository = || self.repository.clone();
        Some((
            Self { repository: repository(), tag: Some(tag), digest: None },
            Self { repository: repository(), tag: None, digest: Some(digest) },
        ))
    }

    /// What the engine fetches it by: its digest alone, where it has both.
    #[must_use]
    pub fn fetched_as(&self) -> Self {
        self.apart().map_or_else(|| self.clone(), |(_, digest)| digest)
    }

    /// The names that fetching what is written there is judged by: with a digest its tag as well, for the engine does not
    /// compare them. The last is the one that it is fetched by.
    #[must_use]
    pub fn judged_as(words: &str) -> Vec<String> {
        match Self::parse(words).ok().and_then(|image| image.apart()) {
            Some((tag, digest)) => vec![tag.to_string(), digest.to_string()],
            None => vec![words.to_owned()],
        }
    }

    /// `docker.io/library/nginx`: registry and repository.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; absent where only a digest was given.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// `sha256:...`
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Puts the registry before a repository that names none: Docker Hub, and its `library/` for a single component.
    pub(super) fn with_registry(repository: &str) -> String {
        let (first, rest) = match repository.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (repository, None),
        };
        let is_registry = rest.is_some() && (first.contains(['.', ':']) || first == "localhost");
        let (registry, path) =
            if is_registry { (first, rest.unwrap_or_default()) } else { ("docker.io", repository) };
        let registry = same_registry(registry);
        if registry == "docker.io" && !path.contains('/') && path != "*" {
            return format!("docker.io/library/{path}");
        }
        format!("{registry}/{path}")
    }

    /// The short form that Docker shows: without Docker Hub and `library/`.
    #[must_use]
    pub fn familiar(&self) -> String {
        let short = self
            .repository
            .strip_prefix("docker.io/library/")
            .or_else(|| self.repository.strip_prefix("docker.io/"))
            .unwrap_or(&self.repository);
        self.suffixed(short)
    }

    fn suffixed(&self, repository: &str) -> String {
        let mut out = repository.to_owned();
        if let Some(tag) = &self.tag {
            out.push(':');
            out.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            out.push('@');
            out.push_str(digest);
        }
        out
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.suffixed(&self.repository))
    }
}

/// One spelling for each registry: hosts have no case, a port no leading zeros, and 443 is the usual one.
pub(crate) fn same_registry(registry: &str) -> String {
    let lower = registry.to_ascii_lowercase();
    let (host, port) = match lower.split_once(':') {
        Some((host, port)) => (host, port.trim_start_matches('0')),
        None => (lower.as_str(), ""),
    };
    match (host, port) {
        // Zeros alone are no port: it stays one, and nobody answers there.
        (host, "") if lower.contains(':') => format!("{host}:0"),
        ("docker.io" | "index.docker.io" | "registry-1.docker.io", "" | "443") => "docker.io".to_owned(),
        // A single word is a registry only with its port.
        (host, "443") if !host.contains('.') && host != "localhost" => format!("{host}:443"),
        (host, "" | "443") => host.to_owned(),
        (host, port) => format!("{host}:{port}"),
    }
}

fn is_lower_hex(b: u8) -> bool {
    b.is_ascii_digit() || (b'a'..=b'f').contains(&b)
}

fn check_repository(repository: &str) -> Result<(), String> {
    if repository.is_empty() || repository.len() > 255 {
        return Err("the name must have 1 to 255 characters".into());
    }
    let (registry, path) = match repository.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, repository),
    };
    if let Some(registry) = registry {
        let (host, port) = registry.split_once(':').unwrap_or((registry, "0"));
        let host_ok = !host.is_empty()
            && host.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        if !host_ok || !port.bytes().all(|b| b.is_ascii_digit()) || port.parse::<u16>().is_err() {
            return Err(format!("`{}` is no registry", registry.escape_default()));
        }
    }
    let component_ok = |c: &str| {
        let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let b = c.as_bytes();
        edge(b.first())
            && edge(b.last())
            && b.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(b))
            && !c.contains("..")
    };
    match path.split('/').find(|c| !component_ok(c)) {
        Some(c) => Err(format!(
            "`{}` is no part of an image name (lower case, digits, `.`, `_`, `-`)",
            c.escape_default()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_image_is_one_reference() {
        for text in [
            "nginx",
            "nginx:latest",
            "library/nginx",
            "docker.io/library/nginx",
            "index.docker.io/library/nginx:latest",
        ] {
            assert_eq!(
                ImageRef::parse(text).unwrap().to_string(),
                "docker.io/library/nginx:latest",
                "{text}"
            );
        }
        assert_eq!(ImageRef::parse("localhost:5000/a/b:1").unwrap().to_string(), "localhost:5000/a/b:1");
        assert_eq!(ImageRef::parse("myorg/app").unwrap().familiar(), "myorg/app:latest");
        for text in ["r.example/a", "R.Example/a", "r.example:443/a", "r.example:0443/a:latest"] {
            assert_eq!(ImageRef::parse(text).unwrap().to_string(), "r.example/a:latest", "{text}");
        }
        assert_eq!(ImageRef::parse("r.example:05000/a").unwrap().registry(), "r.example:5000");
        assert_eq!(ImageRef::parse("R:443/a").unwrap().registry(), "r:443");
        assert_eq!(ImageRef::parse("Docker.io:443/nginx").unwrap().familiar(), "nginx:latest");
    }

    #[test]
    fn what_could_leave_the_path_is_refused() {
        for text in [
            "",
            "../images/x",
            "a/../b",
            "a?b",
            "a#b",
            "a%2e",
            "/a",
            "a/",
            "A/b",
            "a b",
            "a\n",
            "a:",
            "a@sha256:12",
            "r.example:+5/a",
            "r.example:/a",
            "r.example:70000/a",
            "x..y",
        ] {
            assert!(ImageRef::parse(text).is_err(), "{text:?}");
        }
    }
}
