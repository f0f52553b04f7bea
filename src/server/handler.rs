//! The MCP side: rmcp's requests become calls, answers become results.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rmcp::RoleServer;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest,
    CustomResult, ErrorData, Extensions, Implementation, ListToolsResult, PaginatedRequestParams,
    ProgressNotificationParam, ProgressToken, ProtocolVersion, ServerCapabilities, ServerConfig,
    SubscriptionFilter, Tool, ToolAnnotations,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, SubscriptionContext};
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::tool::{Class, Effect, Spec, ToolDef};

use super::asking::{self, Said, Way};
use super::news::Listed;
use super::progress::{Report, Reports};
use super::{Answer, Caller, Origin, Request, Server, TraceId, call, catalogue, instructions};

/// One MCP connection.
#[derive(Debug, Clone)]
pub struct Handler {
    server: Arc<Server>,
    caller: Caller,
    /// Who calls, where each request tells; one that does not is the caller above.
    who: Option<Who>,
    /// Until when the sender of a request may have streams, where its transport tells.
    until: Option<Until>,
    /// Ends what waits for news on behalf of this connection, with it.
    open: Arc<DropGuard>,
    /// Where a request comes from, where its transport knows.
    whence: Option<Whence>,
}

/// Finds who sent a request in what its transport put beside it.
pub type Who = fn(&Extensions) -> Option<Caller>;
/// Finds there what ends the streams of that sender.
pub type Until = fn(&Extensions) -> Option<CancellationToken>;
/// Finds there what its transport calls it.
pub type Whence = fn(&Extensions) -> Option<Origin>;

impl Handler {
    /// A connection of this caller.
    #[must_use]
    pub fn new(server: Arc<Server>, caller: Caller) -> Self {
        let open = Arc::new(CancellationToken::new().drop_guard());
        Self { server, caller, who: None, until: None, whence: None, open }
    }

    /// Connections whose requests each say who calls; one that does not may nothing.
    #[must_use]
    pub fn of_many(server: Arc<Server>, who: Who, until: Until) -> Self {
        let nobody = Caller::of_role("nobody", "(none)");
        Self { who: Some(who), until: Some(until), ..Self::new(server, nobody) }
    }

    /// Whose requests have names of their own.
    #[must_use]
    pub fn traced(self, whence: Whence) -> Self {
        Self { whence: Some(whence), ..self }
    }

    /// A trace that the message names is nearer than one of its transport.
    fn origin(&self, context: &RequestContext<RoleServer>) -> Origin {
        let origin = self.whence.and_then(|whence| whence(&context.extensions)).unwrap_or_default();
        let trace = context.meta.get("traceparent").and_then(Value::as_str).and_then(TraceId::of);
        Origin { trace: trace.or(origin.trace), ..origin }
    }

    fn caller(&self, beside: &Extensions) -> Caller {
        self.who.and_then(|who| who(beside)).unwrap_or_else(|| self.caller.clone())
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let info = Implementation::new("docker-mcp", env!("CARGO_PKG_VERSION")).with_title("Docker");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
            .with_server_info(info)
            .with_instructions(match self.who {
                None => instructions::text(&self.server.in_force().settings),
                Some(_) => instructions::for_many(),
            })
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let rules = Arc::clone(&self.server.in_force_for(&self.caller(&context.extensions)).settings.rules);
        let served = catalogue::served(&rules);
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
        let to_peer = context
            .meta
            .get_progress_token()
            .map(|token| Arc::new(ToPeer { peer: context.peer.clone(), token, sent: AtomicU64::new(0) }));
        let (caller, origin) = (self.caller(&context.extensions), self.origin(&context));
        let way = match self.server.in_force_for(&caller).settings.confirm.in_client {
            true => asking::way(&context),
            false => Way::None,
        };
        let came_back = if way == Way::Result { asking::response(&request) } else { None };
        let (was_asked, said) = (came_back.is_some(), came_back.flatten());
        let (tool, arguments) = (request.name.into_owned(), request.arguments.unwrap_or_default());
        let make = |said: Option<Said>| {
            let (tool, arguments) = (tool.clone(), arguments.clone());
            let reports = to_peer.clone().map_or_else(Reports::none, |peer| Reports::to(peer));
            let request = Request { tool, arguments, reports, cancel: context.ct.clone(), said };
            call::called(&self.server, &caller, request, &origin)
        };
        let answer = make(said).await;
        let Some((code, question)) = asking::held(&answer) else { return Ok(result(answer).into()) };
        match way {
            Way::Result if !was_asked => Ok(asking::question(&question, code)),
            Way::Request => {
                let within = self.server.patience(&tool);
                match asking::ask(&context, &question, code, within).await {
                    // Whoever was let in by other settings asks again.
                    Some(said) if self.server.is_current(&caller) => {
                        Ok(result(make(Some(said)).await).into())
                    }
                    _ => Ok(result(answer).into()),
                }
            }
            _ => Ok(result(answer).into()),
        }
    }

    /// The older era: whoever has a session hears of other tools in it.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let mut listed = Listed::of(&self.server, self.caller(&context.extensions));
        let closed = self.open.token().clone();
        tokio::spawn(async move {
            let tell = async {
                while listed.changed().await && context.peer.notify_tool_list_changed().await.is_ok() {}
            };
            tokio::select! {
                () = closed.cancelled() => {}
                () = tell => {}
            }
        });
    }

    /// The newer one: whoever asks for it.
    fn accepted_subscription_filter(&self, _requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let beside = &subscription.request_context().extensions;
        let until = self.until.and_then(|until| until(beside)).unwrap_or_default();
        let caller = self.caller(beside);
        let mut listed = Listed::of(&self.server, caller);
        let tell = async {
            while listed.changed().await && subscription.sink().notify_tool_list_changed().await.is_ok() {}
        };
        tokio::select! {
            () = subscription.cancelled() => {}
            () = until.cancelled() => {}
            () = tell => {}
        }
        Ok(())
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
    /// Over all calls that serve the request: progress only grows.
    sent: AtomicU64,
}

impl Report for ToPeer {
    fn report(&self, _of_the_call: u64, message: String) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        #[expect(clippy::cast_precision_loss, reason = "a call makes far fewer than 2^52 reports")]
        let param = ProgressNotificationParam::new(self.token.clone(), number as f64).with_message(message);
        Box::pin(async move {
            // The client is gone: the call itself will notice.
            let _gone = self.peer.notify_progress(param).await;
        })
    }
}
