//! `docker-mcp call TOOL [JSON]`

use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::server::progress::{Report, Reports};
use crate::server::{Answer, Caller, Request, Said, call, catalogue};

use super::{OK, block_on, failed, misused, out};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The tool's name, for example docker_ps
    tool: String,
    /// Its arguments as a JSON object; `-` reads them from stdin
    json: Option<String>,
    /// Print the structured result
    #[arg(long = "json", id = "as_json")]
    as_json: bool,
    /// Confirm without asking
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(app: App, args: &Args) -> ExitCode {
    let mut arguments = match arguments(args.json.as_deref()) {
        Ok(arguments) => arguments,
        Err(why) => {
            out::error(&why);
            return misused();
        }
    };
    let answer = block_on(async {
        let cancel = CancellationToken::new();
        let on_interrupt = cancel.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                on_interrupt.cancel();
            }
        });
        let ask = async |arguments, said| {
            let reports = if out::is_watched() { Reports::to(Arc::new(ToStderr)) } else { Reports::none() };
            let request =
                Request { tool: args.tool.clone(), arguments, reports, cancel: cancel.clone(), said };
            call::call(&app.server, &Caller::local("cli"), request).await
        };
        let answer = ask(arguments.clone(), None).await;
        let Some(held) = Held::of(&answer) else { return answer };
        // What would change is shown in any case; whoever says yes beforehand has seen it on another day.
        out::note(&out::heading(&answer.text));
        if !args.yes && !out::confirms("Do this?") {
            return answer;
        }
        match held {
            Held::ForToken(token) => {
                arguments.insert("confirm_token".into(), token.into());
                ask(arguments, None).await
            }
            Held::ForPerson(code) => ask(arguments, Some(Said { code, yes: true, at_host: true })).await,
        }
    });
    let answer = match answer {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    let held = Held::of(&answer).is_some();
    app.server.audit.end(std::time::Duration::from_millis(500));
    if args.as_json {
        out::line(&answer.json.to_string());
    } else if held {
        out::note("nothing was done: confirm it on a terminal, or with --yes");
    } else if answer.failure.is_some() {
        out::note(&answer.text);
    } else {
        out::line(&out::heading(&answer.text));
    }
    let code = match answer.failure {
        None if held => failed(),
        None => OK,
        Some(_) if !catalogue::is_known(&args.tool) => misused(),
        Some(_) => failed(),
    };
    // Work that was given up may still be running; the process does not wait for it.
    app.work.shutdown_background();
    code
}

/// What a call waits for.
enum Held {
    /// Its token.
    ForToken(String),
    /// A person, who sits at this terminal.
    ForPerson(String),
}

impl Held {
    fn of(answer: &Answer) -> Option<Self> {
        let text = |key: &str| answer.json.get(key).and_then(Value::as_str).map(str::to_owned);
        match text("status")?.as_str() {
            "confirmation_required" => text("confirm_token").map(Self::ForToken),
            "approval_pending" => text("code").map(Self::ForPerson),
            _ => None,
        }
    }
}

pub(super) fn arguments(text: Option<&str>) -> Result<Map<String, Value>, String> {
    let text = match text {
        None => return Ok(Map::new()),
        Some("-") => std::io::read_to_string(std::io::stdin()).map_err(|e| format!("stdin: {e}"))?,
        Some(text) => text.to_owned(),
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("the arguments must be a JSON object, for example '{\"all\": true}'".into()),
        Err(e) => {
            Err(format!("the arguments are no JSON: {e}\nhelp: quote them, for example '{{\"all\": true}}'"))
        }
    }
}

/// Progress for a person who waits.
struct ToStderr;

impl Report for ToStderr {
    fn report(&self, number: u64, message: String) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // The first only says that the call began: a person knows.
        if number > 1 {
            out::note(&message);
        }
        Box::pin(std::future::ready(()))
    }
}
