//! The keys that the identity provider signs with: fetched when they are needed, kept for a while, never waited for long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde_json::Value;
use tokio::sync::watch;

use super::fetch::Fetcher;

/// Both documents are here within this.
const FETCH: Duration = Duration::from_secs(4);
/// A request waits so long for them at most.
const WAIT: Duration = Duration::from_secs(5);
/// One fetch in this time, whatever callers send.
pub(super) const PAUSE: Duration = Duration::from_secs(10);
/// Keys of this age are fetched again beside.
const FRESH: Duration = Duration::from_secs(600);
/// Keys of this age are used no more: the provider may have withdrawn them.
const STALE: Duration = Duration::from_secs(3600);
/// Keys of one provider.
const MOST: usize = 100;

/// The provider has not said with which keys it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unavailable;

/// Keys by their ids.
#[derive(Debug)]
pub(super) struct Jwks {
    issuer: String,
    fetcher: Fetcher,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: Vec<Key>,
    /// When they came.
    came: Option<Instant>,
    /// When it was last asked.
    tried: Option<Instant>,
    failed: bool,
    /// Ends with the fetch that is under way.
    running: Option<watch::Receiver<()>>,
}

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    /// The only one that it is for.
    algorithm: Option<KeyAlgorithm>,
    /// Those it can be for.
    fits: &'static [Algorithm],
    key: DecodingKey,
}

impl Jwks {
    pub fn of(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), fetcher: Fetcher::default(), state: Mutex::default() }
    }

    /// The keys that a token of this id and algorithm can be signed with; none: the provider has no such key.
    ///
    /// # Errors
    /// Nobody can tell.
    pub async fn fitting(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<DecodingKey>, Unavailable> {
        let now = Instant::now();
        let (found, age) = self.cached(id, algorithm, now);
        if !found.is_empty() {
            if age.is_none_or(|age| age > FRESH) {
                drop(self.refresh(now));
            }
            return Ok(found);
        }
        if let Some(mut running) = self.refresh(now) {
            let _ended = tokio::time::timeout(WAIT, running.changed()).await;
        }
        let (found, age) = self.cached(id, algorithm, Instant::now());
        if found.is_empty() && (age.is_none() || self.state().failed) {
            return Err(Unavailable);
        }
        Ok(found)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that fit, and the age of all; no age: there are none of a usable age.
    fn cached(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Instant,
    ) -> (Vec<DecodingKey>, Option<Duration>) {
        let state = self.state();
        let age = state.came.map(|came| now.saturating_duration_since(came)).filter(|age| *age <= STALE);
        if age.is_none() {
            return (Vec::new(), None);
        }
        let fits = |key: &&Key| {
            let named = id.is_none_or(|id| key.id.as_deref() == Some(id));
            let only = key.algorithm.is_none_or(|only| only == KeyAlgorithm::from(algorithm));
            named && only && key.fits.contains(&algorithm)
        };
        (state.keys.iter().filter(fits).map(|key| key.key.clone()).collect(), age)
    }

    /// Begins a fetch, or joins the one that is under way; none: it was asked a moment ago.
    fn refresh(self: &Arc<Self>, now: Instant) -> Option<watch::Receiver<()>> {
        let mut state = self.state();
        if let Some(running) = state.running.as_ref().filter(|running| running.has_changed().is_ok()) {
            return Some(running.clone());
        }
        if state.tried.is_some_and(|tried| now.saturating_duration_since(tried) < PAUSE) {
            return None;
        }
        let (ends, running) = watch::channel(());
        (state.tried, state.running) = (Some(now), Some(running.clone()));
        drop(state);
        let this = Arc::clone(self);
        // Who hangs up does not end what others wait for.
        tokio::spawn(async move {
            this.came(this.in_time().await);
            drop(ends);
        });
        Some(running)
    }

    /// Asks once: how many keys there are.
    pub async fn look(&self) -> Result<usize, String> {
        self.in_time().await.map(|keys| keys.len())
    }

    async fn in_time(&self) -> Result<Vec<Key>, String> {
        let late = |_| Err(format!("no answer within {} s", FETCH.as_secs()));
        tokio::time::timeout(FETCH, self.fetch()).await.unwrap_or_else(late)
    }

    fn came(&self, fetched: Result<Vec<Key>, String>) {
        let mut state = self.state();
        state.running = None;
        state.failed = fetched.is_err();
        match fetched {
            Ok(keys) => {
                tracing::debug!(issuer = self.issuer, keys = keys.len(), "the identity provider's keys came");
                (state.keys, state.came) = (keys, Some(Instant::now()));
            }
            Err(why) => {
                tracing::warn!(issuer = self.issuer, why, "the identity provider's keys cannot be had")
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<Key>, String> {
        // Only a provider on this machine is asked in clear.
        let clear = self.issuer.starts_with("http://");
        let about = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let about = self.fetcher.json(&about, clear).await?;
        let text = |name: &str| about.get(name).and_then(Value::as_str);
        if text("issuer") != Some(&self.issuer) {
            let other = text("issuer").unwrap_or_default().escape_debug().to_string();
            return Err(format!("it says that it is `{other}`: `issuer` must be that, letter by letter"));
        }
        let from = text("jwks_uri").ok_or("it does not say where its keys are (jwks_uri)")?;
        let set = self.fetcher.json(from, clear).await?;
        let all = set.get("keys").and_then(Value::as_array).ok_or("what it has there is no set of keys")?;
        // A kind of key that is not known here is no reason to do without the others.
        let known = all.iter().take(MOST).filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
        let keys: Vec<Key> = known.filter_map(|jwk| key(&jwk)).collect();
        if keys.is_empty() {
            return Err("it has no key that tokens can be checked with".to_owned());
        }
        Ok(keys)
    }
}

/// One that may sign tokens.
fn key(jwk: &Jwk) -> Option<Key> {
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let ops = common.key_operations.as_ref();
    if !signs || !ops.is_none_or(|ops| ops.contains(&KeyOperations::Verify)) {
        return None;
    }
    let fits: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        // A shared secret, above all.
        _ => return None,
    };
    let decoding = DecodingKey::from_jwk(jwk).ok().filter(|key| key.family() != AlgorithmFamily::Hmac)?;
    Some(Key { id: common.key_id.clone(), algorithm: common.key_algorithm, fits, key: decoding })
}
