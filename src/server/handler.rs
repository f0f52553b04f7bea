//! The MCP side: rmcp's requests become calls, answers become results.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest,
    CustomResult, ErrorData, Implementation, ListToolsResult, PaginatedRequestParams,
    ProgressNotificationParam, ProgressToken, ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
    ToolAnnotations,
};
use rmcp::service::{Peer, RequestContext};
use serde_json::Value;

use crate::tool::{Class, Effect, Spec, ToolDef};

use super::progress::{Report, Reports};
use super::{Answer, Caller, Request, Server, call, catalogue, instructions};

/// One MCP connection.
#[derive(Debug, Clone)]
pub struct Handler {
    server: Arc<Server>,
    caller: Caller,
}

impl Handler {
    /// A connection of this caller.
    #[must_use]
    pub const fn new(server: Arc<Server>, caller: Caller) -> Self {
        Self { server, caller }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let info = Implementation::new("docker-mcp", env!("CARGO_PKG_VERSION")).with_title("Docker");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(info)
            .with_instructions(instructions::text(&self.server.in_force().settings))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let rules = Arc::clone(&self.server.in_force().settings.rules);
        let served = catalogue::all().filter(|def| catalogue::withheld(def, &rules).is_none());
        // Private: another caller's list may differ.
        Ok(ListToolsResult::with_all_items(served.map(tool).collect())
            .with_ttl_ms(0)
            .with_cache_scope(CacheScope::Private))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        catalogue::find(name).map(tool)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let reports = match context.meta.get_progress_token() {
            Some(token) => Reports::to(Arc::new(ToPeer { peer: context.peer.clone(), token })),
            None => Reports::none(),
        };
        let request = Request {
            tool: request.name.into_owned(),
            arguments: request.arguments.unwrap_or_default(),
            reports,
            cancel: context.ct.clone(),
        };
        Ok(result(call::call(&self.server, &self.caller, request).await).into())
    }

    /// rmcp takes a known method with malformed parameters for an unknown one; the caller is told what is wrong.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        match request.method.as_str() {
            "tools/call" => {
                Err(ErrorData::invalid_params("tools/call takes { name: string, arguments?: object }", None))
            }
            "tools/list" => Err(ErrorData::invalid_params("tools/list takes { cursor?: string }", None)),
            other => Err(ErrorData::new(
                rmcp::model::ErrorCode::METHOD_NOT_FOUND,
                format!("there is no method `{other}` here"),
                None,
            )),
        }
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS)
    }
}

/// A line of the catalogue as MCP shows it. The hints follow from the definition.
#[must_use]
pub fn tool(def: &ToolDef) -> Tool {
    let Spec { name, title, summary, effect, idempotent, class, .. } = def.spec;
    let hints = ToolAnnotations::new()
        .read_only(effect.read_only())
        // What a command does nobody knows before.
        .destructive(
            matches!(effect, Effect::Destroys | Effect::Stops) || class == Class::Exec && !effect.read_only(),
        )
        .idempotent(idempotent)
        .open_world(class == Class::Transfer || class == Class::Exec && !effect.read_only());
    Tool::new(name, summary, def.schema()).with_title(title).with_annotations(hints)
}

fn result(answer: Answer) -> CallToolResult {
    let content = vec![ContentBlock::text(answer.text)];
    let mut result = match answer.failure {
        None => CallToolResult::success(content),
        Some(_) => CallToolResult::error(content),
    };
    result.structured_content = match answer.json {
        Value::Null => None,
        json => Some(json),
    };
    result
}

/// Progress as MCP notifications.
struct ToPeer {
    peer: Peer<RoleServer>,
    token: ProgressToken,
}

impl Report for ToPeer {
    fn report(&self, number: u64, message: String) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        #[expect(clippy::cast_precision_loss, reason = "a call makes far fewer than 2^52 reports")]
        let param = ProgressNotificationParam::new(self.token.clone(), number as f64).with_message(message);
        Box::pin(async move {
            // The client is gone: the call itself will notice.
            let _gone = self.peer.notify_progress(param).await;
        })
    }
}
