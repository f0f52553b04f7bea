//! Who calls: by the key or the token in `Authorization`, and by nothing else that a request says.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::settings::Http;
use crate::server::Caller;

use super::oidc::{Oidc, Refusal};

/// Who comes without a key.
const ANONYMOUS: &str = "anonymous";
/// What our own keys begin with.
const OWN: &str = "dmcp_";
/// Wrong keys from one address before it has to wait.
const FREE: u32 = 5;
/// How long, and when its wrong keys are forgotten.
const WAIT: Duration = Duration::from_secs(60);
/// Addresses that are remembered; beyond it those that waited long enough are forgotten.
const ADDRESSES: usize = 4096;

/// The keys.
#[derive(Debug)]
pub(super) struct Keys {
    keys: Vec<Key>,
    anonymous: Anonymous,
    tries: Arc<Tries>,
}

/// Who tried wrong ones: a reload forgives nobody.
#[derive(Debug, Default)]
pub(super) struct Tries(Mutex<HashMap<IpAddr, (u32, Instant)>>);

#[derive(Debug)]
struct Key {
    name: String,
    role: String,
    hash: [u8; 32],
}

/// Who a caller without a key is.
#[derive(Debug)]
enum Anonymous {
    /// Nobody: there are keys, or tokens.
    Refused,
    /// One for whom `[permissions]` is: there are no keys, and this is the loopback.
    Local,
    /// Of this role.
    Role(String),
}

/// Why nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no key.
    Missing,
    /// It is none of ours.
    Wrong,
    /// It is a token, perhaps, and lets nobody in.
    Token(Refusal),
    /// Too many wrong keys came from there.
    Wait(Duration),
}

impl Keys {
    pub fn of(http: &Http, tries: &Arc<Tries>) -> Self {
        let key = |key: &crate::config::settings::HttpKey| {
            let mut hash = [0; 32];
            // Held against this form when the configuration was read.
            let fits = hex::decode_to_slice(&key.hash, &mut hash).is_ok();
            fits.then(|| Key { name: key.name.clone(), role: key.role.clone(), hash })
        };
        let anonymous = match &http.anonymous_role {
            Some(role) => Anonymous::Role(role.clone()),
            None if http.keys.is_empty() && http.oidc.is_none() => Anonymous::Local,
            None => Anonymous::Refused,
        };
        Self { keys: http.keys.iter().filter_map(key).collect(), anonymous, tries: Arc::clone(tries) }
    }

    /// Who tried wrong ones, for the keys that come after these.
    pub const fn tries(&self) -> &Arc<Tries> {
        &self.tries
    }

    /// May a caller of that name and role still come in?
    pub fn has(&self, name: &str, role: Option<&str>) -> bool {
        let as_key = || self.keys.iter().any(|key| key.name == name && role == Some(key.role.as_str()));
        match &self.anonymous {
            Anonymous::Local if role.is_none() => true,
            Anonymous::Role(anonymous) if name == ANONYMOUS && role == Some(anonymous) => true,
            _ => as_key(),
        }
    }

    /// One may also call without a key.
    pub const fn are_optional(&self) -> bool {
        !matches!(self.anonymous, Anonymous::Refused)
    }

    /// `oidc`: who checks what is none of our keys.
    ///
    /// # Errors
    /// Nobody is let in.
    pub async fn caller(
        &self,
        oidc: Option<&Oidc>,
        headers: &HeaderMap,
        from: IpAddr,
        now: Instant,
    ) -> Result<Caller, Refused> {
        let Some(given) = headers.get(AUTHORIZATION) else {
            return match &self.anonymous {
                Anonymous::Refused => Err(Refused::Missing),
                Anonymous::Local => Ok(Caller::local("http")),
                Anonymous::Role(role) => Ok(Caller::without_key(ANONYMOUS, role)),
            };
        };
        let text = given.to_str().unwrap_or_default();
        let bearer = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let bearer = bearer.map(|(_, key)| key.trim()).unwrap_or_default();
        let hash = Sha256::digest(bearer.as_bytes());
        // Every key is looked at, for as long as any other.
        let mut found = None;
        for key in &self.keys {
            if bool::from(key.hash.ct_eq(hash.as_slice())) {
                found = Some(key);
            }
        }
        if let Some(key) = found {
            return Ok(Caller::of_role(&key.name, &key.role));
        }
        // Only who is wrong waits: others may sit behind the same address, and nobody guesses 256 bits.
        self.tries.may_try(from, now)?;
        let refused = match oidc.filter(|_| !bearer.starts_with(OWN)) {
            None => Refused::Wrong,
            Some(oidc) => match oidc.caller(bearer).await {
                Ok(caller) => return Ok(caller),
                Err(refusal) => Refused::Token(refusal),
            },
        };
        if matches!(refused, Refused::Wrong | Refused::Token(Refusal::Invalid(_))) {
            self.tries.was_wrong(from, now);
        }
        Err(refused)
    }
}

impl Tries {
    fn may_try(&self, from: IpAddr, now: Instant) -> Result<(), Refused> {
        let wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match wrong.get(&from) {
            Some((times, last)) if *times >= FREE && now.duration_since(*last) < WAIT => {
                Err(Refused::Wait(WAIT - now.duration_since(*last)))
            }
            _ => Ok(()),
        }
    }

    fn was_wrong(&self, from: IpAddr, now: Instant) {
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= ADDRESSES {
            wrong.retain(|_, (_, last)| now.duration_since(*last) < WAIT);
        }
        let (times, last) = wrong.entry(from).or_insert((0, now));
        if now.duration_since(*last) >= WAIT {
            *times = 0;
        }
        (*times, *last) = (times.saturating_add(1), now);
    }
}

/// A new key: for its owner, and as the configuration has it.
///
/// # Errors
/// There is no randomness.
pub fn new_key() -> Result<(String, String), getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let key = format!("{OWN}{}", hex::encode(bytes));
    let hash = hex::encode(Sha256::digest(key.as_bytes()));
    Ok((key, hash))
}
