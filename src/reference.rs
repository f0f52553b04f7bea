//! Documents that follow from the code: rendered here, checked in, and a test fails when they are stale.

use crate::config;
use crate::server::catalogue;

/// The README's table of tools.
#[must_use]
pub fn tool_table() -> String {
    let mut table = String::from("| tool | level | what it does |\n|---|---|---|\n");
    for def in catalogue::all() {
        let levels: Vec<&str> = def.spec.levels.iter().map(|level| level.name()).collect();
        table.push_str(&format!("| `{}` | {} | {} |\n", def.spec.name, levels.join(" + "), def.spec.summary));
    }
    table
}

/// The reference of all configuration keys.
#[must_use]
pub fn config_table() -> String {
    let mut table = String::from(
        "# Configuration keys\n\nGenerated from the reader of the file; `config.example.toml` holds them all.\n\n",
    );
    table.push_str("| key | what may stand there | default | meaning |\n|---|---|---|---|\n");
    for key in config::keys() {
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        table.push_str(&format!(
            "| `{}` | {} | `{}` | {} |\n",
            key.key,
            cell(&key.shape),
            cell(key.default.as_deref().unwrap_or("")),
            cell(&key.doc)
        ));
    }
    table
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Puts `content` between the markers `name:begin` and `name:end` of a file, or says that it is stale.
    fn hold(path: &str, name: &str, content: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, rest) = text.split_once(&begin).expect("the begin marker");
        let (old, tail) = rest.split_once(&end).expect("the end marker");
        if old == content {
            return;
        }
        assert!(
            std::env::var_os("UPDATE").is_some(),
            "{} is stale: run the tests with UPDATE=1",
            path.display()
        );
        std::fs::write(&path, format!("{head}{begin}{content}{end}{tail}")).unwrap();
    }

    #[test]
    fn the_readme_lists_the_tools() {
        hold("README.md", "tools", &tool_table());
    }

    #[test]
    fn the_reference_lists_the_keys() {
        hold("docs/configuration.md", "keys", &config_table());
    }
}
