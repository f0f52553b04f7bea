//! `.dockerignore`: what of a context is not sent.

use globset::{GlobBuilder, GlobMatcher};

/// Patterns in their order; the last that fits counts.
#[derive(Debug, Default)]
pub struct Ignore(Vec<(GlobMatcher, bool)>);

impl Ignore {
    /// From the file's text. `None`: a pattern that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut patterns = Vec::new();
        for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let (pattern, back) = match line.trim().strip_prefix('!') {
                Some(pattern) => (pattern.trim(), true),
                None => (line.trim(), false),
            };
            let parts: Vec<&str> =
                pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
            let clean = parts.join("/");
            if clean.is_empty() {
                continue;
            }
            let glob =
                GlobBuilder::new(&clean).literal_separator(true).backslash_escape(true).build().ok()?;
            patterns.push((glob.compile_matcher(), back));
        }
        Some(Self(patterns))
    }

    /// Is this path, relative to the context with `/` between its parts, left out?
    #[must_use]
    pub fn leaves_out(&self, path: &str) -> bool {
        let mut out = false;
        for (glob, back) in &self.0 {
            let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            let fits = ends.into_iter().any(|at| path.get(..at).is_some_and(|part| glob.is_match(part)));
            if fits {
                out = !back;
            }
        }
        out
    }

    /// May something below a folder that is left out be taken back?
    #[must_use]
    pub fn takes_back(&self) -> bool {
        self.0.iter().any(|(_, back)| *back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_fits_counts() {
        let ignore =
            Ignore::parse("# comment\n\n/target\n*.log\n**/cache\n!keep.log\ndocs/*\n!docs/a.md\n").unwrap();
        for (path, out) in [
            ("target", true),
            ("target/debug/x", true),
            ("src/target", false),
            ("a.log", true),
            ("src/a.log", false),
            ("keep.log", false),
            ("a/b/cache/c", true),
            ("cache", true),
            ("docs/b.md", true),
            ("docs/a.md", false),
            ("# comment", false),
        ] {
            assert_eq!(ignore.leaves_out(path), out, "{path}");
        }
        assert!(ignore.takes_back());
        assert!(Ignore::parse("[a").is_none());
    }
}
