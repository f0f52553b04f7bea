//! Files that a container's root may run by itself, as far as its configuration names them.

use serde_json::Value;

use crate::guard::exec::clean;

/// So many words are looked at.
const MOST: usize = 128;

/// Files that the words of its start and of its health check name: paths, words in the working folder, what stands behind
/// `=`, and the same of scripts that are given to a shell.
pub(super) fn of(inspection: &Value) -> Vec<String> {
    let text = |path: &str| inspection.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let list = |path: &str| inspection.pointer(path).and_then(Value::as_array).into_iter().flatten();
    let args = ["/Args", "/Config/Entrypoint", "/Config/Cmd", "/Config/Healthcheck/Test"];
    let words = args.into_iter().flat_map(list).filter_map(Value::as_str);
    let words = std::iter::once(text("/Path")).chain(words);
    let mut all: Vec<String> = Vec::new();
    for word in words.flat_map(|word| word.split(apart)).filter(|word| names_a_file(word)) {
        let path = absolute(word, text("/Config/WorkingDir"));
        if !all.contains(&path) && all.len() < MOST {
            all.push(path);
        }
    }
    all
}

/// Folders where its root looks for programs: that of the one it was started with, and those of its PATH.
pub(super) fn folders(inspection: &Value) -> Vec<String> {
    let text = |path: &str| inspection.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let start = Some(text("/Path")).filter(|path| path.contains('/'));
    let start = start.map(|path| absolute(path, text("/Config/WorkingDir")));
    let start = start.and_then(|path| path.rsplit_once('/').map(|(folder, _)| folder.to_owned()));
    let env = inspection.pointer("/Config/Env").and_then(Value::as_array).into_iter().flatten();
    let ways = env.filter_map(Value::as_str).filter_map(|line| line.strip_prefix("PATH="));
    let ways = ways.flat_map(|path| path.split(':')).filter(|folder| folder.starts_with('/'));
    let ways = ways.map(|folder| absolute(folder, "/"));
    let mut all: Vec<String> = start.into_iter().chain(ways).filter(|folder| folder.len() > 1).collect();
    all.sort();
    all.dedup();
    all
}

/// Where words of a script, of a list or of an assignment end.
fn apart(c: char) -> bool {
    c.is_whitespace() || "=;&|<>(){}'\"`,:$".contains(c)
}

fn names_a_file(word: &str) -> bool {
    let bare = word.trim_start_matches('/');
    !bare.is_empty() && bare != "." && !word.starts_with('-') && !word.bytes().all(|b| b.is_ascii_digit())
}

/// A path as the container's own program takes it.
fn absolute(path: &str, folder: &str) -> String {
    let whole = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{folder}/{path}"),
    };
    clean(&whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_that_may_be_files_are_found() {
        let inspection = json!({
            "Path": "/opt/run", "Args": ["app.py", "--config=/conf/a.toml", "9999", "-v"],
            "Config": {
                "WorkingDir": "/srv", "Env": ["A=b", "PATH=/usr/bin:/opt/tools:relative:/"],
                "Entrypoint": ["/opt/run"], "Cmd": ["sh", "-c", "cd /data; ./up.sh && exec ../bin/x"],
                "Healthcheck": { "Test": ["CMD-SHELL", "test -x /data/check && /data/check || exit 1"] },
            },
        });
        let all = of(&inspection);
        for file in ["/opt/run", "/srv/app.py", "/conf/a.toml", "/srv/up.sh", "/bin/x", "/data/check"] {
            assert!(all.iter().any(|f| f == file), "{file} in {all:?}");
        }
        assert!(!all.iter().any(|f| f.contains("9999") || f.contains("-v")), "{all:?}");
        assert_eq!(folders(&inspection), ["/opt", "/opt/tools", "/usr/bin"]);
        assert_eq!(of(&json!(null)), Vec::<String>::new());
    }
}
