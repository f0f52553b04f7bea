//! `docker-mcp` and `docker-mcp serve`: MCP over stdio.

use std::process::ExitCode;
use std::time::Duration;

use crate::app::App;
use crate::child;
use crate::transport::session::{self, Exit};

use super::{block_on, log, out, reset};

/// Work that is dropped closes its records within this.
const RECORDS: Duration = Duration::from_millis(100);

pub(super) fn run(app: App) -> ExitCode {
    if app.loaded.settings.bypass {
        out::note("BYPASS: every permission, filter and guard is off for whoever speaks to this server");
    }
    // Timers and MCP I/O have a runtime of their own: decoding on the work runtime cannot delay an answer.
    let exit = match block_on(serve(&app)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(e)) => {
            out::error(&format!("no signals, or no threads for stdin and stdout: {e}"));
            return super::failed();
        }
        Err(code) => return code,
    };
    child::end_all(super::CHILDREN);
    let App { server, work, .. } = app;
    // What still runs is dropped, and leaves its trace: of a change, that nobody knows what became of it.
    work.shutdown_timeout(RECORDS);
    server.audit.end(Duration::from_millis(200));
    log::flush(Duration::from_millis(50));
    // A read of stdin may be pending for ever: the process does not wait for it.
    std::process::exit(exit.code())
}

async fn serve(app: &App) -> std::io::Result<Exit> {
    app.start_probes();
    reset::on_signal(app);
    session::serve(&app.server, |exit| std::process::exit(exit.code())).await
}
