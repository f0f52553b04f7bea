//! STAND-IN, to be replaced at the merge: what a compose file would make compose read, for files as tests write them.

/// What compose would read while it loads a file.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// The project's name, as written.
    pub name: Option<String>,
    /// In the order of the file.
    pub reads: Vec<Read>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Read {
    /// What for.
    pub kind: Reads,
    /// As written.
    pub path: String,
    /// Where.
    pub line: usize,
    /// It must be there.
    pub required: bool,
}

/// What a file is read for.
#[derive(Debug, Clone)]
pub enum Reads {
    /// `include`
    Include {
        /// As written.
        project_directory: Option<String>,
        /// As written.
        env_files: Vec<String>,
    },
    /// `extends.file`
    Extends,
    /// `env_file`
    EnvFile,
    /// `label_file`
    LabelFile,
}

/// Why a text is no compose file.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Where.
    pub line: Option<usize>,
    /// What.
    pub message: String,
    /// And now?
    pub hint: String,
}

/// Reads one line after the other: `include: [a, { path: b }]`, `extends: { file: c }`, `env_file: d`.
///
/// # Errors
/// A tab at the beginning of a line.
pub fn references(text: &str) -> Result<References, Fault> {
    let (mut found, mut including) = (References::default(), false);
    for (at, line) in text.lines().enumerate() {
        if line.starts_with('\t') {
            let (message, hint) = ("a tab begins the line".to_owned(), "use spaces".to_owned());
            return Err(Fault { line: Some(at + 1), message, hint });
        }
        let item =
            line.trim().strip_prefix("- ").filter(|_| including).map(|item| format!("include: [{item}]"));
        including = line.trim() == "include:" || item.is_some();
        let line = item.as_deref().unwrap_or(line).replace('"', "");
        let line = line.as_str();
        let Some((key, value)) = line.trim().split_once(':') else { continue };
        let words = |key: &str| {
            let (_, rest) = value.split_once(&format!("{key}:"))?;
            Some(rest.split([',', '}', ']']).next().unwrap_or_default().trim().to_owned())
        };
        let kind = match key {
            "name" if line.starts_with("name") => {
                found.name = Some(value.trim().to_owned());
                continue;
            }
            "include" => Reads::Include {
                project_directory: words("project_directory"),
                env_files: words("env_file").into_iter().collect(),
            },
            "extends" => Reads::Extends,
            "env_file" => Reads::EnvFile,
            "label_file" => Reads::LabelFile,
            _ => continue,
        };
        let paths = match words("file").filter(|_| key == "extends").or_else(|| words("path")) {
            Some(path) => vec![path],
            None if key == "extends" => Vec::new(),
            None => value.split([',', '[', ']']).map(|path| path.trim().to_owned()).collect(),
        };
        let required = words("required").as_deref() != Some("false");
        for path in paths.into_iter().filter(|path| !path.is_empty()) {
            found.reads.push(Read { kind: kind.clone(), path, line: at + 1, required });
        }
    }
    Ok(found)
}
