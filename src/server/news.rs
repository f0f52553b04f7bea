//! Who is connected hears when the tools that it is served are others: after a reload, a grant, the end of one.

use std::sync::Arc;

use tokio::sync::watch::Receiver;

use super::{Caller, Server, catalogue};

/// What one caller was told of its tools.
#[derive(Debug)]
pub struct Listed {
    server: Arc<Server>,
    caller: Caller,
    news: Receiver<()>,
    tools: Vec<&'static str>,
}

impl Listed {
    /// Its tools as they are now.
    #[must_use]
    pub fn of(server: &Arc<Server>, caller: Caller) -> Self {
        let news = server.news();
        let caller = caller.whenever();
        let tools = names(server, &caller);
        Self { server: Arc::clone(server), caller, news, tools }
    }

    /// Waits until they are others. `false`: that will not be, for the server ends.
    pub async fn changed(&mut self) -> bool {
        loop {
            tokio::select! {
                news = self.news.changed() => if news.is_err() { return false },
                () = self.server.supervisor.shutdown.cancelled() => return false,
            }
            let now = names(&self.server, &self.caller);
            if now != self.tools {
                self.tools = now;
                return true;
            }
        }
    }
}

fn names(server: &Server, caller: &Caller) -> Vec<&'static str> {
    catalogue::served(&server.in_force_for(caller).settings.rules).map(|def| def.spec.name).collect()
}
