//! `docker-mcp` and `docker-mcp serve`: MCP over stdio.

use std::process::ExitCode;
use std::time::Duration;

use rmcp::ServiceExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::child;
use crate::server::{Caller, handler::Handler};
use crate::transport::stdio::{Pending, Stdio};

use super::{block_on, log, out, reset};

/// After stdin ended, calls in flight have this long: a script that pipes requests in gets its answers.
const GRACE: Duration = Duration::from_millis(700);
/// After that, and after a signal, their refusals have this long to be written: clients kill 100 ms after SIGINT.
const DRAIN: Duration = Duration::from_millis(80);
/// Whatever happens, the process is gone after this.
const CEILING: Duration = Duration::from_secs(2);

pub(super) fn run(app: App) -> ExitCode {
    if app.loaded.settings.bypass {
        out::note("BYPASS: every permission, filter and guard is off for whoever speaks to this server");
    }
    // Timers and MCP I/O have a runtime of their own: decoding on the work runtime cannot delay an answer.
    let code = match block_on(serve(&app)) {
        Ok(code) => code,
        Err(code) => return code,
    };
    child::end_all(super::CHILDREN);
    app.server.audit.flush(Duration::from_millis(200));
    log::flush(Duration::from_millis(50));
    // A read of stdin may be pending for ever: the process does not wait for it.
    std::process::exit(code)
}

async fn serve(app: &App) -> i32 {
    app.start_probes();
    reset::on_signal(app);
    let ended = CancellationToken::new();
    let (mut term, mut int) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(term), Ok(int)) => (term, int),
        (Err(e), _) | (_, Err(e)) => {
            out::error(&format!("no signals: {e}"));
            return 1;
        }
    };
    let stdio = match Stdio::open(ended.clone()) {
        Ok(stdio) => stdio,
        Err(e) => {
            out::error(&format!("no threads for stdin and stdout: {e}"));
            return 1;
        }
    };
    let pending = stdio.pending();
    let handler = Handler::new(app.server.clone(), Caller { name: "stdio".into() });
    let session = tokio::spawn(async move {
        match handler.serve(stdio).await {
            Ok(service) => drop(service.waiting().await),
            Err(e) => tracing::debug!(error = %e, "the session did not begin"),
        }
    });
    tokio::select! {
        () = ended.cancelled() => settled(&pending, GRACE).await,
        _ = term.recv() => tracing::info!("SIGTERM: stopping"),
        _ = int.recv() => tracing::info!("SIGINT: stopping"),
    }
    ceiling();
    // Calls in flight answer `shutting_down`; then their answers are written.
    app.server.supervisor.shutdown.cancel();
    tokio::select! {
        () = settled(&pending, DRAIN) => {}
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    session.abort();
    0
}

/// Waits until nothing is owed to the client.
async fn settled(pending: &Pending, at_most: Duration) {
    let by = Instant::now() + at_most;
    while !pending.none() && Instant::now() < by {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Ends the process from a thread of its own: no timer of a busy runtime can be late for it.
fn ceiling() {
    let _no_thread = std::thread::Builder::new().name("ceiling".into()).spawn(|| {
        let until = std::time::Instant::now() + CEILING;
        while let Some(left) = until.checked_duration_since(std::time::Instant::now()) {
            std::thread::park_timeout(left);
        }
        std::process::exit(0);
    });
}
