//! `docker-mcp explain TOOL [JSON]`

use std::process::ExitCode;

use crate::app::App;
use crate::engine::Budget;
use crate::server::explain::explain;

use super::{OK, block_on, call, failed, misused, out};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The tool's name
    tool: String,
    /// The arguments it would be called with, as a JSON object
    json: Option<String>,
    /// As JSON
    #[arg(long = "json", id = "as_json")]
    as_json: bool,
}

pub(super) fn run(app: App, args: &Args) -> ExitCode {
    let arguments = match args.json.as_deref().map(|json| call::arguments(Some(json))).transpose() {
        Ok(arguments) => arguments,
        Err(why) => {
            out::error(&why);
            return misused();
        }
    };
    // The person at the host may know which rule hides what.
    let explanation = block_on(async {
        explain((&app.server, &app.server.in_force()), &args.tool, arguments, &Budget::probe(), true).await
    });
    app.work.shutdown_background();
    let explanation = match explanation {
        Ok(explanation) => explanation,
        Err(code) => return code,
    };
    if args.as_json {
        out::line(&explanation.json().to_string());
    } else {
        let verdict = if explanation.allowed { "allowed" } else { "denied" };
        out::line(&format!("{}: {}", out::bold(&explanation.tool), verdict));
        for rule in &explanation.rules {
            out::line(&format!("  {rule}"));
        }
        if let Some(refusal) = &explanation.refusal {
            out::line(&format!("  {}", refusal.message));
            if let Some(hint) = &refusal.hint {
                out::line(&format!("  help: {hint}"));
            }
        }
    }
    if explanation.allowed { OK } else { failed() }
}
