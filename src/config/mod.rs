//! TEXT -> SETTINGS
//!
//! A file, the environment and options go in; one immutable [`Settings`] comes out, or every problem at once. The file is
//! parsed to a small tree in which each value knows where it stands (`tree`); one walk over it asks for every key
//! (`resolve`), and asking is what makes a key known.
//!
//! From the weakest to the strongest: default, a variable of the seeds, the file, `DOCKER_MCP__SECTION__KEY`, an option.
//! Variables may only tighten guards.

mod env;
pub mod error;
mod forms;
mod globs;
pub mod keys;
mod kinds;
mod layers;
pub mod locate;
mod merge;
mod parse;
mod paths;
pub mod provenance;
mod reader;
mod resolve;
pub mod secret;
mod section;
pub mod settings;
mod tree;
pub mod units;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use error::TextFile;
pub use error::{Problem, Problems};
pub use keys::{Key, keys};
pub use layers::IgnoredEnv;
pub use provenance::{Described, Origin};
pub use settings::*;
pub use units::{duration, show_duration};

use layers::Layers;
pub use paths::Base;
use reader::Reader;
use tree::Node;

/// Every setting with its default, commented: what `config init` writes.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Where settings come from. Nothing else is looked at: no process environment, no clock.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--config`
    pub config: Option<PathBuf>,
    /// The whole environment; what concerns nobody here is left alone.
    pub env: Vec<(String, String)>,
    /// Options that set a key: key, text, option (`log.level`, `debug`, `--log-level`). They beat everything.
    pub options: Vec<(String, String, String)>,
    /// `--bypass-permissions`
    pub bypass: bool,
    /// `--allow-env-override`
    pub allow_env_override: bool,
    /// The home folder, absolute.
    pub home: Option<PathBuf>,
    /// The system's folder for configurations, absolute.
    pub config_dir: Option<PathBuf>,
    /// The folder for what we keep between two starts, absolute.
    pub state_dir: Option<PathBuf>,
    /// The current folder, absolute.
    pub cwd: Option<PathBuf>,
    /// Tool names as they may be written, and the names they mean; each tool stands there under its own name too.
    /// Empty: tool names are not checked.
    pub tools: Vec<(String, String)>,
}

impl Sources {
    /// What this process was started with: environment, folders. What is not UTF-8 in a variable
    /// becomes U+FFFD: left out, it could be a guard that nobody misses.
    #[must_use]
    pub fn of_process() -> Self {
        let dirs = directories::BaseDirs::new();
        let ours = directories::ProjectDirs::from("", "", "docker-mcp");
        Self {
            env: std::env::vars_os()
                .map(|(name, text)| {
                    (name.to_string_lossy().into_owned(), text.to_string_lossy().into_owned())
                })
                .collect(),
            home: dirs.as_ref().map(|d| d.home_dir().to_owned()),
            config_dir: dirs.as_ref().map(|d| d.config_dir().to_owned()),
            state_dir: ours.map(|d| d.state_dir().unwrap_or_else(|| d.data_local_dir()).to_owned()),
            cwd: std::env::current_dir().ok(),
            ..Self::default()
        }
    }
}

/// What [`load`] found.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Complete and checked.
    pub settings: Arc<Settings>,
    /// The file; absent where there is none and the defaults are in force.
    pub path: Option<PathBuf>,
    /// Variables of the seeds that have no effect, for `doctor`.
    pub ignored_env: Vec<IgnoredEnv>,
}

/// Reads and checks everything.
///
/// # Errors
/// All problems at once, in the order of the file.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let Some(found) = locate::find(sources).map_err(|p| Problems::new(vec![*p]))? else {
        return walk(sources, None, None).finish(None, Vec::new());
    };
    let (tree, syntax) = parse::parse(&found.file, found.format);
    walk(sources, Some(&found.file), Some(&tree)).finish(Some(found.path), syntax)
}

/// Checks a text as if it were the file `name`; its extension tells the language, TOML where there is none.
///
/// # Errors
/// All problems at once, in the order of the text.
pub fn load_text(sources: &Sources, name: &str, text: &str) -> Result<Loaded, Problems> {
    let file = TextFile::new(name, text);
    let json = std::path::Path::new(name).extension().is_some_and(|e| e == "json");
    let (tree, syntax) = parse::parse(&file, if json { parse::Format::Json } else { parse::Format::Toml });
    walk(sources, Some(&file), Some(&tree)).finish(None, syntax)
}

impl Default for Settings {
    /// What is in force where nobody says anything. Roots are empty: no current folder is known.
    fn default() -> Self {
        walk(&Sources::default(), None, None).settings
    }
}

/// One walk, with all that it found.
struct Walked {
    settings: Settings,
    problems: Vec<Problem>,
    ignored: Vec<IgnoredEnv>,
}

fn walk(sources: &Sources, file: Option<&TextFile>, tree: Option<&Node>) -> Walked {
    let layers = Layers::new(&sources.env, &sources.options, sources.allow_env_override);
    let base = Base { home: sources.home.clone(), cwd: sources.cwd.clone() };
    let mut reader = Reader::new(file, layers, base, &sources.tools);
    let mut settings = reader.root(tree, |s| resolve::settings(s, sources.bypass));
    reader.finish();
    settings.warnings = Problems::new(reader.warnings).list;
    settings.described = reader.described;
    settings.state.dir.clone_from(&sources.state_dir);
    Walked { settings, problems: reader.problems, ignored: reader.layers.ignored }
}

impl Walked {
    fn finish(self, path: Option<PathBuf>, syntax: Vec<Problem>) -> Result<Loaded, Problems> {
        let mut problems = self.problems;
        // A line that could not be parsed is read as best it can be; what the walk says of it would confuse.
        problems.retain(|p| p.line == 0 || !syntax.iter().any(|s| s.line == p.line));
        problems.extend(syntax);
        if !problems.is_empty() {
            return Err(Problems::new(problems));
        }
        Ok(Loaded { settings: Arc::new(self.settings), path, ignored_env: self.ignored })
    }
}
