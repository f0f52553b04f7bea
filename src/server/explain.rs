//! What the policy would say of a call, without making it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::config::Settings;
use crate::config::settings::{AllowedCommand, By, ExecMode};
use crate::engine::Budget;
use crate::policy::decide::Named;
use crate::policy::{self, Ask, Grant, Level, Rules};
use crate::tool::{Asked, ToolError};

use super::{InForce, Server, aliases, answer, catalogue, confirming, resting, targets};

/// The verdict on a call that was not made.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The canonical name.
    pub tool: String,
    /// It would be let through.
    pub allowed: bool,
    /// The rules that decide, each with its place.
    pub rules: Vec<String>,
    /// Why not, and the next step.
    pub refusal: Option<ToolError>,
}

impl Explanation {
    /// As a tool result.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "tool": self.tool,
            "allowed": self.allowed,
            "rules": self.rules,
            "reason": self.refusal.as_ref().map(|e| e.message.clone()),
            "kind": self.refusal.as_ref().map(|e| e.kind.name()),
            "hint": self.refusal.as_ref().and_then(|e| e.hint.clone()),
        })
    }
}

/// Decides without doing. `reveal` also tells which rule hides an object: for the person at the host alone.
pub async fn explain(
    (server, in_force): (&Arc<Server>, &InForce),
    tool: &str,
    arguments: Option<Map<String, Value>>,
    budget: &Budget,
    reveal: bool,
) -> Explanation {
    let given = arguments.is_some();
    let aliases::Called { tool: name, arguments, .. } =
        aliases::translate(tool, arguments.unwrap_or_default());
    let arguments = given.then_some(arguments);
    match decide(server, in_force, &name, arguments, budget).await {
        Ok(rules) => Explanation { tool: name, allowed: true, rules, refusal: None },
        Err(error) => {
            let hidden =
                if reveal { error.detail.clone().map(|rule| format!("hidden by {rule}")) } else { None };
            Explanation {
                tool: name,
                allowed: false,
                rules: hidden.into_iter().collect(),
                refusal: Some(error),
            }
        }
    }
}

async fn decide(
    server: &Arc<Server>,
    in_force: &InForce,
    name: &str,
    arguments: Option<Map<String, Value>>,
    budget: &Budget,
) -> Result<Vec<String>, ToolError> {
    let settings = &*in_force.settings;
    let rules = &settings.rules;
    let def = catalogue::find(name).ok_or_else(|| catalogue::unknown(name))?;
    policy::decide::admits(rules, def.spec.name, def.spec.levels).map_err(answer::refusal)?;
    let Some(arguments) = arguments else { return Ok(levels(rules, def.spec.levels)) };
    let prepared = def.prepare(arguments)?;
    let (tool, needs) = (def.spec.name, prepared.levels);
    policy::decide::admits(rules, tool, needs).map_err(answer::refusal)?;
    let targets::Resolved { targets, places, stack, project } =
        targets::resolve(&in_force.engine, budget, settings, (tool, needs), &prepared.asked).await?;
    let fetches = targets::fetches(&prepared.asked, &targets);
    let rests = resting::buckets(def, &targets, project.as_deref(), settings);
    let mut because = levels(rules, needs);
    because.extend(targets.iter().map(|named| shown(rules, named)));
    let ask = Ask { tool, needs, targets };
    policy::check(rules, &ask).map_err(answer::refusal)?;
    if let Some(stack) = &stack {
        because.extend(crate::tools::compose::explained(stack, settings)?);
    }
    because.extend(def.judge(&prepared, settings, &places)?);
    if fetches {
        because.push(
            "the image is not here and would be pulled, if `allow` under [registries] lets its registry be asked"
                .into(),
        );
    }
    if prepared.asked.iter().any(|asked| matches!(asked, Asked::NewContainer(_) | Asked::UnnamedContainer(_)))
    {
        because.push(
            "options are judged as written: the call itself, and dry_run = true, look where paths, volumes and networks lead"
                .into(),
        );
    }
    because.extend(resting::words(def, &prepared, &rests, settings));
    resting::rested(server, &rests).await?;
    if confirming::needed(def, needs, settings) {
        because.push(match settings.confirm.by {
            By::Caller => {
                "a confirmation is needed (require under [confirm]): the call is previewed first".into()
            }
            By::Human => {
                "a person must allow it (by = \"human\" under [confirm]): the call is held first".into()
            }
        });
    }
    if settings.dry_run && !def.spec.effect.read_only() {
        because.push("dry_run = true: it would be previewed, and nothing done".into());
    }
    Ok(because)
}

fn levels(rules: &Rules, needs: &[Level]) -> Vec<String> {
    if rules.bypass {
        return vec!["--bypass-permissions: every level is on, filters and guards are off".into()];
    }
    let line = |level: &Level| {
        let rule = rules.level(*level);
        match &rule.grant {
            Grant::Off => format!("{level} = false ({})", rule.source),
            Grant::On => format!("{level} = true ({})", rule.source),
            Grant::Only(globs) => {
                let globs: Vec<&str> = globs.patterns().iter().map(|p| p.text.as_str()).collect();
                format!("{level} = {globs:?} ({})", rule.source)
            }
        }
    };
    needs.iter().map(line).collect()
}

fn shown(rules: &Rules, named: &Named) -> String {
    let by = match rules.target(&named.target) {
        policy::rules::Sight::Shown(Some(by)) => format!("`{}` ({})", by.text, by.source),
        _ => "no filter hides it".to_owned(),
    };
    format!("{} `{}`: {by}", named.target.kind(), named.target.label())
}

/// The rules in force, as a caller may know them: blacklists are counted, not shown, because they name what is hidden.
#[must_use]
pub fn in_force(settings: &Settings) -> Value {
    let rules = &settings.rules;
    let levels: Map<String, Value> = Level::ALL
        .into_iter()
        .map(|level| {
            let value = match &rules.level(level).grant {
                _ if rules.bypass => json!(true),
                Grant::Off => json!(false),
                Grant::On => json!(true),
                Grant::Only(globs) => globs.patterns().iter().map(|p| p.text.clone()).collect(),
            };
            (level.name().to_owned(), value)
        })
        .collect();
    let mut filters = Map::new();
    let kinds = [
        ("containers", &rules.containers),
        ("images", &rules.images),
        ("volumes", &rules.volumes),
        ("networks", &rules.networks),
        ("projects", &rules.projects),
    ];
    for (kind, filter) in kinds {
        if !filter.allow.is_empty() {
            let allow: Vec<&str> = filter.allow.patterns().iter().map(|p| p.text.as_str()).collect();
            filters.insert(format!("whitelist_{kind}"), json!(allow));
        }
        if !filter.deny.is_empty() {
            filters.insert(
                format!("blacklist_{kind}"),
                json!(format!("{} patterns, not shown", filter.deny.patterns().len())),
            );
        }
    }
    // A list and no map: a tool's name as a key would be judged like the key of a secret.
    let withheld: Vec<Value> = catalogue::all()
        .filter_map(|def| {
            let denial = catalogue::withheld(def, rules)?;
            Some(json!({ "tool": def.spec.name, "why": answer::refusal(denial).message }))
        })
        .collect();
    json!({
        "bypass": rules.bypass,
        "levels": levels,
        "filters": filters,
        "exec": commands(settings),
        "withheld_tools": withheld,
    })
}

/// What commands would meet, where any may run.
fn commands(settings: &Settings) -> Value {
    let exec = &settings.exec;
    if settings.bypass || matches!(settings.rules.level(Level::Exec).grant, Grant::Off) {
        return Value::Null;
    }
    let (mode, advisory) = match exec.mode {
        ExecMode::Allowlist => ("allowlist", false),
        // Its lists catch accidents: who wants to get past them does.
        ExecMode::Denylist => ("denylist", true),
        ExecMode::None => ("none", true),
    };
    let allowed = exec.allowed_commands.iter().map(|allowed| match allowed {
        AllowedCommand::Line(rule) => rule.pattern.text.clone(),
        AllowedCommand::Argv(rule) => rule.argv0.clone(),
    });
    json!({
        "mode": mode,
        "advisory": advisory,
        "allowed_commands": allowed.collect::<Vec<_>>(),
        "allow_root": exec.allow_root,
        "allow_privileged_targets": exec.allow_privileged_targets,
    })
}
