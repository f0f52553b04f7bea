//! `docker-mcp tools`

use std::process::ExitCode;

use serde_json::json;

use crate::app::App;
use crate::server::{answer, catalogue};

use super::{OK, out};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also those that are withheld, and why
    #[arg(long)]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(app: &App, args: &Args) -> ExitCode {
    let rules = &app.loaded.settings.rules;
    let mut rows = Vec::new();
    for def in catalogue::all() {
        let withheld = catalogue::withheld(def, rules).map(answer::refusal);
        if withheld.is_some() && !args.all {
            continue;
        }
        let levels: Vec<&str> = def.spec.levels.iter().map(|level| level.name()).collect();
        rows.push((def, levels, withheld));
    }
    if args.json {
        let list = rows.iter().map(|(def, levels, withheld)| {
            json!({
                "name": def.spec.name, "levels": levels, "class": def.spec.class.name(),
                "description": def.spec.summary, "inputSchema": *def.schema(),
                "withheld": withheld.as_ref().map(|e| e.message.clone()),
            })
        });
        out::line(&serde_json::Value::Array(list.collect()).to_string());
        return OK;
    }
    let width = rows.iter().map(|(def, ..)| def.spec.name.len()).max().unwrap_or(0);
    for (def, levels, withheld) in rows {
        let name = out::bold(&format!("{:width$}", def.spec.name));
        let levels = levels.join("+");
        match withheld {
            None => out::line(&format!("{name}  {levels:9}  {}", first_sentence(def.spec.summary))),
            Some(why) => out::line(&format!("{name}  {levels:9}  withheld: {}", why.message)),
        }
    }
    OK
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}
