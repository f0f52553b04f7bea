//! `docker-mcp watch-recreation ID`: started by a server beside its `docker_recreate`, never by a person. Should the server
//! be killed in the middle, it finishes or undoes what was begun.

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

use crate::app::App;
use crate::child;
use crate::server::watch::Watchdog;

use super::{OK, block_on, failed, out};

/// The name of the command.
pub(super) const NAME: &str = "watch-recreation";
/// However long a call may take, and whatever hangs: nobody waits here for longer.
const LIFE: Duration = Duration::from_secs(45 * 60);
/// The server is gone: so long it may take at most.
const AFTERWARDS: Duration = Duration::from_secs(4 * 60);
/// Of the last line of the log.
const RECORD: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The container's id
    id: String,
}

pub(super) fn run(app: &App, args: &Args) -> ExitCode {
    ends_after(LIFE);
    // What is meant for the server's group, a closed terminal as well, is not for us. One that leads a group already was
    // started by somebody else, and has nothing to do.
    if rustix::process::setsid().is_err() {
        out::line("refused it has no session of its own");
        return failed();
    }
    let done = block_on(async {
        let watchdog = match Watchdog::prepare(&app.server, &args.id).await {
            Ok(watchdog) => watchdog,
            Err(e) => {
                out::line(&format!("refused {}", e.message.replace('\n', " ")));
                return failed();
            }
        };
        out::line(&format!("ready {}", watchdog.place()));
        if is_done() {
            return OK;
        }
        ends_after(AFTERWARDS);
        watchdog.mend().await;
        app.server.audit.end(RECORD);
        OK
    });
    done.unwrap_or_else(|code| code)
}

/// Waits for the server's word, or for its end. True: nobody is needed.
fn is_done() -> bool {
    let mut said = String::new();
    let _broken = std::io::stdin().read_to_string(&mut said);
    said == child::DONE
}

/// Whatever hangs meanwhile.
fn ends_after(time: Duration) {
    let _no_thread = std::thread::Builder::new().name("limit".into()).spawn(move || {
        let (_held, never) = std::sync::mpsc::channel::<()>();
        let _over = never.recv_timeout(time);
        std::process::exit(1);
    });
}
