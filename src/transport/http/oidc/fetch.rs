//! One JSON document of the identity provider. Its certificate is checked against the roots of the system.

use std::net::IpAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

/// Bytes of a document.
const MOST: usize = 1024 * 1024;

/// Whoever fetches; the roots are read once.
#[derive(Debug, Default)]
pub(super) struct Fetcher(OnceCell<Arc<ClientConfig>>);

impl Fetcher {
    /// Without a clock: the caller holds one. A redirect is not followed. In clear only on this machine, where `clear` allows it.
    ///
    /// # Errors
    /// A lowercase fragment that tells why there is none.
    pub async fn json(&self, url: &str, clear: bool) -> Result<Value, String> {
        let uri: Uri = url.parse().map_err(|_| format!("`{}` is no address", url.escape_debug()))?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), authority) else {
            return Err(format!("`{uri}` is no address"));
        };
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16();
        let dial = |default| TcpStream::connect((name, port.unwrap_or(default)));
        let bytes = match scheme {
            "https" => {
                let config = Arc::clone(self.0.get_or_try_init(config).await?);
                let named = ServerName::try_from(name.to_owned()).map_err(|e| format!("{uri}: {e}"))?;
                let stream = dial(443).await.map_err(|e| format!("{uri}: {e}"))?;
                let tls = TlsConnector::from(config).connect(named, stream).await;
                get(&uri, authority.as_str(), tls.map_err(|e| format!("{uri}: {e}"))?).await
            }
            "http" if clear && is_here(name) => {
                let stream = dial(80).await.map_err(|e| format!("{uri}: {e}"))?;
                get(&uri, authority.as_str(), stream).await
            }
            _ => return Err(format!("{uri} is not fetched: only https:// is")),
        };
        let bytes = bytes.map_err(|why| format!("{uri}: {why}"))?;
        serde_json::from_slice(&bytes).map_err(|_| format!("{uri}: the answer is no JSON"))
    }
}

fn is_here(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn get(
    uri: &Uri,
    host: &str,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Bytes, String> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .header(header::CONNECTION, "close")
        .header(header::USER_AGENT, concat!("docker-mcp/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|e| e.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    let _driven = AbortOnDropHandle::new(tokio::spawn(connection));
    let answer = sender.send_request(request).await.map_err(|e| e.to_string())?;
    match answer.status() {
        StatusCode::OK => {}
        status if status.is_redirection() => {
            return Err(format!("{status}: redirects are not followed"));
        }
        status => return Err(status.to_string()),
    }
    let whole = Limited::new(answer.into_body(), MOST).collect().await;
    whole.map(|body| body.to_bytes()).map_err(|e| e.to_string())
}

async fn config() -> Result<Arc<ClientConfig>, String> {
    // The files of the system may lie on a disk that hangs.
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs);
    let found = found.await.map_err(|e| e.to_string())?;
    let mut roots = RootCertStore::empty();
    let (added, _ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err("this system has no root certificates: install ca-certificates, or name a file in \
                    SSL_CERT_FILE"
            .to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
