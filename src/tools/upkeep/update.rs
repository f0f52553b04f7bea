//! `docker_update`

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::config::Settings;
use crate::config::units::size;
use crate::engine::update::{Limits, Restart, Updated, Wish};
use crate::guard::create::{self, Ask};
use crate::output::memory;
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing::{self, One, Well};

pub struct Update;

/// The engine takes no less.
const LEAST_MEMORY: u64 = 6 << 20;
/// Linux has no more.
const MOST_PIDS: i64 = 1 << 22;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    container: String,
    /// Bytes, or `512m`, `2g`.
    memory: Option<Size>,
    cpus: Option<f64>,
    /// Processes at most.
    pids: Option<u64>,
    /// no, always, unless-stopped, on-failure or on-failure:3.
    restart_policy: Option<String>,
}

/// A number of bytes.
#[derive(Debug, Clone, Copy)]
struct Size(u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(n) => n.as_u64().ok_or_else(|| "write whole bytes".to_owned()),
            Value::String(s) => size(&s),
            _ => Err("write bytes, or `\"512m\"`".to_owned()),
        }
        .map(Self)
        .map_err(D::Error::custom)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"] })
    }
}

impl Tool for Update {
    const SPEC: Spec = Spec {
        name: "docker_update",
        title: "Change a container's limits",
        levels: &[Level::Create],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: false,
        summary: "Change memory, cpus, pids or the restart policy of a container while it runs. What is not given stays.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        wish(args)?;
        Ok(vec![Asked::Container(args.container.clone())])
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        if settings.bypass {
            return Ok(());
        }
        // What a new container may not have, an old one does not get.
        if let Some(policy) = &args.restart_policy {
            let asks = vec![Ask::new("restart_policy", policy.as_str())];
            create::check(&create::Wanted { asks, ..create::Wanted::default() }, &settings.create).map_err(
                |no| {
                    let what = format!("`restart_policy` = `{policy}` is refused by {}: {}", no.rule, no.why);
                    ToolError::new(Kind::PermissionDenied, what).hint("no or on-failure may be asked for")
                },
            )?;
        }
        let most = &settings.create.limits;
        let over = match (args.memory, args.cpus, args.pids) {
            (Some(Size(asked)), ..) if most.memory.is_some_and(|most| asked > most) => {
                ("memory", most.memory.map(memory))
            }
            (_, Some(asked), _) if most.cpus.is_some_and(|most| asked > most) => {
                ("cpus", most.cpus.map(|n| n.to_string()))
            }
            (.., Some(asked)) if most.pids.is_some_and(|most| asked > most) => {
                ("pids", most.pids.map(|n| n.to_string()))
            }
            _ => return Ok(()),
        };
        let (what, most) = (over.0, over.1.unwrap_or_default());
        Err(ToolError::new(
            Kind::PermissionDenied,
            format!("`{what}` is over its ceiling of {most}: limits under [create_safety]"),
        )
        .hint(format!("ask for at most {most}; a person can raise limits.{what} under [create_safety]")))
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let Some(permit) = permits.containers.first() else {
            return Err(ToolError::internal("an update without its container"));
        };
        let name = &permit.target().name;
        let before = read(ctx, permit).await?;
        let after = wish(args)?.on(&before);
        let line = format!("container `{name}`: {}", said(&before, &after));
        Ok(Preview { lines: vec![line], state: vec![json(&before).to_string()], ..Preview::default() })
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        let Some(permit) = permits.containers.pop() else {
            return Err(ToolError::internal("an update without its container"));
        };
        let name = permit.target().name.clone();
        let (before, wish) = (read(&ctx, &permit).await?, wish(&args)?);
        let then = wish.on(&before);
        let well = |changed, now: &Limits| {
            let well = Well::changed(changed).shown(said(&before, now));
            well.with("before", json(&before)).with("after", json(now))
        };
        if then == before {
            return changing::draft(&ctx, "container", vec![One::ended(name, Ok(well(false, &before)))]);
        }
        let came = ctx.engine.update(&ctx.budget, &ctx.commit, permit, (&before, wish)).await;
        let one = One::of(&ctx, ("container", &name), came, |Updated { now, warnings }| {
            let well = well(true, now.as_ref().unwrap_or(&then));
            if warnings.is_empty() { well } else { well.note(warnings.join("; ")) }
        });
        changing::draft(&ctx, "container", vec![one])
    }
}

async fn read(
    ctx: &Ctx,
    permit: &crate::policy::Permit<crate::policy::Container>,
) -> Result<Limits, ToolError> {
    let name = &permit.target().name;
    ctx.engine.limits(&ctx.budget, permit).await.map_err(|e| ToolError::of_object(e, "container", name))
}

fn wish(args: &Args) -> Result<Wish, ToolError> {
    let bad = |what: &str, hint: &str| Err(ToolError::invalid(what).hint(hint));
    let memory = match args.memory {
        Some(Size(bytes)) if bytes < LEAST_MEMORY => {
            return bad("`memory` is too small", "6m is the least that the engine takes");
        }
        Some(Size(bytes)) => match i64::try_from(bytes) {
            Ok(bytes) if bytes < i64::MAX / 2 => Some(bytes),
            _ => return bad("`memory` is too large", "write it like \"512m\""),
        },
        None => None,
    };
    let nano_cpus = match args.cpus {
        Some(cpus) if !(0.01..=1024.0).contains(&cpus) => {
            return bad("`cpus` must be between 0.01 and 1024", "write it like 1.5");
        }
        #[expect(clippy::cast_possible_truncation, reason = "1024 at most, a line above")]
        Some(cpus) => Some((cpus * 1e9).round() as i64),
        None => None,
    };
    let pids = match args.pids.map(i64::try_from) {
        Some(Ok(pids @ 1..=MOST_PIDS)) => Some(pids),
        Some(_) => return bad("`pids` must be between 1 and 4194304", "write a number such as 256"),
        None => None,
    };
    let restart = args.restart_policy.as_deref().map(restart).transpose()?;
    let wish = Wish { memory, nano_cpus, pids, restart };
    if wish == Wish::default() {
        return bad("nothing to change is given", "give memory, cpus, pids or restart_policy");
    }
    Ok(wish)
}

fn restart(text: &str) -> Result<Restart, ToolError> {
    let (name, most) = match text.split_once(':') {
        Some((name @ "on-failure", most)) => {
            (name, most.parse().ok().filter(|most| (0..=10_000).contains(most)))
        }
        Some(_) => ("", None),
        None => (text, Some(0)),
    };
    match (name, most) {
        ("no" | "always" | "unless-stopped" | "on-failure", Some(most)) => {
            Ok(Restart { name: name.to_owned(), most })
        }
        _ => Err(ToolError::invalid(format!("`{text}` is no restart policy"))
            .hint("no, always, unless-stopped, on-failure or on-failure:3")),
    }
}

/// For the JSON; what has no limit is null.
fn json(limits: &Limits) -> Value {
    let limit = |n: i64| (n > 0).then_some(n);
    #[expect(clippy::cast_precision_loss, reason = "billionths of a few processors")]
    let cpus = limit(limits.nano_cpus).map(|n| n as f64 / 1e9);
    json!({
        "memory": limit(limits.memory),
        "cpus": cpus,
        "pids": limit(limits.pids_limit),
        "restart_policy": policy(&limits.restart_policy),
    })
}

fn policy(Restart { name, most }: &Restart) -> String {
    match (name.as_str(), most) {
        ("", _) => "no".to_owned(),
        (name, 0) => name.to_owned(),
        (name, most) => format!("{name}:{most}"),
    }
}

/// `memory 64M → 128M, pids none → 100`; only what differs.
fn said(before: &Limits, after: &Limits) -> String {
    let bytes = |n: i64| u64::try_from(n).ok().filter(|n| *n > 0).map_or_else(|| "none".to_owned(), memory);
    let count = |n: i64| if n > 0 { n.to_string() } else { "none".to_owned() };
    #[expect(clippy::cast_precision_loss, reason = "billionths of a few processors")]
    let cpus = |n: i64| if n > 0 { (n as f64 / 1e9).to_string() } else { "none".to_owned() };
    let facts = [
        ("memory", bytes(before.memory), bytes(after.memory)),
        ("cpus", cpus(before.nano_cpus), cpus(after.nano_cpus)),
        ("pids", count(before.pids_limit), count(after.pids_limit)),
        ("restart policy", policy(&before.restart_policy), policy(&after.restart_policy)),
    ];
    let changes: Vec<String> =
        facts.iter().filter(|(_, a, b)| a != b).map(|(what, a, b)| format!("{what} {a} → {b}")).collect();
    if changes.is_empty() { "as it was".to_owned() } else { changes.join(", ") }
}
