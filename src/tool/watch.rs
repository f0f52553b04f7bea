//! Somebody who sees a change through that must not be left half done, should this process die in the middle of it.

use std::ffi::OsString;
use std::time::Duration;

use tokio::time::timeout;

use crate::child::{self, Apart};

use super::claim::Claims;
use super::error::{Kind, ToolError};

/// How long a copy of ours has to be ready: it reads the configuration, and asks the engine once.
const READY: Duration = Duration::from_secs(8);

/// How such a copy of this program is started. Who embeds the library has no program of ours, and none of these.
#[derive(Debug, Clone, Default)]
pub struct Watchdogs {
    args: Option<Vec<OsString>>,
    /// Only one of us works on a thing at a time.
    pub claims: Claims,
}

impl Watchdogs {
    /// With these arguments, the container's id as the last one.
    #[must_use]
    pub fn of(args: Vec<OsString>) -> Self {
        Self { args: Some(args), ..Self::default() }
    }

    /// With claims kept there.
    #[must_use]
    pub fn keeping(self, claims: Claims) -> Self {
        Self { claims, ..self }
    }

    /// One that watches over this container from now on. `place`: where the engine is, which must be the same for it.
    ///
    /// # Errors
    /// There is none, and why. Nothing was touched.
    pub async fn start(&self, id: &str, place: &str) -> Result<Watch, ToolError> {
        let refused = |why: &str| {
            ToolError::new(
                Kind::ChildUnavailable,
                format!("nobody could see it through, should this server be killed in the middle: {why}"),
            )
        };
        let Some(args) = &self.args else {
            return Err(refused(
                "this program embeds docker-mcp, and has no `docker-mcp` to start beside it",
            )
            .hint("do it with the program `docker-mcp`"));
        };
        let args = args.iter().cloned().chain([id.into()]).collect();
        let (apart, line) = child::start_apart(args).await?;
        let said = match timeout(READY, line).await {
            Ok(Ok(said)) => said,
            Ok(Err(_)) => {
                return Err(refused("the docker-mcp that was started for that ended at once")
                    .hint("`docker-mcp doctor` may say why"));
            }
            Err(_) => return Err(refused("the docker-mcp that was started for that was not ready in time")),
        };
        match said.trim().split_once(' ') {
            Some(("ready", theirs)) if theirs == place => Ok(Watch(apart)),
            Some(("ready", _)) => Err(refused("the configuration means another engine by now")
                .hint("restart the server with the configuration that is in force")),
            Some(("refused", why)) => Err(refused(why)),
            _ => Err(refused("it was not understood")),
        }
    }
}

/// A copy of ours that is ready. Dropped without a word, as by our death, it finishes or undoes what was begun.
#[derive(Debug)]
pub struct Watch(Apart);

impl Watch {
    /// It came out, one way or the other: nobody is needed any more.
    pub fn done(self) {
        self.0.done();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_embeds_us_has_none() {
        let refused = Watchdogs::default().start("id", "unix:///x").await.unwrap_err();
        assert_eq!(refused.kind, Kind::ChildUnavailable);
        assert!(refused.message.contains("embeds docker-mcp"), "{}", refused.message);
    }
}
