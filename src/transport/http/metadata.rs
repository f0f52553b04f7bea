//! What a client without a token is told (RFC 9728, which the authorization of MCP builds on): who gives them, and for what.

use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::http::uri::Authority;
use serde_json::{Value, json};

use crate::config::settings::Http;

/// Where it stands; the path of the resource may follow.
const PATH: &str = "/.well-known/oauth-protected-resource";

/// What is said of this server.
#[derive(Debug)]
pub(super) struct Metadata {
    issuer: String,
    resource: Option<String>,
    /// TLS ends here, or right before us.
    tls: bool,
    behind_proxy: bool,
}

impl Metadata {
    /// None without a provider.
    pub fn of(http: &Http) -> Option<Self> {
        let oidc = http.oidc.as_ref()?;
        Some(Self {
            issuer: oidc.issuer.clone(),
            resource: oidc.resource.clone(),
            tls: http.tls.is_some(),
            behind_proxy: http.behind_proxy,
        })
    }

    /// Is this asked for at this path?
    pub fn is_at(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(PATH) else { return false };
        let own = self.resource.as_deref().map(|resource| split(resource).1);
        matches!(rest, "" | "/mcp") || own == Some(rest)
    }

    /// The document. `headers`: of a request whose `Host` was found to be ours.
    pub fn document(&self, headers: &HeaderMap) -> Value {
        json!({
            "resource": self.resource(headers),
            "authorization_servers": [self.issuer],
            "bearer_methods_supported": ["header"],
            "resource_name": "docker-mcp",
        })
    }

    /// What `WWW-Authenticate` says; `error`: one of RFC 6750, and in words why.
    pub fn challenge(&self, headers: &HeaderMap, error: Option<(&str, &str)>) -> HeaderValue {
        let resource = self.resource(headers);
        let (server, path) = split(&resource);
        let error = error.map(|(code, why)| format!("error=\"{code}\", error_description=\"{why}\", "));
        let text = format!("Bearer {}resource_metadata=\"{server}{PATH}{path}\"", error.unwrap_or_default());
        // What could not stand in a header does not come through `Host`, nor through the configuration.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
    }

    /// As the caller knows it, unless a person said so.
    fn resource(&self, headers: &HeaderMap) -> String {
        if let Some(resource) = &self.resource {
            return resource.clone();
        }
        let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let parsed = host.parse::<Authority>().ok();
        // Without what may stand before an @.
        let host = parsed.as_ref().map_or("localhost", Authority::host);
        let port = parsed.as_ref().and_then(Authority::port_u16).map(|port| format!(":{port}"));
        let scheme = if self.tls || (self.behind_proxy && !is_loopback(host)) { "https" } else { "http" };
        format!("{scheme}://{host}{}/mcp", port.unwrap_or_default())
    }
}

/// A proxy that ends TLS is called by another name.
fn is_loopback(host: &str) -> bool {
    super::names::LOOPBACK.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// An address as its server and its path.
fn split(address: &str) -> (&str, &str) {
    let start = address.find("://").map_or(0, |at| at + 3);
    let end = address.get(start..).and_then(|rest| rest.find('/')).map_or(address.len(), |at| start + at);
    address.split_at_checked(end).map_or((address, ""), |(server, path)| (server, path.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_is_what_the_caller_calls() {
        let mut metadata = Metadata {
            issuer: "https://login.example".into(),
            resource: None,
            tls: false,
            behind_proxy: false,
        };
        let at = |metadata: &Metadata, host: &'static str| {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            let told = metadata.challenge(&headers, None).to_str().unwrap().to_owned();
            (metadata.resource(&headers), told)
        };
        assert_eq!(at(&metadata, "localhost:8080").0, "http://localhost:8080/mcp");
        assert_eq!(at(&metadata, "x:y@localhost:8080").0, "http://localhost:8080/mcp");
        assert_eq!(at(&metadata, "[::1]:80").0, "http://[::1]:80/mcp");
        metadata.behind_proxy = true;
        assert_eq!(at(&metadata, "box.lan").0, "https://box.lan/mcp");
        assert_eq!(at(&metadata, "localhost:8080").0, "http://localhost:8080/mcp");
        metadata.tls = true;
        let (resource, told) = at(&metadata, "localhost:8443");
        assert_eq!(resource, "https://localhost:8443/mcp");
        let expected =
            "Bearer resource_metadata=\"https://localhost:8443/.well-known/oauth-protected-resource/mcp\"";
        assert_eq!(told, expected);
        metadata.resource = Some("https://tools.example/docker/mcp".into());
        let (resource, told) = at(&metadata, "localhost");
        assert_eq!(resource, "https://tools.example/docker/mcp");
        assert!(
            told.contains("\"https://tools.example/.well-known/oauth-protected-resource/docker/mcp\""),
            "{told}"
        );
        for (path, there) in [
            ("/.well-known/oauth-protected-resource", true),
            ("/.well-known/oauth-protected-resource/mcp", true),
            ("/.well-known/oauth-protected-resource/docker/mcp", true),
            ("/.well-known/oauth-protected-resource/other", false),
            ("/.well-known/oauth-protected-resourcemcp", false),
            ("/.well-known/openid-configuration", false),
        ] {
            assert_eq!(metadata.is_at(path), there, "{path}");
        }
    }
}
