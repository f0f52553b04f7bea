use super::super::tests::{after, echoes};
use super::super::{DialError, Io, dial};
use super::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

/// An authority, and a folder for what it signs.
struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "engine authority");
        std::fs::write(dir.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { dir, issuer: Issuer::new(params, key) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes `who.pem` and `who-key.pem`.
    fn sign(&self, who: &str, names: &[&str], until: i32) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = date_time_ymd(until, 1, 1);
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{who}.pem")), signed.pem()).unwrap();
        std::fs::write(self.path(&format!("{who}-key.pem")), key.serialize_pem()).unwrap();
    }

    fn files(&self) -> TlsFiles {
        TlsFiles { ca: Some(self.path("ca.pem")), ..TlsFiles::default() }
    }

    fn with_client(&self) -> TlsFiles {
        self.sign("client", &["client"], 2999);
        let (cert, key) = (self.path("client.pem"), self.path("client-key.pem"));
        TlsFiles { cert: Some(cert), key: Some(key), ..self.files() }
    }

    /// An echo server as `who`; asks for a client's certificate if told to. Answers its port.
    async fn serve(&self, who: &str, mutual: bool) -> u16 {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(certificates(&self.path("ca.pem"), "ca").unwrap().remove(0)).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let chain = certificates(&self.path(&format!("{who}.pem")), "cert").unwrap();
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{who}-key.pem"))).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    let (mut read, mut write) = tokio::io::split(stream);
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                }
            }
        });
        port
    }
}

async fn to(port: u16, material: TlsFiles) -> Result<Box<dyn Io>, DialError> {
    dial(&Endpoint::Tls { host: "127.0.0.1".into(), port, material }, after(5000)).await.map(|(io, _)| io)
}

async fn refused(port: u16, material: TlsFiles) -> String {
    let Err(error) = to(port, material).await else { panic!("connected") };
    assert_eq!(error.kind, DialKind::Tls, "{error}");
    assert!(error.hint().contains("tls"));
    error.to_string()
}

#[tokio::test]
async fn the_given_authority_is_trusted_with_and_without_a_client_certificate() {
    let authority = Authority::new();
    authority.sign("server", &["127.0.0.1"], 2999);
    let port = authority.serve("server", false).await;
    echoes(&mut *to(port, authority.files()).await.unwrap()).await;
    let port = authority.serve("server", true).await;
    echoes(&mut *to(port, authority.with_client()).await.unwrap()).await;
}

#[tokio::test]
async fn a_server_name_replaces_the_host() {
    let authority = Authority::new();
    authority.sign("server", &["engine.example"], 2999);
    let port = authority.serve("server", false).await;
    let said = refused(port, authority.files()).await;
    assert!(said.contains("not for `127.0.0.1`"), "{said}");
    let named = TlsFiles { server_name: Some("engine.example".into()), ..authority.files() };
    echoes(&mut *to(port, named).await.unwrap()).await;
    let nonsense = TlsFiles { server_name: Some("no name".into()), ..authority.files() };
    assert!(refused(port, nonsense).await.contains("`no name`"));
}

#[tokio::test]
async fn strangers_and_the_expired_are_refused() {
    let authority = Authority::new();
    authority.sign("server", &["127.0.0.1"], 2999);
    let port = authority.serve("server", false).await;
    let said = refused(port, Authority::new().files()).await;
    assert!(said.contains("not signed by tls.ca"), "{said}");
    authority.sign("old", &["127.0.0.1"], 2001);
    let said = refused(authority.serve("old", false).await, authority.files()).await;
    assert!(said.contains("expired"), "{said}");
}

#[tokio::test]
async fn unusable_files_are_named_without_a_network() {
    let authority = Authority::new();
    let whole = authority.with_client();
    let nobody = 1;
    std::fs::write(authority.path("empty"), "").unwrap();
    let empty = Some(authority.path("empty"));
    let missing = Some(authority.path("gone.pem"));
    for (files, words) in [
        (TlsFiles { key: missing.clone(), ..whole.clone() }, vec!["tls.key", "gone.pem", "No such file"]),
        (TlsFiles { cert: missing.clone(), ..whole.clone() }, vec!["tls.cert", "gone.pem"]),
        (TlsFiles { ca: missing, ..whole.clone() }, vec!["tls.ca", "gone.pem"]),
        (TlsFiles { key: empty.clone(), ..whole.clone() }, vec!["tls.key", "no private key"]),
        (TlsFiles { ca: empty, ..whole.clone() }, vec!["tls.ca", "no certificate"]),
        (
            TlsFiles { ca: Some(authority.dir.path().into()), ..whole.clone() },
            vec!["tls.ca", "not a plain file"],
        ),
        (TlsFiles { key: None, ..whole.clone() }, vec!["without tls.key"]),
        (TlsFiles { cert: None, ..whole.clone() }, vec!["without tls.cert"]),
        (TlsFiles { ca: None, ..whole.clone() }, vec!["tls.ca is required"]),
        (TlsFiles { verify: false, ..whole.clone() }, vec!["SkipTLSVerify", "not supported"]),
    ] {
        let said = refused(nobody, files).await;
        assert!(words.iter().all(|word| said.contains(word)), "{said} lacks one of {words:?}");
    }
    authority.sign("other", &["other"], 2999);
    let mixed = TlsFiles { key: Some(authority.path("other-key.pem")), ..whole };
    let said = refused(nobody, mixed).await;
    assert!(said.contains("client.pem with tls.key"), "{said}");
}

#[tokio::test]
async fn a_silent_server_ends_at_the_deadline_and_a_plain_one_is_told() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = |port| Endpoint::Tls { host: "127.0.0.1".into(), port, material: authority.files() };
    let start = Instant::now();
    let silent = endpoint(listener.local_addr().unwrap().port());
    let error = dial(&silent, after(500)).await.err().unwrap();
    let took = start.elapsed().as_millis();
    assert_eq!(error.kind, DialKind::Timeout);
    assert!(
        error.to_string().contains("handshake") && (450..1000).contains(&took),
        "{error} after {took} ms"
    );

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (_stream, _) = plain.accept().await.unwrap();
    });
    let said = refused(port, authority.files()).await;
    assert!(said.contains("does not speak TLS"), "{said}");
}

#[tokio::test]
async fn a_renewed_certificate_counts_at_the_next_dial() {
    let authority = Authority::new();
    authority.sign("server", &["127.0.0.1"], 2999);
    let port = authority.serve("server", true).await;
    let files = authority.with_client();
    let key = files.key.clone().unwrap();
    let good = std::fs::read(&key).unwrap();
    std::fs::write(&key, "").unwrap();
    refused(port, files.clone()).await;
    std::fs::write(&key, good).unwrap();
    echoes(&mut *to(port, files).await.unwrap()).await;
}
