//! Waiting for a [`Claim`]: whoever finishes and whoever undoes the same half-done change at once can leave neither of its
//! two containers.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::{Kind, ToolError};
pub use crate::state::Claim;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Where claims are kept. Servers that share it never work on one thing at once.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    folder: Option<PathBuf>,
}

impl Claims {
    /// In this folder, which is made when it is needed.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// Waits for the claim until then. `name`: of letters, digits and dashes.
    ///
    /// # Errors
    /// `conflict` where somebody else holds it all the time; `unsupported` where there is no place for it.
    pub async fn take(&self, name: &str, until: Instant) -> Result<Claim, ToolError> {
        let Some(folder) = &self.folder else {
            return Err(ToolError::new(Kind::Unsupported, "there is no folder to keep a claim in")
                .hint("name one in [audit] dir"));
        };
        loop {
            let (at, name) = (folder.clone(), name.to_owned());
            let tried = tokio::task::spawn_blocking(move || Claim::attempt(&at, &name)).await;
            match tried.map_err(|e| ToolError::internal(e.to_string()))? {
                Ok(Some(claim)) => return Ok(claim),
                Ok(None) if Instant::now() < until => sleep(PAUSE).await,
                Ok(None) => {
                    return Err(ToolError::new(
                        Kind::Conflict,
                        "a docker-mcp is at work on it, or puts right what was left half done",
                    )
                    .hint("docker_inspect shows in a moment what came of it"));
                }
                Err(e) => {
                    return Err(ToolError::new(Kind::Unsupported, "a claim on it cannot be kept")
                        .hint("see to the rights of the folder in [audit] dir")
                        .detail(format!("{}: {e}", folder.display())));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let claims = Claims::at(folder.path().join("locks"));
        let soon = || Instant::now() + Duration::from_millis(250);
        let held = claims.take("a", soon()).await.unwrap();
        assert_eq!(claims.take("a", soon()).await.unwrap_err().kind, Kind::Conflict);
        let _other = claims.take("b", soon()).await.unwrap();
        drop(held);
        let held = claims.take("a", soon()).await.unwrap();
        let waiting = claims.clone();
        let waiting = tokio::spawn(async move { waiting.take("a", soon()).await.is_ok() });
        sleep(Duration::from_millis(50)).await;
        drop(held);
        assert!(waiting.await.unwrap());
        assert_eq!(Claims::default().take("a", soon()).await.unwrap_err().kind, Kind::Unsupported);
        let barred = Claims::at("/proc/docker-mcp".into());
        assert_eq!(barred.take("a", soon()).await.unwrap_err().kind, Kind::Unsupported);
    }
}
