//! SIGHUP: a server over HTTP reads its configuration again. What does not hold changes nothing.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::audit::{Decision, Record};
use crate::config::{Loaded, Origin, Settings, Sources, load};
use crate::server::Server;
use crate::transport::http;

use super::serve::Served;

/// Listens from now on, as long as the server runs.
///
/// # Errors
/// There are no signals.
pub(super) fn on_signal(server: &Arc<Server>, sources: &Sources, served: Served) -> std::io::Result<()> {
    let (server, sources) = (Arc::clone(server), sources.clone());
    let mut asked = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while asked.recv().await.is_some() {
            let (server, sources) = (Arc::clone(&server), sources.clone());
            // A disk that hangs delays no call.
            let _ended = tokio::task::spawn_blocking(move || reload(&server, &sources, served)).await;
        }
    });
    Ok(())
}

fn reload(server: &Server, sources: &Sources, served: Served) {
    let loaded = match load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => {
            tracing::error!("SIGHUP: the settings stay as they were: {problems}");
            return;
        }
    };
    let Loaded { settings, path, .. } = loaded;
    let running = server.standing();
    if let Some(why) = loses(running.file(), &settings, path.is_none()) {
        tracing::error!(
            help = "mend the file, or restart if it is meant",
            "SIGHUP: the settings stay as they were: {why}"
        );
        return;
    }
    // What takes a restart is not yet what makes it safe.
    let (settings, without_effect) = Arc::unwrap_or_clone(settings).in_place_of(running.file());
    if let Err(wrong) = http::is_safe(&settings.http, served.at, served.insecure) {
        tracing::error!(help = wrong.help, "SIGHUP: the settings stay as they were: {}", wrong.why);
        return;
    }
    for warning in &settings.warnings {
        tracing::warn!(hint = warning.hint, "{}", warning.message);
    }
    let from = path.map_or_else(|| "the defaults".to_owned(), |path| path.display().to_string());
    server.renew(settings);
    for key in without_effect {
        tracing::warn!("`{key}` stays as it was: it takes a restart");
    }
    server.audit.write(Record::of_person("(reload)", "host", from.clone(), Decision::Allowed));
    tracing::info!("SIGHUP: the settings of {from} are in force");
}

/// What a file that is gone or half written would open: that takes a restart, and somebody who means it.
fn loses(running: &Settings, new: &Settings, without_file: bool) -> Option<&'static str> {
    let asks = |settings: &Settings| {
        let http = &settings.http;
        !http.keys.is_empty() || http.oidc.is_some() || http.anonymous_role.is_some()
    };
    let had_file = running.describe().iter().any(|key| matches!(key.origin, Origin::File { .. }));
    if without_file && had_file {
        return Some("the configuration file is gone");
    }
    (asks(running) && !asks(new)).then_some("there are no keys any more, and everybody would be let in")
}
