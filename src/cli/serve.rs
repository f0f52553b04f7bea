//! `docker-mcp` and `docker-mcp serve`: MCP over stdio; with `--http` over HTTP.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use crate::app::App;
use crate::child;
use crate::config::Sources;
use crate::transport::http::{self, Tls};
use crate::transport::session::{self, Exit};

use super::{block_on, log, out, reload, reset};

/// Work that is dropped closes its records within this.
const RECORDS: Duration = Duration::from_millis(100);

/// Where and how it is served: new settings must be safe there, too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    /// The address.
    pub at: SocketAddr,
    /// `--insecure-http` was given.
    pub insecure: bool,
}

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Serve many callers over HTTP, here or at `listen` under [http]
    #[arg(long, value_name = "ADDR", num_args = 0..=1)]
    http: Option<Option<SocketAddr>>,
    /// Serve beyond this machine without TLS and without a proxy that ends it
    #[arg(long, requires = "http")]
    insecure_http: bool,
}

impl Args {
    /// It serves many callers.
    pub(super) const fn is_for_many(&self) -> bool {
        self.http.is_some()
    }

    /// Where it serves over HTTP, if it does.
    ///
    /// # Errors
    /// It may not, and what to change.
    fn address(&self, app: &App) -> Result<Option<(Served, Option<Tls>)>, (String, String)> {
        let Some(given) = self.http else { return Ok(None) };
        let settings = &app.loaded.settings;
        if settings.bypass {
            let help = "leave --bypass-permissions out: it is for one person at this machine".to_owned();
            return Err(("whoever reaches the port could do everything".to_owned(), help));
        }
        let at = given.unwrap_or(settings.http.listen);
        let safe = http::is_safe(&settings.http, at, self.insecure_http);
        let served = Served { at, insecure: self.insecure_http };
        let tls = safe.and_then(|()| settings.http.tls.as_ref().map(Tls::of).transpose());
        tls.map(|tls| Some((served, tls))).map_err(|wrong| (wrong.why, wrong.help.to_owned()))
    }
}

pub(super) fn run(app: App, args: &Args, sources: &Sources) -> ExitCode {
    let over_http = match args.address(&app) {
        Ok(over_http) => over_http,
        Err((why, help)) => {
            out::error(&why);
            out::note(&format!("help: {help}"));
            return super::misused();
        }
    };
    if let Some(warning) = over_http.as_ref().and_then(|(_, tls)| tls.as_ref()?.warning.as_ref()) {
        out::note(&format!("warning: {warning}"));
    }
    if app.loaded.settings.bypass {
        out::note("BYPASS: every permission, filter and guard is off for whoever speaks to this server");
    }
    // Timers and MCP I/O have a runtime of their own: decoding on the work runtime cannot delay an answer.
    let exit = match block_on(serve(&app, sources, over_http.clone())) {
        Ok(Ok(exit)) => exit,
        Ok(Err(e)) => {
            out::error(&match over_http {
                None => format!("no signals, or no threads for stdin and stdout: {e}"),
                Some((Served { at, .. }, _)) => format!("{at} cannot be served: {e}"),
            });
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

async fn serve(
    app: &App,
    sources: &Sources,
    over_http: Option<(Served, Option<Tls>)>,
) -> std::io::Result<Exit> {
    app.start_probes();
    reset::on_signal(app);
    if let Some((served, tls)) = over_http {
        reload::on_signal(&app.server, sources, served)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let ready = |at| out::note(&format!("serving {scheme}://{at}/mcp"));
        return http::serve(&app.server, served.at, tls, ready).await;
    }
    session::serve(&app.server, |exit| std::process::exit(exit.code())).await
}
