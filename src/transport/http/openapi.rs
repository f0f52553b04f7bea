//! `GET /openapi.json`: what `/tools/{name}` takes and gives, made from the catalogue, for the caller who asks.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::config::Settings;
use crate::server::{Failure, catalogue};
use crate::tool::ToolDef;

use super::status;

/// Refusals before there is a call, and what they are about.
const AT_THE_DOOR: &[(StatusCode, &str)] = &[
    (StatusCode::UNAUTHORIZED, "no key, or a wrong one"),
    (StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is not application/json"),
];

/// The document: the tools that these settings let the caller use. `open`: one may also call without a key.
pub(super) fn document(settings: &Settings, open: bool) -> Value {
    let served = catalogue::all().filter(|def| catalogue::withheld(def, &settings.rules).is_none());
    let statuses = statuses();
    let mut paths: Map<String, Value> = served
        .map(|def| (format!("/tools/{}", def.spec.name), json!({ "post": call(def, &statuses) })))
        .collect();
    paths.insert("/health/live".into(), health("healthLive", "The server runs", &["200"]));
    paths.insert("/health/ready".into(), health("healthReady", "The server takes calls", &["200", "503"]));
    paths.insert("/openapi.json".into(), itself());
    let responses: Map<String, Value> =
        statuses.iter().map(|(status, what)| (name(*status), failure(what))).collect();
    let security = if open { json!([{}, { "bearer": [] }]) } else { json!([{ "bearer": [] }]) };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "docker-mcp",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Docker, governed: one call a request. What is listed is what the caller may use; the same tools \
                            are served as MCP at /mcp.",
        },
        "security": security,
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "description": "docker-mcp key new" } },
            "schemas": { "Failure": failure_schema(), "Health": health_schema() },
            "responses": responses,
        },
    })
}

/// One tool.
fn call(def: &ToolDef, statuses: &[(StatusCode, String)]) -> Value {
    let spec = def.spec;
    let schema = def.schema();
    let required = schema.get("required").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
    let levels: Vec<&str> = spec.levels.iter().map(|level| level.name()).collect();
    let mut responses = Map::new();
    responses.insert(
        "200".into(),
        result("What came of it; with `status` something that is to be confirmed first, or a dry run"),
    );
    if !spec.effect.read_only() {
        responses.insert("202".into(), result("A person must allow it first: `status`, `code`"));
    }
    for (status, _) in statuses {
        let refers = json!({ "$ref": format!("#/components/responses/{}", name(*status)) });
        responses.insert(status.as_str().to_owned(), refers);
    }
    json!({
        "operationId": spec.name,
        "summary": spec.title,
        "description": spec.summary,
        "tags": levels,
        "requestBody": { "required": required, "content": { "application/json": { "schema": &*schema } } },
        "responses": responses,
    })
}

/// Which statuses a call can have beside success, and what each may be.
fn statuses() -> Vec<(StatusCode, String)> {
    let mut all: Vec<(StatusCode, String)> =
        AT_THE_DOOR.iter().map(|(at, what)| (*at, (*what).to_owned())).collect();
    for kind in Failure::ALL {
        let status = status::of_kind(kind);
        match all.iter_mut().find(|(known, _)| *known == status) {
            Some((_, what)) => *what = format!("{what}, {}", kind.name()),
            None => all.push((status, kind.name().to_owned())),
        }
    }
    all.sort_by_key(|(status, _)| *status);
    all
}

/// The name of a response among the components.
fn name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("Failure").replace([' ', '-'], "")
}

fn result(what: &str) -> Value {
    json!({ "description": what, "content": { "application/json": { "schema": { "type": "object" } } } })
}

fn failure(what: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Failure" });
    json!({ "description": what, "content": { "application/json": { "schema": schema } } })
}

fn failure_schema() -> Value {
    let kinds: Vec<&str> = Failure::ALL.into_iter().map(Failure::name).collect();
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["kind", "message", "effect", "retry", "correlation_id"],
            "additionalProperties": false,
            "properties": {
                "kind": { "enum": kinds },
                "message": { "type": "string", "description": "What went wrong, and why" },
                "hint": { "type": "string", "description": "The next step" },
                "effect": { "enum": ["none", "done", "unknown", "continuing"], "description": "Did it happen?" },
                "retry": { "enum": ["safe", "after", "no"], "description": "May the same be tried again?" },
                "retry_after_ms": { "type": "integer", "minimum": 0 },
                "phase": { "enum": ["connect", "headers", "idle", "total"], "description": "Which clock ran out" },
                "limit_ms": { "type": "integer", "minimum": 0, "description": "How long that clock was" },
                "correlation_id": { "type": "string", "description": "The call's name in the log and the audit" },
            },
        } },
    })
}

fn health_schema() -> Value {
    json!({
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": { "enum": ["ok", "stopping"] },
            "circuit": { "enum": ["closed", "open", "half_open"] },
        },
    })
}

/// For whoever watches: no key is asked for.
fn health(id: &str, summary: &str, statuses: &[&str]) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Health" });
    let body = json!({ "application/json": { "schema": schema } });
    let responses: Map<String, Value> = statuses
        .iter()
        .map(|status| {
            let what = if *status == "200" { "Yes" } else { "No: it is stopping" };
            ((*status).to_owned(), json!({ "description": what, "content": body }))
        })
        .collect();
    json!({ "get": { "operationId": id, "summary": summary, "tags": ["health"], "security": [], "responses": responses } })
}

fn itself() -> Value {
    let refers = |status| json!({ "$ref": format!("#/components/responses/{}", name(status)) });
    json!({ "get": {
        "operationId": "openapi",
        "summary": "This document",
        "tags": ["meta"],
        "responses": {
            "200": result("The tools of the caller"),
            "401": refers(StatusCode::UNAUTHORIZED),
            "403": refers(StatusCode::FORBIDDEN),
            "429": refers(StatusCode::TOO_MANY_REQUESTS),
        },
    } })
}
