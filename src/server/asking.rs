//! A person is asked in the client, where the client can: over both eras of the protocol.
//!
//! Nothing waits meanwhile: the change is held as for `docker-mcp approve`, and when the person has said yes the very same
//! call is made again. Its clock starts then: a person's time is not the engine's.

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitRequest, ElicitRequestParams, ElicitResult,
    ElicitationAction, ElicitationSchema, InputRequest, InputRequests, InputRequiredResult, ProtocolVersion,
};
use rmcp::service::RequestContext;
use serde::Deserialize;
use serde_json::Value;

use super::Answer;

/// The name of the question.
const CONFIRM: &str = "confirm";

/// What a person said in the client to a held change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The change's code.
    pub code: String,
    /// Do it.
    pub yes: bool,
    /// It was said at the host, and not in a client.
    pub at_host: bool,
}

/// How the client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It cannot.
    None,
    /// The server sends it a request.
    Request,
    /// It gets the question as a result, and repeats the call with the answer.
    Result,
}

pub(super) fn way(context: &RequestContext<RoleServer>) -> Way {
    let asks = context.client_capabilities().and_then(|able| able.elicitation);
    if !asks.is_some_and(|how| how.form.is_some() || how.url.is_none()) {
        return Way::None;
    }
    match context.protocol_version() {
        Some(version) if version >= ProtocolVersion::V_2026_07_28 => Way::Result,
        _ => Way::Request,
    }
}

/// The code of a change that waits for a person, and the question, if a person in the client may be asked.
pub(super) fn held(answer: &Answer) -> Option<(String, String)> {
    let waits = answer.json.get("status").is_some_and(|status| status == "approval_pending");
    let code = answer.json.get("code").filter(|_| waits).and_then(Value::as_str)?;
    Some((code.to_owned(), answer.question.clone()?))
}

/// The question for a client that takes it as a result.
pub(super) fn question(question: &str, code: String) -> CallToolResponse {
    let mut requests = InputRequests::new();
    requests.insert(CONFIRM.into(), InputRequest::Elicitation(ElicitRequest::new(form(question))));
    InputRequiredResult::new(Some(requests), Some(code)).into()
}

/// What such a client came back with. The outer one: it did come back.
pub(super) fn response(request: &CallToolRequestParams) -> Option<Option<Said>> {
    let responses = request.input_responses.as_ref()?;
    let result = responses.get(CONFIRM).and_then(|value| ElicitResult::deserialize(value).ok());
    Some(result.and_then(|result| said(&result, request.request_state.clone()?)))
}

/// Asks a client that is sent requests. Nobody may be there: then it stays held.
pub(super) async fn ask(
    context: &RequestContext<RoleServer>,
    question: &str,
    code: String,
    within: Duration,
) -> Option<Said> {
    let asked = context.peer.create_elicitation_with_timeout(form(question), Some(within));
    let result = tokio::select! {
        result = asked => result.ok()?,
        () = context.ct.cancelled() => return None,
        () = tokio::time::sleep(within) => return None,
    };
    said(&result, code)
}

fn form(question: &str) -> ElicitRequestParams {
    let schema = serde_json::json!({
        "type": "object",
        "properties": { CONFIRM: { "type": "boolean", "title": "Do this", "description": "Nothing is done without it." } },
        "required": [CONFIRM],
    });
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: question.to_owned(),
        requested_schema: ElicitationSchema::deserialize(schema)
            .unwrap_or_else(|_| ElicitationSchema::new(Default::default())),
    }
}

/// Only an explicit yes is one. Who closes the question said nothing.
fn said(result: &ElicitResult, code: String) -> Option<Said> {
    let confirms = result.content.as_ref().and_then(|content| content.get(CONFIRM)).and_then(Value::as_bool);
    match (&result.action, confirms) {
        (ElicitationAction::Accept, Some(yes)) => Some(Said { code, yes, at_host: false }),
        (ElicitationAction::Decline, _) => Some(Said { code, yes: false, at_host: false }),
        _ => None,
    }
}
