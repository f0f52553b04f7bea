//! What `[secrets]` names, read when it is needed. Blocking: for threads that may wait.

use std::io::Read;

use super::settings::SecretSource;

/// No password is longer.
const MOST: u64 = 64 << 10;

impl SecretSource {
    /// The secret itself. A file's last line end is not part of it.
    ///
    /// # Errors
    /// A lowercase fragment that tells where it should be, and nothing of what is there.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Self::Env(name) => {
                std::env::var(name).map_err(|_| format!("the server has no variable `{name}`"))
            }
            Self::File(path) => {
                let shown = path.display();
                let mut text = String::new();
                let file = std::fs::File::open(path).map_err(|e| format!("`{shown}`: {e}"))?;
                if !file.metadata().is_ok_and(|meta| meta.is_file()) {
                    return Err(format!("`{shown}` is no file"));
                }
                file.take(MOST + 1)
                    .read_to_string(&mut text)
                    .map_err(|e| format!("`{shown}`: {}", e.kind()))?;
                if text.len() as u64 > MOST {
                    return Err(format!("`{shown}` is larger than 64 kB"));
                }
                let end =
                    text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
                Ok(end.to_owned())
            }
        }
    }
}
