//! Over HTTP: who may call, what each may, and what is answered.

mod broken;
mod doors;
mod ids;
mod judges;
mod many;
mod mcp;
mod metrics;
mod oidc;
mod openapi;
mod pi_stack;
mod provider;
mod proxied;
mod reload;
mod tls;
mod tools;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::http::{Reply, request};
use crate::support::{Client, Launch};

/// A server that serves HTTP, and where.
pub struct Served {
    /// Its process.
    pub client: Client,
    /// Where it listens.
    pub at: SocketAddr,
}

impl Served {
    /// Starts it at a free port of the loopback.
    pub fn start(launch: Launch) -> Self {
        Self::start_with(launch, &["127.0.0.1:0"])
    }

    /// Starts it with these words after `--http`.
    pub fn start_with(launch: Launch, args: &[&str]) -> Self {
        let launch = args.iter().fold(launch.arg("serve").arg("--http"), |launch, arg| launch.arg(arg));
        let client = launch.start();
        let start = Instant::now();
        let at = loop {
            let said = client.stderr();
            let line = said.lines().find_map(|line| line.strip_prefix("serving http")?.split_once("://"));
            if let Some((_, at)) = line {
                let mut at: SocketAddr = at.trim_end_matches("/mcp").parse().unwrap();
                if at.ip().is_unspecified() {
                    at.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
                }
                break at;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "it does not serve: {said}");
            std::thread::sleep(Duration::from_millis(10));
        };
        Self { client, at }
    }

    /// One request with these headers.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        request(self.at, method, path, headers, body)
    }

    /// A tool, by its own path.
    pub fn tool(&self, name: &str, key: Option<&str>, arguments: &Value) -> Reply {
        let bearer = key.map(|key| format!("Bearer {key}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.as_deref().map(|value| ("authorization", value)));
        self.send("POST", &format!("/tools/{name}"), &headers, &arguments.to_string())
    }

    /// A request of MCP in the newer era.
    pub fn mcp(&self, key: Option<&str>, method: &str, params: Value) -> Reply {
        let bearer = key.map(|key| format!("Bearer {key}"));
        let mut params = params;
        params["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                                  "io.modelcontextprotocol/clientCapabilities": {},
                                  "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" } });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let name = params["name"].as_str().unwrap_or_default().to_owned();
        let mut headers = vec![
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
        ];
        if !name.is_empty() {
            headers.push(("mcp-name", &name));
        }
        headers.extend(bearer.as_deref().map(|value| ("authorization", value)));
        self.send("POST", "/mcp", &headers, &body)
    }
}

/// Keys of two roles, and the configuration that knows them.
pub fn keys(more: &str) -> (String, String, String) {
    let key = |role: &str| {
        let config = "[roles.viewer]\nread = true\n[roles.operator]\nread = true\n";
        let output = Launch::without_engine()
            .config(config)
            .arg("key")
            .arg("new")
            .arg("--role")
            .arg(role)
            .arg("--name")
            .arg(role)
            .output();
        let text = String::from_utf8(output.stdout).unwrap();
        let (key, lines) = text.split_once('\n').expect("a key and its lines");
        (key.to_owned(), lines.to_owned())
    };
    let ((viewer, one), (operator, two)) = (key("viewer"), key("operator"));
    let roles = format!(
        "[roles.viewer]\nread = true\n[roles.operator]\nread = true\nlifecycle = true\n{more}\n{one}\n{two}"
    );
    (roles, viewer, operator)
}
