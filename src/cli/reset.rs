//! SIGUSR1: a person at the host says that the engine is well, and the circuit closes. Not a tool: an agent that closes it
//! would only call into the outage again.

use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;

/// Listens from now on, as long as the server runs: without a listener the signal would end the process.
pub(super) fn on_signal(app: &App) {
    let supervisor = std::sync::Arc::clone(&app.server.supervisor);
    match signal(SignalKind::user_defined1()) {
        Ok(mut asked) => drop(tokio::spawn(async move {
            while asked.recv().await.is_some() {
                tracing::info!("SIGUSR1: the circuit is closed by hand");
                supervisor.reset_circuit();
            }
        })),
        Err(e) => tracing::warn!(error = %e, "SIGUSR1 cannot be listened to"),
    }
}
