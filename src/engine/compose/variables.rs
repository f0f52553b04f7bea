//! Variables within the names of files that compose reads. Another value than compose finds would be another file than
//! the one that was looked at, so only what cannot be read in two ways is followed.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::cli::of_ours;
use super::dotenv::steers;

/// May the configuration pass a variable of that name? Not one that we set, nor one that steers. `HOME` may be passed:
/// then `~` means what it means to the server.
pub(super) fn may_pass(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let loads = name.starts_with("LD_") || name.starts_with("DYLD_");
    plain && !name.is_empty() && !loads && !steers(name) && (name == "HOME" || !of_ours(name))
}

/// What is known of variables in one place: the server's that are passed, then the env files of who includes, then one's
/// own. None: a file that could be read in more ways than one.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub passed: BTreeMap<String, OsString>,
    pub files: Vec<Option<BTreeMap<String, String>>>,
}

impl Known {
    fn value(&self, name: &str) -> Result<Option<&str>, &'static str> {
        if let Some(value) = self.passed.get(name) {
            return value.to_str().map(Some).ok_or("a variable of the server is no UTF-8");
        }
        if of_ours(name) || steers(name) {
            return Err("it names a variable of the environment of compose itself");
        }
        for file in &self.files {
            let Some(file) = file else {
                return Err("it has a variable, and the .env file is not plain enough to know its value");
            };
            if let Some(value) = file.get(name) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The name with its variables replaced.
    pub(super) fn follow(&self, written: &str) -> Result<String, &'static str> {
        let (mut out, mut rest) = (String::new(), written);
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let braced = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let (inside, behind) = match braced {
                Some(parts) => parts,
                None => {
                    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    after.split_at(after.find(|c| !name(c)).unwrap_or(after.len()))
                }
            };
            out.push_str(self.one(inside)?);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// `NAME`, `NAME:-default` or `NAME-default`.
    fn one<'a>(&'a self, inside: &'a str) -> Result<&'a str, &'static str> {
        let name_ends = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
        let (name, operator) = inside.split_at(name_ends);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("it has a variable that cannot be read");
        }
        let value = self.value(name)?;
        let value = match (operator.strip_prefix(":-"), operator.strip_prefix('-')) {
            _ if operator.is_empty() => value.ok_or("it has a variable that is not set")?,
            (Some(default), _) => value.filter(|value| !value.is_empty()).unwrap_or(default),
            (None, Some(default)) => value.unwrap_or(default),
            (None, None) => return Err("it has a variable with conditions, which are not followed there"),
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/-".contains(&b);
        if value.bytes().all(plain) {
            Ok(value)
        } else {
            Err("the value of a variable in it is no plain part of a path")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_one_meaning_is_followed() {
        let file = |pairs: &[(&str, &str)]| {
            Some(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        let passed = BTreeMap::from([("MODE".to_owned(), OsString::from("prod"))]);
        let files = vec![
            file(&[("MODE", "dev"), ("A", "x"), ("E", ""), ("S", "a b")]),
            file(&[("A", "y"), ("B", "z")]),
        ];
        let known = Known { passed, files };
        for (written, want) in [
            ("plain.env", "plain.env"),
            (".env.${MODE}", ".env.prod"),
            ("$A/${B}.yaml", "x/z.yaml"),
            ("${N:-d/e}.env", "d/e.env"),
            ("${E:-d}${E-d}", "d"),
        ] {
            assert_eq!(known.follow(written).as_deref(), Ok(want), "{written}");
        }
        for not in [
            "$N",
            "${N}",
            "$$A",
            "${A:+x}",
            "${A:?x}",
            "${N:-$A}",
            "${N:-${A}}",
            "${A",
            "$",
            "${HOME}",
            "$PWD",
            "$PATH",
            "${COMPOSE_PROJECT_NAME}",
            "${DOCKER_HOST:-x}",
            "${S}",
            "${1A}",
            "${DOCKER_MCP_JOB}",
        ] {
            assert!(known.follow(not).is_err(), "{not}: {:?}", known.follow(not));
        }
        let vague = Known { files: vec![None], ..Known::default() };
        assert!(vague.follow("$A").is_err() && vague.follow("${N:-x}").is_err() && vague.follow("a").is_ok());
    }

    #[test]
    fn what_steers_is_not_passed() {
        for (name, may) in [
            ("DB_PASSWORD", true),
            ("HOME", true),
            ("DOCKER_TAG", true),
            ("PATH", false),
            ("COMPOSE_FILE", false),
            ("DOCKER_HOST", false),
            ("LD_PRELOAD", false),
            ("", false),
            ("A B", false),
            ("PWD", false),
        ] {
            assert_eq!(may_pass(name), may, "{name}");
        }
    }
}
