//! An identity provider that says what it is told, with keys and signatures that are real.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use serde_json::{Value, json};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Without padding, as tokens have it.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs tokens.
pub struct Signer {
    /// Its id.
    pub id: String,
    pair: Pair,
}

enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    /// A new one for `ES256`, `ES384` or `EdDSA`.
    pub fn new(id: &str, algorithm: &str) -> Self {
        let random = SystemRandom::new();
        let curve = |way| {
            let key = EcdsaKeyPair::generate_pkcs8(way, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(way, key.as_ref(), &random).unwrap()
        };
        let pair = match algorithm {
            "ES256" => Pair::P256(curve(&ECDSA_P256_SHA256_FIXED_SIGNING)),
            "ES384" => Pair::P384(curve(&ECDSA_P384_SHA384_FIXED_SIGNING)),
            "EdDSA" => {
                let key = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                Pair::Ed(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
            }
            other => panic!("{other}"),
        };
        Self { id: id.to_owned(), pair }
    }

    /// What it signs by.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::P256(_) => "ES256",
            Pair::P384(_) => "ES384",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// The public half, raw.
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public half, as a provider shows it.
    pub fn jwk(&self) -> Value {
        let public = self.public();
        let point = |curve: &str| {
            let (x, y) = public[1..].split_at((public.len() - 1) / 2);
            json!({ "kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y) })
        };
        let mut jwk = match self.pair {
            Pair::P256(_) => point("P-256"),
            Pair::P384(_) => point("P-384"),
            Pair::Ed(_) => json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(&public) }),
        };
        (jwk["kid"], jwk["use"], jwk["alg"]) = (json!(self.id), json!("sig"), json!(self.algorithm()));
        jwk
    }

    /// A token with the usual header.
    pub fn token(&self, claims: &Value) -> String {
        self.signed(&json!({ "typ": "at+jwt", "alg": self.algorithm(), "kid": self.id }), claims)
    }

    /// A token with that header, whatever it says.
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
            }
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", base64url(signature))
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// What the provider does.
#[derive(Debug, Clone, Default)]
pub enum Does {
    /// It answers.
    #[default]
    Answers,
    /// It takes requests and says nothing.
    Hangs,
    /// It says this, whatever it is asked.
    Says(String),
}

#[derive(Debug, Default)]
struct State {
    does: Does,
    about: Value,
    keys: Vec<Value>,
    asked: Vec<String>,
}

/// The provider, at a port of the loopback.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// As tokens name it.
    pub name: String,
    state: Arc<Mutex<State>>,
}

impl Issuer {
    /// One with these keys, in clear.
    pub fn new(keys: &[&Signer]) -> Self {
        Self::start(keys, None)
    }

    /// One with these keys, over TLS.
    pub fn over_tls(keys: &[&Signer], tls: Arc<ServerConfig>) -> Self {
        Self::start(keys, Some(tls))
    }

    fn start(keys: &[&Signer], tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https://localhost" } else { "http://127.0.0.1" };
        let name = format!("{scheme}:{}", at.port());
        let about = json!({ "issuer": name, "jwks_uri": format!("{name}/keys") });
        let state = State { about, keys: keys.iter().map(|key| key.jwk()).collect(), ..State::default() };
        let it = Self { name, state: Arc::new(Mutex::new(state)) };
        let serving = it.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (it, tls) = (serving.clone(), tls.clone());
                std::thread::spawn(move || {
                    let _gone = match tls {
                        None => it.answer(stream),
                        Some(tls) => it.answer(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream)),
                    };
                });
            }
        });
        it
    }

    /// From now on it does that.
    pub fn does(&self, does: Does) {
        self.state.lock().unwrap().does = does;
    }

    /// From now on it has these keys.
    pub fn keys(&self, keys: Vec<Value>) {
        self.state.lock().unwrap().keys = keys;
    }

    /// From now on it says this of itself.
    pub fn says_of_itself(&self, key: &str, value: &str) {
        self.state.lock().unwrap().about[key] = json!(value);
    }

    /// The paths that it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// Claims of a token for this subject, good for five minutes.
    pub fn claims(&self, subject: &str, role: &Value) -> Value {
        let (issued, ends) = (now(), now() + 300);
        json!({ "iss": self.name, "aud": "docker-mcp", "sub": subject, "role": role, "iat": issued, "exp": ends })
    }

    /// `[http.oidc]` for it.
    pub fn config(&self) -> String {
        format!("[http.oidc]\nissuer = {:?}\naudience = \"docker-mcp\"\nrole_claim = \"role\"\n", self.name)
    }

    fn answer(&self, mut stream: impl Read + Write) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let (does, body) = {
            let mut state = self.state.lock().unwrap();
            state.asked.push(path.clone());
            let body = match path.as_str() {
                "/.well-known/openid-configuration" => state.about.to_string(),
                "/keys" => json!({ "keys": state.keys }).to_string(),
                _ => String::new(),
            };
            (state.does.clone(), body)
        };
        let text = match does {
            Does::Answers => {
                let length = body.len();
                format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
                )
            }
            Does::Hangs => {
                std::thread::sleep(Duration::from_secs(120));
                return Ok(());
            }
            Does::Says(text) => text,
        };
        stream.write_all(text.as_bytes())?;
        stream.flush()
    }
}
