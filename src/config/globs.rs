//! What two lists of globs allow together.
//!
//! The policy asks one allow list. Where a role or a variable narrows another, the patterns that match what both match are
//! worked out here, exactly for names, component by component for images.

use crate::policy::pattern::Kind;
use crate::policy::{Pattern, reference::ImageRef};

/// More alternatives than any honest pair of lists makes.
const MANY: usize = 512;

/// The patterns that match what an entry of `a` and an entry of `b` match. Each stands where its entry of `b` stands.
/// `None`: too many to be worked out.
#[must_use]
pub fn both(kind: Kind, a: &[Pattern], b: &[Pattern]) -> Option<Vec<Pattern>> {
    let mut out: Vec<Pattern> = Vec::new();
    for new in b {
        for old in a {
            let texts = match kind {
                Kind::Name => names(&old.text, &new.text)?,
                Kind::Image => images(&old.text, &new.text)?,
            };
            out.extend(texts.into_iter().map(|text| Pattern { text, source: new.source.clone() }));
            if out.len() > MANY {
                return None;
            }
        }
    }
    let texts: Vec<String> = out.iter().map(|p| p.text.clone()).collect();
    let mut index = 0;
    out.retain(|p| {
        let here = index;
        index += 1;
        !texts.iter().enumerate().any(|(i, other)| i < here && *other == p.text)
    });
    Some(out)
}

/// The names that two globs match, as globs.
fn names(a: &str, b: &str) -> Option<Vec<String>> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // cells[i][j]: what the rest of `a` from i and the rest of `b` from j match together. Filled from the end.
    let mut next: Vec<Vec<String>> = Vec::new();
    for i in (0..=a.len()).rev() {
        let mut row: Vec<Vec<String>> = vec![Vec::new(); b.len() + 1];
        for j in (0..=b.len()).rev() {
            let below = |j: usize| next.get(j).map(Vec::as_slice).unwrap_or_default();
            let right = row.get(j + 1).cloned().unwrap_or_default();
            let mut cell: Vec<String> = match (a.get(i), b.get(j)) {
                (None, None) => vec![String::new()],
                (Some('*'), Some('*')) => with('*', below(j).iter().chain(&right)),
                (Some('*'), None) => below(j).to_vec(),
                (None, Some('*')) => right,
                (Some('*'), Some(c)) => below(j).iter().cloned().chain(with(*c, right.iter())).collect(),
                (Some(c), Some('*')) => right.iter().cloned().chain(with(*c, below(j).iter())).collect(),
                (Some(x), Some(y)) if x == y => with(*x, below(j + 1).iter()),
                _ => Vec::new(),
            };
            cell.sort();
            cell.dedup();
            reduce(&mut cell);
            if cell.len() > MANY {
                return None;
            }
            if let Some(place) = row.get_mut(j) {
                *place = cell;
            }
        }
        next = row;
    }
    Some(next.into_iter().next().unwrap_or_default())
}

fn with<'t>(c: char, rests: impl Iterator<Item = &'t String>) -> Vec<String> {
    rests
        .map(|rest| if c == '*' && rest.starts_with('*') { rest.clone() } else { format!("{c}{rest}") })
        .collect()
}

/// Leaves out what another alternative covers.
fn reduce(list: &mut Vec<String>) {
    if list.len() < 2 {
        return;
    }
    let all = list.clone();
    list.retain(|text| !all.iter().any(|other| other != text && covers(other.as_bytes(), text.as_bytes())));
}

/// `wide` matches all that `narrow` matches: a star of `narrow` is a letter that only a star matches. Tries again only
/// from the last star, so that long patterns stay cheap.
fn covers(wide: &[u8], narrow: &[u8]) -> bool {
    let (mut w, mut n) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while n < narrow.len() {
        match wide.get(w) {
            Some(b'*') => {
                again = Some((w + 1, n));
                w += 1;
            }
            Some(c) if narrow.get(n) == Some(c) => (w, n) = (w + 1, n + 1),
            _ => match again {
                Some((star, from)) => {
                    again = Some((star, from + 1));
                    (w, n) = (star, from + 1);
                }
                None => return false,
            },
        }
    }
    wide.get(w..).unwrap_or_default().iter().all(|c| *c == b'*')
}

/// An image pattern in parts. `deep`: all below the components.
struct ImageGlob {
    components: Vec<String>,
    deep: bool,
    tag: Option<String>,
    digest: Option<String>,
}

/// The images that two patterns match. One that cannot be taken apart matches nothing together with another.
fn images(a: &str, b: &str) -> Option<Vec<String>> {
    if a == b {
        return Some(vec![a.to_owned()]);
    }
    let (Some(a), Some(b)) = (take_apart(a), take_apart(b)) else { return Some(Vec::new()) };
    let (short, long) = if a.components.len() <= b.components.len() { (&a, &b) } else { (&b, &a) };
    let fits = match (short.deep, long.deep) {
        (false, deep) => !deep && short.components.len() == long.components.len(),
        (true, true) => true,
        (true, false) => long.components.len() > short.components.len(),
    };
    // `x/*` and `x`: the same length, one deep. Nothing is both.
    if !fits {
        return Some(Vec::new());
    }
    let mut paths = vec![String::new()];
    for (i, component) in long.components.iter().enumerate() {
        let choices = match short.components.get(i) {
            Some(other) => names(other, component)?,
            None => vec![component.clone()],
        };
        let join =
            |path: &String, c: &String| if path.is_empty() { c.clone() } else { format!("{path}/{c}") };
        paths = paths.iter().flat_map(|path| choices.iter().map(move |c| join(path, c))).collect();
        if paths.len() > MANY {
            return None;
        }
    }
    if short.deep && long.deep {
        paths.iter_mut().for_each(|path| path.push_str(if path.is_empty() { "*" } else { "/*" }));
    }
    let tails: Vec<String> = match ((&a.tag, &a.digest), (&b.tag, &b.digest)) {
        ((None, None), (tag, digest)) | ((tag, digest), (None, None)) => vec![
            digest
                .as_ref()
                .map(|d| format!("@{d}"))
                .or_else(|| tag.as_ref().map(|t| format!(":{t}")))
                .unwrap_or_default(),
        ],
        ((_, Some(x)), (_, Some(y))) if x == y => vec![format!("@{x}")],
        ((Some(x), None), (Some(y), None)) => names(x, y)?.into_iter().map(|t| format!(":{t}")).collect(),
        _ => Vec::new(),
    };
    Some(paths.iter().flat_map(|path| tails.iter().map(move |tail| format!("{path}{tail}"))).collect())
}

/// Stands for a star where a reference is parsed, which knows none.
const STAR: &str = "x0star0x";

fn take_apart(text: &str) -> Option<ImageGlob> {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest.to_owned())),
        None => (text, None),
    };
    let slash = name.rfind('/').map_or(0, |i| i + 1);
    let (repository, tag) = match name.get(slash..)?.rfind(':') {
        Some(i) => {
            (name.get(..slash + i)?, name.get(slash + i + 1..).filter(|t| *t != "*").map(str::to_owned))
        }
        None => (name, None),
    };
    if repository == "*" {
        return Some(ImageGlob { components: Vec::new(), deep: true, tag, digest });
    }
    let (repository, deep) = match repository.strip_suffix("/*") {
        Some(above) => (above, true),
        None => (repository, false),
    };
    // A deep pattern is parsed with one component more, so that `myorg/*` is not taken for a single name.
    let probe = if deep { format!("{repository}/{STAR}") } else { repository.to_owned() };
    let probe = probe.replace('*', STAR);
    let parsed = ImageRef::parse(&probe).ok()?;
    let canonical = parsed.repository().replace(STAR, "*");
    let mut components: Vec<String> = canonical.split('/').map(str::to_owned).collect();
    if deep {
        components.pop();
        // `docker.io/*` is all of Docker Hub, not its library alone.
        if matches!(repository, "docker.io" | "index.docker.io" | "registry-1.docker.io") {
            components.truncate(1);
        }
    }
    Some(ImageGlob { components, deep, tag, digest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{PatternSet, Source};

    fn list(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|t| Pattern { text: (*t).into(), source: Source::default_value() }).collect()
    }

    fn set(kind: Kind, texts: &[&str]) -> PatternSet {
        PatternSet::new(kind, list(texts)).unwrap()
    }

    #[test]
    fn names_are_matched_together_exactly_when_both_match() {
        let alphabet = ["a", "b", "-"];
        let mut words = vec![String::new()];
        for _ in 0..5 {
            let longer: Vec<String> =
                words.iter().flat_map(|w| alphabet.iter().map(move |c| format!("{w}{c}"))).collect();
            words.extend(longer);
        }
        words.sort();
        words.dedup();
        words.retain(|w| !w.is_empty());
        let globs = ["*", "a*", "*b", "ab", "ab*", "*ba", "a*b", "*a*", "*a*b*", "a-*", "*-b", "*a*a", "b"];
        for x in globs {
            for y in globs {
                let together = both(Kind::Name, &list(&[x]), &list(&[y])).unwrap();
                let (sx, sy) = (set(Kind::Name, &[x]), set(Kind::Name, &[y]));
                let st = PatternSet::new(Kind::Name, together.clone()).unwrap();
                for word in &words {
                    let want = sx.matches(word).is_some() && sy.matches(word).is_some();
                    assert_eq!(st.matches(word).is_some(), want, "{x} and {y} on {word}: {together:?}");
                }
            }
        }
    }

    #[test]
    fn images_are_matched_together_exactly_when_both_match() {
        let globs = [
            "*",
            "nginx",
            "nginx:*",
            "nginx:1.*",
            "nginx:*-alpine",
            "docker.io/*",
            "docker.io/library/nginx",
            "myorg/*",
            "myorg/app",
            "myorg/a*",
            "myorg/team/*",
            "myorg/*/app",
            "reg.io/*",
            "reg.io/myorg/*:1*",
            "library/*",
            "reg.io:5000/x",
        ];
        let images = [
            "nginx",
            "nginx:1.27",
            "nginx:1.27-alpine",
            "nginx:alpine",
            "redis",
            "myorg/app",
            "myorg/abc:1",
            "myorg/team/app",
            "myorg/team/b/c",
            "reg.io/myorg/x:1.2",
            "reg.io/myorg/x",
            "reg.io/x",
            "reg.io:5000/x",
            "myorg/x/app",
        ];
        for x in globs {
            for y in globs {
                let together = both(Kind::Image, &list(&[x]), &list(&[y])).unwrap();
                let (sx, sy) = (set(Kind::Image, &[x]), set(Kind::Image, &[y]));
                let st = PatternSet::new(Kind::Image, together.clone()).unwrap();
                for image in images {
                    let image = ImageRef::parse(image).unwrap();
                    let want = sx.matches_image(&image).is_some() && sy.matches_image(&image).is_some();
                    assert_eq!(
                        st.matches_image(&image).is_some(),
                        want,
                        "{x} and {y} on {image}: {together:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_pair_made_to_explode_is_refused_quickly() {
        let a = "*a".repeat(40);
        let b = "*b".repeat(40);
        let _ = both(Kind::Name, &list(&[&a]), &list(&[&b]));
        let (a, b) = (list(&["*-db", "web-*", "api"]), list(&["web-*", "*-db"]));
        assert!(both(Kind::Name, &a, &b).unwrap().len() < 10);
    }
}
