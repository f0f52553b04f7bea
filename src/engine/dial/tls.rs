//! TLS with the given authority alone: the system's roots are not asked, and the engine is always verified.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, InvalidMessage, RootCertStore};

use super::super::discover::read_small;
use super::super::endpoint::{Endpoint, TlsFiles};
use super::{DialError, DialKind, tcp, within};

#[cfg(test)]
mod tests;

/// Reads the files, connects, shakes hands; all before the deadline, and in this order, so that a missing file is told
/// without a network.
pub(super) async fn connect(
    endpoint: &Endpoint,
    (host, port): (&str, u16),
    files: &TlsFiles,
    deadline: Instant,
) -> Result<TlsStream<TcpStream>, DialError> {
    let told = |detail: String| DialError::new(DialKind::Tls, endpoint, detail);
    let expected = files.server_name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(expected.to_owned())
        .map_err(|_| told(format!("`{expected}` is no name a certificate can have")))?;
    let named = files.clone();
    let reading = tokio::task::spawn_blocking(move || client_config(&named));
    let config = within(endpoint, deadline, "reading the TLS files", async { Ok(reading.await?) })
        .await?
        .map_err(|error| told(error.to_string()))?
        .map_err(told)?;
    let stream = tcp(endpoint, host, port, deadline).await?;
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
    within(endpoint, deadline, "the TLS handshake", shaking)
        .await?
        .map_err(|error| told(reason(&error, expected)))
}

fn client_config(files: &TlsFiles) -> Result<ClientConfig, String> {
    if !files.verify {
        return Err(
            "verification is switched off (SkipTLSVerify, or DOCKER_TLS without DOCKER_TLS_VERIFY): \
                    this is not supported, name the engine's authority in tls.ca"
                .to_owned(),
        );
    }
    let Some(ca) = &files.ca else {
        return Err(
            "tls.ca is required: the authority (ca.pem) that signed the engine's certificate".to_owned()
        );
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca, "tls.ca")? {
        roots.add(certificate).map_err(|error| format!("tls.ca {}: {error}", ca.display()))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    match (&files.cert, &files.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(_), None) => Err("tls.cert is set without tls.key".to_owned()),
        (None, Some(_)) => Err("tls.key is set without tls.cert".to_owned()),
        (Some(cert), Some(key)) => {
            let chain = certificates(cert, "tls.cert")?;
            let secret = PrivateKeyDer::from_pem_slice(&read(key, "tls.key")?).map_err(|_| {
                format!("tls.key {}: no private key in PEM (without a passphrase)", key.display())
            })?;
            builder.with_client_auth_cert(chain, secret).map_err(|error| {
                format!("tls.cert {} with tls.key {}: {error}", cert.display(), key.display())
            })
        }
    }
}

fn certificates(path: &Path, key: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(path, key)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(list) if !list.is_empty() => Ok(list),
        _ => Err(format!("{key} {}: no certificate in PEM", path.display())),
    }
}

fn read(path: &Path, key: &str) -> Result<Vec<u8>, String> {
    read_small(path).map_err(|error| format!("{key} {}: {error}", path.display()))
}

/// The cause of a failed handshake in a person's words, where there are any.
fn reason(error: &io::Error, expected: &str) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let words = match inner {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            "the engine's certificate is not signed by tls.ca".to_owned()
        }
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "the engine's certificate has expired".to_owned(),
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => format!("the engine's certificate is not for `{expected}`"),
        Some(Error::AlertReceived(_)) => {
            "the engine refused the handshake (a client certificate?)".to_owned()
        }
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "what listens there does not speak TLS".to_owned()
        }
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the connection was closed during the handshake".to_owned()
        }
        _ => return error.to_string(),
    };
    format!("{words} ({error})")
}
