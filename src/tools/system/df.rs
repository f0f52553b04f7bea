//! `docker_df`

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::engine::snapshot::short;
use crate::engine::usage::{Part, Usage};
use crate::output::{Draft, Row, bytes};
use crate::policy::{Level, Permits};
use crate::tool::time::Span;
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::words::{age, count, names, now};

pub struct Df;

/// So many objects are listed where nothing else is said.
const LISTED: usize = 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// How many of the largest objects are listed; 20 by default.
    limit: Option<usize>,
    /// 60 s by default; what is not counted by then is left out.
    timeout: Option<Span>,
}

/// Something that takes room.
struct Object {
    kind: &'static str,
    name: String,
    /// Bytes, where they are known.
    size: Option<u64>,
    created: Option<i64>,
    used_by: Vec<String>,
    used: bool,
}

impl Tool for Df {
    const SPEC: Spec = Spec {
        name: "docker_df",
        title: "Disk usage",
        levels: &[Level::System],
        class: Class::Usage,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "What images, containers and volumes take on the disk: totals, and the largest of them. Can take a minute.",
    };
    type Args = Args;

    fn asked_time(args: &Args) -> Option<Duration> {
        args.timeout.map(|Span(time)| time)
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let world = &permits.world;
        let rules = world.rules();
        // The build cache is made of everybody's images: with an image filter it is not told.
        let unfiltered = rules.bypass || (rules.images.allow.is_empty() && rules.images.deny.is_empty());
        let parts = if unfiltered { &Part::ALL[..] } else { &[Part::Containers, Part::Volumes] };
        let containers = ctx.engine.containers(&ctx.budget, world).await?;
        let images = ctx.engine.images(&ctx.budget, world).await?;
        let volumes = ctx.engine.volumes(&ctx.budget, world).await?;
        let time = ctx.ends_by().saturating_duration_since(Instant::now());
        let usage = ctx.engine.disk_usage(&ctx.budget, world, parts, time).await?;

        let mut objects: Vec<Object> = Vec::new();
        objects.extend(images.iter().map(|s| {
            Object {
                kind: "image",
                name: s
                    .identity
                    .references
                    .first()
                    .map_or_else(|| short(&s.identity.id).to_owned(), |r| r.familiar()),
                size: u64::try_from(s.size).ok(),
                created: Some(s.created),
                used: !s.containers.is_empty(),
                used_by: s.containers.clone(),
            }
        }));
        objects.extend(containers.iter().map(|s| Object {
            kind: "container",
            name: s.identity.name.clone(),
            size: usage.containers.get(&s.identity.id).copied(),
            created: Some(s.raw.created),
            used: !matches!(s.raw.state.as_str(), "created" | "exited" | "dead"),
            used_by: Vec::new(),
        }));
        objects.extend(volumes.iter().map(|s| {
            Object {
                kind: "volume",
                name: s.raw.name.clone(),
                size: usage.volumes.get(&s.raw.name).copied(),
                created: crate::engine::clock::read(&s.raw.created_at)
                    .and_then(|n| i64::try_from(n / 1_000_000_000).ok()),
                used: !s.containers.is_empty(),
                used_by: s.containers.clone(),
            }
        }));
        Ok(draft(objects, &usage, unfiltered, args.limit.unwrap_or(LISTED)))
    }
}

fn draft(mut objects: Vec<Object>, usage: &Usage, cache: bool, limit: usize) -> Output {
    let mut totals = Map::new();
    let mut said = Vec::new();
    for (key, kind, part) in [
        ("images", "image", None),
        ("containers", "container", Some(Part::Containers)),
        ("volumes", "volume", Some(Part::Volumes)),
    ] {
        let known = part.is_none_or(|part| usage.knows(part));
        let of_kind = || objects.iter().filter(|o| o.kind == kind);
        let sum =
            |all: &mut dyn Iterator<Item = &Object>| known.then(|| bytes(all.filter_map(|o| o.size).sum()));
        let (all, unused) = (sum(&mut of_kind()), sum(&mut of_kind().filter(|o| !o.used)));
        let (total, used) = (of_kind().count(), of_kind().filter(|o| o.used).count());
        said.push(match (&all, &unused) {
            (Some(all), Some(unused)) => format!("{}: {all}, {unused} of it unused", count(total, kind)),
            _ => format!("{}: size not known", count(total, kind)),
        });
        totals.insert(
            key.to_owned(),
            json!({ "count": total, "in_use": used, "size": all, "unused_size": unused }),
        );
    }
    if cache && usage.knows(Part::BuildCache) {
        let cache = usage.build_cache;
        said.push(format!("build cache: {}, {} of it unused", bytes(cache.size), bytes(cache.unused)));
        totals.insert(
            Part::BuildCache.name().to_owned(),
            json!({ "count": cache.count, "size": bytes(cache.size), "unused_size": bytes(cache.unused) }),
        );
    }
    objects.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.name.cmp(&b.name)));
    let (all, now) = (objects.len(), now());
    let rows = objects.iter().take(limit).map(|o| row(o, now)).collect();
    let mut draft = Draft::list("largest", &["kind", "size", "age", "name", "used_by"], rows)
        .with("totals", totals)
        .with("objects", all)
        .head(said.join("\n"))
        .keep_empty(&["largest"])
        .told(&["totals"])
        .hint("ask for fewer with limit")
        .note("layers that several images share are counted with each of them");
    if !usage.missing.is_empty() {
        let missing: Vec<&str> = usage.missing.iter().map(|part| part.name()).collect();
        let why = match usage.why.as_ref() {
            Some(crate::engine::EngineError::Timeout { .. }) => "the engine did not count it in time",
            _ => "the engine did not tell it",
        };
        draft = draft.note(format!("without the size of {}: {why}", missing.join(", ")));
        draft = draft.with("partial", true).with("missing", missing);
    }
    draft
}

fn row(object: &Object, now: i64) -> Row {
    let Object { kind, name, size, created, used_by, used } = object;
    let (size, age) = (size.map(bytes), created.and_then(|created| age(created, now)));
    let cells = [
        (*kind).to_owned(),
        size.clone().unwrap_or_else(|| "?".to_owned()),
        age.clone().unwrap_or_default(),
        name.clone(),
        names(used_by),
    ];
    let json: Value = json!({
        "kind": kind, "name": name, "size": size, "created": age, "in_use": used, "used_by": used_by,
    });
    Row::new(json, cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &'static str, size: Option<u64>, used: bool) -> Object {
        Object { kind, name: format!("{kind}-x"), size, created: None, used_by: Vec::new(), used }
    }

    #[test]
    fn what_is_not_known_is_no_zero() {
        let objects = || {
            vec![
                object("image", Some(2_000_000), true),
                object("image", Some(1_000_000), false),
                object("volume", None, false),
            ]
        };
        let usage = Usage { missing: vec![Part::Volumes, Part::BuildCache], ..Usage::default() };
        let draft = draft(objects(), &usage, true, 1);
        let totals = &draft.data["totals"];
        assert_eq!(totals["images"], json!({ "count": 2, "in_use": 1, "size": "3MB", "unused_size": "1MB" }));
        assert_eq!(totals["volumes"]["size"], Value::Null);
        assert!(totals.get("build_cache").is_none());
        assert_eq!(
            (&draft.data["partial"], &draft.data["missing"]),
            (&json!(true), &json!(["volumes", "build_cache"]))
        );
        assert_eq!(draft.list.as_ref().unwrap().rows.len(), 1);
        assert!(draft.head.contains("1 volume: size not known"), "{}", draft.head);
    }
}
