//! Globs as the configuration writes them: `*` is any run of characters, everything else is itself.
//!
//! The wider glob syntax (`?`, `[a-z]`, `{a,b}`) is refused at load: a pattern that means something else than its author
//! thought is a hole in a guard.

use std::fmt;
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::reference::ImageRef;

/// Where a rule stands, for refusals and for `explain`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// The file's path as the person named it; `built-in default` where no file says it.
    pub file: Arc<str>,
    /// 1-based; 0 where there is no line (defaults, the command line).
    pub line: u32,
}

impl Source {
    /// A rule that nobody wrote.
    #[must_use]
    pub fn default_value() -> Self {
        Self { file: Arc::from("built-in default"), line: 0 }
    }

    /// A rule given on the command line.
    #[must_use]
    pub fn flag(name: &str) -> Self {
        Self { file: Arc::from(name), line: 0 }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { f.write_str(&self.file) } else { write!(f, "{}:{}", self.file, self.line) }
    }
}

/// One pattern with the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// As written.
    pub text: String,
    /// Where it stands.
    pub source: Source,
}

/// A pattern that cannot be used. `index` is its place in the list that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern {
    /// 0-based.
    pub index: usize,
    /// A lowercase fragment that says what is wrong.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
}

/// What the patterns of a set are matched against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Names of containers, volumes, networks, projects, tools: ASCII letters, digits, `_`, `.`, `-`.
    Name,
    /// Image references; `*` stays within one path component, a trailing `/*` covers everything below.
    Image,
}

/// Compiled patterns. Matching answers which one, so that a refusal can name its rule.
#[derive(Debug, Clone)]
pub struct PatternSet {
    patterns: Vec<Pattern>,
    set: GlobSet,
    /// Image patterns only: the tag or digest part of each, matched after the repository.
    tails: Vec<Tail>,
}

#[derive(Debug, Clone)]
enum Tail {
    Any,
    Tag(globset::GlobMatcher),
    Digest(String),
}

impl Default for PatternSet {
    fn default() -> Self {
        Self { patterns: Vec::new(), set: GlobSet::empty(), tails: Vec::new() }
    }
}

impl PatternSet {
    /// Both together. Of the same kind.
    #[must_use]
    pub fn with(self, other: &Self) -> Self {
        // Names compile alone, so they compile together; where they did not, what stood stays.
        let patterns = self.patterns.iter().chain(&other.patterns).cloned().collect();
        Self::new(Kind::Name, patterns).unwrap_or(self)
    }

    /// Compiles `patterns`.
    ///
    /// # Errors
    /// Every pattern that cannot be used, not only the first.
    pub fn new(kind: Kind, patterns: Vec<Pattern>) -> Result<Self, Vec<BadPattern>> {
        let mut builder = GlobSetBuilder::new();
        let mut tails = Vec::new();
        let mut bad = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let fail = |(message, hint): (String, Option<String>)| BadPattern { index, message, hint };
            let compiled = check_syntax(kind, &pattern.text).and_then(|()| match kind {
                Kind::Name => glob(&pattern.text, false).map(|g| (g, Tail::Any)),
                Kind::Image => image_glob(&pattern.text),
            });
            match compiled {
                Ok((glob, tail)) => {
                    builder.add(glob);
                    tails.push(tail);
                }
                Err(why) => bad.push(fail(why)),
            }
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        let set = builder.build().map_err(|e| {
            vec![BadPattern { index: 0, message: format!("the patterns do not compile: {e}"), hint: None }]
        })?;
        Ok(Self { patterns, set, tails })
    }

    /// No pattern at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns as written.
    #[must_use]
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The first pattern that a name matches. Names are compared case-sensitively, as the engine does.
    #[must_use]
    pub fn matches(&self, name: &str) -> Option<&Pattern> {
        if self.patterns.is_empty() {
            return None;
        }
        self.set.matches(name).first().and_then(|i| self.patterns.get(*i))
    }

    /// The first pattern that an image reference matches.
    #[must_use]
    pub fn matches_image(&self, image: &ImageRef) -> Option<&Pattern> {
        if self.patterns.is_empty() {
            return None;
        }
        self.set.matches(image.repository()).into_iter().find_map(|i| {
            let hit = match self.tails.get(i)? {
                Tail::Any => true,
                Tail::Tag(tag) => image.tag().is_some_and(|t| tag.is_match(t)),
                Tail::Digest(digest) => image.digest() == Some(digest),
            };
            if hit { self.patterns.get(i) } else { None }
        })
    }
}

type Why = (String, Option<String>);

fn check_syntax(kind: Kind, text: &str) -> Result<(), Why> {
    if text.is_empty() {
        return Err((
            "an empty pattern matches nothing".into(),
            Some("remove it, or write `*` for all".into()),
        ));
    }
    if let Some(c) = text.chars().find(|c| "?[]{}!\\".contains(*c)) {
        return Err((
            format!("`{c}` has no meaning in patterns here"),
            Some("only `*` is special: it stands for any run of characters".into()),
        ));
    }
    let allowed = |c: char| {
        c.is_ascii_alphanumeric() || "_.-*".contains(c) || (kind == Kind::Image && "/:@".contains(c))
    };
    if let Some(c) = text.chars().find(|c| !allowed(*c)) {
        let hint = if c == '/' {
            "names have no slash; write the bare name"
        } else {
            "names are ASCII letters, digits, `_`, `.` and `-`"
        };
        return Err((format!("`{}` cannot be part of a name", c.escape_default()), Some(hint.into())));
    }
    Ok(())
}

fn glob(text: &str, separators: bool) -> Result<globset::Glob, Why> {
    GlobBuilder::new(text)
        .literal_separator(separators)
        .backslash_escape(false)
        .build()
        .map_err(|e| (format!("`{text}` does not compile: {}", e.kind()), None))
}

/// Splits an image pattern as a reference would be split, so that both are compared in the same form.
fn image_glob(text: &str) -> Result<(globset::Glob, Tail), Why> {
    if text == "*" {
        return glob("**", true).map(|g| (g, Tail::Any));
    }
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    // A colon after the last slash is a tag; one before it belongs to the registry's port.
    let after_slash = name.rfind('/').map_or(0, |i| i + 1);
    let (repository, tag) = match name.get(after_slash..).and_then(|last| last.rfind(':')) {
        Some(i) => (name.get(..after_slash + i).unwrap_or(name), name.get(after_slash + i + 1..)),
        None => (name, None),
    };
    if let Some(c) =
        repository.rsplit_once(':').map_or(repository, |(_, r)| r).chars().find(char::is_ascii_uppercase)
    {
        return Err((format!("`{c}` is upper case; image names are lower case"), None));
    }
    let mut repository = ImageRef::with_registry(repository);
    if repository.ends_with("/*") {
        repository.push('*'); // `myorg/*` covers everything below, not one component only
    }
    let tail = match (digest, tag) {
        (Some(digest), _) => Tail::Digest(digest.to_owned()),
        (None, None | Some("*")) => Tail::Any,
        (None, Some(tag)) => Tail::Tag(glob(tag, false)?.compile_matcher()),
    };
    glob(&repository, true).map(|g| (g, tail))
}
