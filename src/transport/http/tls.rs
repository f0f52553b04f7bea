//! TLS that ends here: the certificate and its key are read once, when the server starts.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, InconsistentKeys, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::config::settings::HttpTls;

use super::Unsafe;

/// A client has this long for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bytes of a file.
const MOST: u64 = 1024 * 1024;

/// What answers handshakes.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// What a person should look at.
    pub warning: Option<String>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("warning", &self.warning).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files. Blocking.
    ///
    /// # Errors
    /// There is no certificate, or no key that fits it.
    pub fn of(files: &HttpTls) -> Result<Self, Unsafe> {
        let told = |why: String, help| Unsafe { why, help };
        let (cert, _) = read(&files.cert, "cert")?;
        let (key, about) = read(&files.key, "key")?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&cert).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
            let why = format!("http.tls.cert {}: no certificate in it", files.cert.display());
            told(why, "name a PEM file: the certificate, then those between it and its authority")
        })?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| {
            let why = format!("http.tls.key {}: no private key in it", files.key.display());
            told(why, "name a PEM file that holds the key of the certificate, without a passphrase")
        })?;
        let provider = Arc::new(ring::default_provider());
        provider.key_provider.load_private_key(key.clone_key()).map_err(|error| {
            let why =
                format!("http.tls.key {}: no private key that can be used: {error}", files.key.display());
            told(why, "name an RSA, ECDSA or Ed25519 key in PEM, without a passphrase")
        })?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| {
            let (cert, key) = (files.cert.display(), files.key.display());
            let why = match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    format!("http.tls.key {key} is not the key of http.tls.cert {cert}")
                }
                error => format!("http.tls.cert {cert} with http.tls.key {key}: {error}"),
            };
            told(why, "name a certificate and the key that it was made for; its own certificate goes first in the file")
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let warning = others_read(&about).then(|| {
            let key = files.key.display();
            format!(
                "http.tls.key {key} can be read by others, who could pass for this server: chmod 600 {key}"
            )
        });
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), warning })
    }

    /// One handshake, within its time.
    ///
    /// # Errors
    /// It came to nothing.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> std::io::Result<TlsStream<S>> {
        tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream)).await?
    }
}

fn read(path: &Path, key: &str) -> Result<(Vec<u8>, Metadata), Unsafe> {
    let told = |what: &str| Unsafe {
        why: format!("http.tls.{key} {}: {what}", path.display()),
        help: "name a PEM file that this user can read, or let a proxy end TLS (behind_proxy = true)",
    };
    // A pipe would be waited for.
    let about = std::fs::metadata(path).map_err(|e| told(&e.to_string()))?;
    if !about.is_file() {
        return Err(told("this is no file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| told(&e.to_string()))?;
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|e| told(&e.to_string()))?;
    if bytes.len() as u64 > MOST {
        return Err(told("it is larger than 1 MiB"));
    }
    Ok((bytes, about))
}

#[cfg(unix)]
fn others_read(about: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn others_read(_: &Metadata) -> bool {
    false
}
