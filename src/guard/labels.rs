//! Labels that a caller may give to what it makes.

use std::collections::BTreeMap;

use super::refusal::Refusal;

/// What begins so says to whom an object belongs: with it, a new one would join somebody's compose project.
const RESERVED: [&str; 4] = ["com.docker.", "io.docker.", "org.dockerproject.", "docker-mcp."];

const MOST: usize = 64;
const LONGEST: usize = 4096;

/// Are these labels that a caller may give?
///
/// # Errors
/// The first one that is not.
pub fn check(labels: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if labels.len() > MOST {
        return Err(Refusal::malformed(format!("{} labels", labels.len()), "64 are the most"));
    }
    for (key, value) in labels {
        let is_key = (1..=255).contains(&key.len())
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
        if !is_key {
            return Err(Refusal::malformed(
                format!("`{key}` is no key of a label"),
                "letters, digits, `.`, `_`, `-` and `/`",
            ));
        }
        if value.len() > LONGEST || value.chars().any(char::is_control) {
            return Err(Refusal::malformed(
                format!("the value of the label `{key}` is too long, or has control characters in it"),
                "one line of at most 4096 bytes",
            ));
        }
        let lower = key.to_ascii_lowercase();
        if RESERVED.iter().any(|prefix| lower.starts_with(prefix)) {
            return Err(Refusal::forbidden(
                format!("the label `{key}`"),
                "labels under com.docker., io.docker., org.dockerproject. and docker-mcp. say to whom an object belongs",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(key: &str, value: &str) -> Result<(), Refusal> {
        check(&BTreeMap::from([(key.to_owned(), value.to_owned())]))
    }

    #[test]
    fn labels_that_say_whose_it_is_are_reserved() {
        assert_eq!(label("team/app.role_1-x", "a = b, c"), Ok(()));
        for key in [
            "com.docker.compose.project",
            "COM.Docker.compose.project",
            "com.docker.volume.anonymous",
            "io.docker.x",
            "org.dockerproject.y",
            "docker-mcp.test",
        ] {
            assert!(matches!(label(key, "x"), Err(Refusal::Forbidden { .. })), "{key}");
        }
        for (key, value) in
            [("", "x"), ("a b", "x"), ("a=b", "x"), ("ä", "x"), ("a\n", "x"), ("a", "x\ny"), ("a", "\u{7f}")]
        {
            assert!(matches!(label(key, value), Err(Refusal::Malformed { .. })), "{key:?} {value:?}");
        }
        assert!(label("a", &"x".repeat(LONGEST + 1)).is_err());
        let many = (0..=MOST).map(|i| (format!("k{i}"), String::new())).collect();
        assert!(check(&many).is_err());
    }
}
