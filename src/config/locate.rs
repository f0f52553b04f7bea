//! Where the file is, and whether it can be trusted to be the person's own.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Sources;
use super::error::{Problem, TextFile};
use super::parse::Format;

/// The variable that names a file.
pub const VARIABLE: &str = "DOCKER_MCP_CONFIG";

/// Larger files are no configuration.
const MOST: u64 = 1 << 20;

/// A file that was read.
#[derive(Debug)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// By its extension.
    pub format: Format,
    /// What it holds, without a byte order mark.
    pub file: TextFile,
}

/// The files that are looked at where none is named, the one that `config init` writes first.
#[must_use]
pub fn candidates(sources: &Sources) -> Vec<PathBuf> {
    let home = sources.home.as_ref().map(|home| home.join(".config"));
    let mut folders: Vec<PathBuf> = sources.config_dir.iter().cloned().chain(home).collect();
    folders.dedup();
    folders
        .iter()
        .map(|folder| folder.join("docker-mcp"))
        .flat_map(|folder| [folder.join("config.toml"), folder.join("config.json")])
        .collect()
}

/// Finds and reads the file; `None`: there is none, which only the default place may say.
///
/// # Errors
/// A named file that is missing, two default files at once, or a file that [`read`] refuses.
pub fn find(sources: &Sources) -> Result<Option<Found>, Box<Problem>> {
    if let Some(path) = &sources.config {
        return read(path).map(Some);
    }
    let named = sources.env.iter().find(|(name, path)| name == VARIABLE && !path.is_empty());
    if let Some((_, path)) = named {
        let read = read(Path::new(path));
        return read.map(Some).map_err(|mut problem| {
            problem.hint = Some(match problem.hint {
                Some(hint) => format!("{hint} (the file is named by ${VARIABLE})"),
                None => format!("the file is named by ${VARIABLE}"),
            });
            problem
        });
    }
    // A link that leads nowhere exists: to fall back to defaults would drop the guards that it was to bring.
    let present: Vec<PathBuf> =
        candidates(sources).into_iter().filter(|p| fs::symlink_metadata(p).is_ok()).collect();
    match present.as_slice() {
        [] => Ok(None),
        [one] => read(one).map(Some),
        [first, second, ..] => {
            let message =
                format!("two configuration files: `{}` and `{}`", first.display(), second.display());
            let hint = "keep one of the two, or name one with `--config`".to_owned();
            Err(Box::new(Problem::of(Some(&first.display().to_string()), message, Some(hint))))
        }
    }
}

/// Reads one file.
///
/// # Errors
/// It is missing, unreadable, no file, too large, writable by others, empty, not UTF-8, or holds NUL; or its extension is
/// neither `toml` nor `json`.
pub fn read(path: &Path) -> Result<Found, Box<Problem>> {
    let name = path.display().to_string();
    let refuse = |message: String, hint: Option<String>| Box::new(Problem::of(Some(&name), message, hint));
    if fs::symlink_metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
        return Err(refuse(format!("cannot read `{name}`: there is no such file"), None));
    }
    let format = match path.extension().and_then(|e| e.to_str()) {
        Some("toml") => Format::Toml,
        Some("json") => Format::Json,
        _ => {
            let hint = "the extension tells the language: `.toml` or `.json`".to_owned();
            return Err(refuse(format!("`{name}` is neither TOML nor JSON by its name"), Some(hint)));
        }
    };
    let cannot = |e: std::io::Error| {
        let why = match e.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "we are not allowed to".to_owned(),
            _ => e.to_string(),
        };
        refuse(format!("cannot read `{name}`: {why}"), None)
    };
    // Opened once: what is checked is what is read.
    let handle = fs::File::open(path).map_err(cannot)?;
    let about = handle.metadata().map_err(cannot)?;
    if !about.is_file() {
        return Err(refuse(format!("`{name}` is not a file"), None));
    }
    if about.len() > MOST {
        return Err(refuse(format!("`{name}` is larger than {MOST} bytes"), None));
    }
    if writable_by_others(&about) {
        let message = format!("`{name}` can be written by others, who could switch off every guard in it");
        return Err(refuse(message, Some(format!("chmod go-w {name}"))));
    }
    let mut bytes = Vec::new();
    handle.take(MOST).read_to_end(&mut bytes).map_err(cannot)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            let lines = bytes.get(..e.valid_up_to()).unwrap_or_default().split(|b| *b == b'\n').count();
            return Err(refuse(
                format!("line {lines} is not UTF-8"),
                Some("save the file as UTF-8".to_owned()),
            ));
        }
    };
    let file = TextFile::new(&name, text);
    if let Some(at) = text.find('\0') {
        let message = "the file holds a NUL byte".to_owned();
        return Err(Box::new(Problem::at(&file, at..at + 1, message, None)));
    }
    if text.trim().is_empty() {
        let hint = "an empty file is often a failed write; remove it to use the defaults".to_owned();
        return Err(refuse(format!("`{name}` is empty"), Some(hint)));
    }
    Ok(Found { path: path.to_owned(), format, file })
}

#[cfg(unix)]
fn writable_by_others(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o022 != 0
}

#[cfg(not(unix))]
fn writable_by_others(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        #[cfg(unix)]
        chmod(&path, 0o644);
        path
    }

    #[cfg(unix)]
    fn chmod(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(path: &Path) -> String {
        read(path).unwrap_err().message
    }

    #[test]
    fn a_named_file_must_be_whole() {
        let dir = tempfile::tempdir().unwrap();
        assert!(refusal(&dir.path().join("missing.toml")).contains("no such file"));
        assert!(refusal(&write(dir.path(), "a.yaml", b"x: 1")).contains("neither TOML nor JSON"));
        assert!(refusal(&write(dir.path(), "config", b"x = 1")).contains("neither TOML nor JSON"));
        assert!(refusal(&write(dir.path(), "e.toml", b" \n")).contains("is empty"));
        assert!(refusal(&write(dir.path(), "n.toml", b"a = 1\n\0")).contains("NUL"));
        assert!(
            refusal(&write(dir.path(), "l.toml", b"a = 1\nb = \"\xff\"")).contains("line 2 is not UTF-8")
        );
        fs::create_dir(dir.path().join("d.toml")).unwrap();
        assert!(refusal(&dir.path().join("d.toml")).contains("is not a file"));
        let large = vec![b'#'; usize::try_from(MOST).unwrap() + 1];
        assert!(refusal(&write(dir.path(), "b.toml", &large)).contains("larger"));
        let bom = read(&write(dir.path(), "bom.json", b"\xef\xbb\xbf{}")).unwrap();
        assert_eq!((bom.file.text(), bom.format), ("{}", Format::Json));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "c.toml", b"dry_run = true");
        for (mode, fine) in
            [(0o600, true), (0o644, true), (0o664, false), (0o666, false), (0o622, false), (0o602, false)]
        {
            chmod(&path, mode);
            assert_eq!(read(&path).is_ok(), fine, "{mode:o}");
        }
        assert!(read(&path).unwrap_err().hint.unwrap().starts_with("chmod go-w "));
    }

    #[test]
    fn the_default_places_hold_one_file_at_most() {
        let dir = tempfile::tempdir().unwrap();
        let mut sources = Sources {
            home: Some(dir.path().to_owned()),
            config_dir: Some(dir.path().join("system")),
            ..Sources::default()
        };
        assert!(find(&sources).unwrap().is_none());
        let first = write(dir.path(), "system/docker-mcp/config.toml", b"dry_run = true");
        assert_eq!(find(&sources).unwrap().unwrap().path, first);
        let second = write(dir.path(), ".config/docker-mcp/config.json", b"{}");
        let message = find(&sources).unwrap_err().message;
        assert!(message.contains("config.toml") && message.contains("config.json"), "{message}");
        sources.env = vec![(VARIABLE.to_owned(), second.display().to_string())];
        assert_eq!(find(&sources).unwrap().unwrap().path, second);
        sources.config = Some(first.clone());
        assert_eq!(find(&sources).unwrap().unwrap().path, first);
        sources.config = None;
        sources.env = vec![(VARIABLE.to_owned(), "missing.toml".to_owned())];
        assert!(find(&sources).unwrap_err().hint.unwrap().contains(VARIABLE));
        // The same folder by both ways is one place.
        sources = Sources { config_dir: Some(dir.path().join(".config")), ..sources };
        sources.env.clear();
        assert_eq!(find(&sources).unwrap().unwrap().path, second);
    }

    #[cfg(unix)]
    #[test]
    fn a_default_link_that_leads_nowhere_is_not_no_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".config/docker-mcp")).unwrap();
        std::os::unix::fs::symlink("gone.toml", dir.path().join(".config/docker-mcp/config.toml")).unwrap();
        let sources = Sources { home: Some(dir.path().to_owned()), ..Sources::default() };
        assert!(find(&sources).unwrap_err().message.contains("no such file"));
    }
}
