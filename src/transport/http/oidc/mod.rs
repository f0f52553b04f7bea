//! Callers with a token of an identity provider (OpenID Connect): who it is for, and of which role.

mod fetch;
mod jwks;
mod ring;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::config::settings::{Oidc as Settings, Role};
use crate::server::Caller;

use jwks::{Jwks, Unavailable};

/// Clocks may differ by so many seconds.
const LEEWAY: u64 = 30;
/// Letters of a subject, as OpenID Connect has it.
const SUBJECT: usize = 255;
/// Before the names of such callers; no key's name begins like this.
pub(super) const PREFIX: &str = "oidc:";

/// The provider, and what a token of it must hold.
#[derive(Debug)]
pub(super) struct Oidc {
    settings: Settings,
    roles: BTreeSet<String>,
    keys: Arc<Jwks>,
}

/// Why a token lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is none of ours, or no longer.
    Invalid(&'static str),
    /// It is the token of this caller, who may nothing here.
    NoRole(String, String),
    /// The provider does not answer; not before this.
    Unavailable(Duration),
}

/// How many keys the provider signs with. Asked once, for a person who sets it up.
///
/// # Errors
/// Why no token can be checked.
pub async fn provider_keys(settings: &Settings) -> Result<usize, String> {
    Jwks::of(&settings.issuer).look().await
}

impl Oidc {
    /// `roles`: those that there are.
    pub fn of<'a>(
        settings: Option<&Settings>,
        roles: impl IntoIterator<Item = (&'a String, &'a Role)>,
    ) -> Option<Self> {
        let settings = settings?;
        ring::install();
        let roles = roles.into_iter().map(|(name, _)| name.clone()).collect();
        let keys = Arc::new(Jwks::of(&settings.issuer));
        Some(Self { settings: settings.clone(), roles, keys })
    }

    /// With what the same provider said to another one of these.
    pub fn with_keys_of(self, before: &Self) -> Self {
        match self.settings.issuer == before.settings.issuer {
            true => Self { keys: Arc::clone(&before.keys), ..self },
            false => self,
        }
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// Nobody's who may call.
    pub async fn caller(&self, token: &str) -> Result<Caller, Refusal> {
        let header = decode_header(token).map_err(|e| Refusal::Invalid(why(&e)))?;
        // A shared secret would make whoever checks a token able to make one.
        if matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
            return Err(Refusal::Invalid("its algorithm is not accepted"));
        }
        let keys = self.keys.fitting(header.kid.as_deref(), header.alg).await;
        let keys = keys.map_err(|Unavailable| Refusal::Unavailable(jwks::PAUSE))?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        let mut refused = "the provider signs with no such key";
        for key in keys {
            match decode::<Map<String, Value>>(token, &key, &validation) {
                Ok(token) => return self.named(&token.claims),
                Err(error) => refused = why(&error),
            }
        }
        Err(Refusal::Invalid(refused))
    }

    /// The caller that these claims name.
    fn named(&self, claims: &Map<String, Value>) -> Result<Caller, Refusal> {
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        // It is read by people, in the log of calls: nothing in it may look like something else.
        let plain = subject.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if subject.trim().is_empty() || subject.len() > SUBJECT || !plain {
            return Err(Refusal::Invalid("its subject is no name"));
        }
        // The library would take a list.
        if claims.get("iss").and_then(Value::as_str) != Some(&self.settings.issuer) {
            return Err(Refusal::Invalid("it is of another issuer"));
        }
        let name = format!("{PREFIX}{subject}");
        match role(claims, &self.settings.role_claim, &self.roles) {
            Ok(role) => Ok(Caller::of_role(&name, &role)),
            Err(why) => Err(Refusal::NoRole(name, why)),
        }
    }
}

/// The one role of ours that the claim names.
fn role(claims: &Map<String, Value>, claim: &str, roles: &BTreeSet<String>) -> Result<String, String> {
    // Providers have claims whose names are addresses, with dots: the whole name goes first.
    let found = claims.get(claim).or_else(|| {
        let mut parts = claim.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |inner, part| inner.get(part))
    });
    let named: Vec<&str> = match found {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => {
            let all: Option<Vec<&str>> = many.iter().map(Value::as_str).collect();
            all.ok_or_else(|| format!("the claim `{claim}` of this token is no list of names"))?
        }
        Some(_) => return Err(format!("the claim `{claim}` of this token is no name")),
        None => return Err(format!("this token has no claim `{claim}`")),
    };
    let known: BTreeSet<&str> = named.into_iter().filter(|name| roles.contains(*name)).collect();
    let mut known = known.into_iter();
    match (known.next(), known.next()) {
        (Some(one), None) => Ok(one.to_owned()),
        (None, _) => Err(format!("the claim `{claim}` of this token names no role that there is here")),
        // Which of them was meant is for a person to say: the first one could be the one that may more.
        (Some(one), Some(other)) => Err(format!(
            "the claim `{claim}` of this token names several roles, such as `{one}` and `{other}`"
        )),
    }
}

/// In words of ours: nothing of the token is in them.
fn why(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidAudience => "it is for another audience",
        ErrorKind::InvalidIssuer => "it is of another issuer",
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => "its algorithm is not accepted",
        ErrorKind::MissingRequiredClaim(_) => "it lacks one of exp, iss, aud and sub",
        ErrorKind::InvalidClaimFormat(_) => "one of exp, nbf, iss and aud has another form",
        _ => "it is no token of the identity provider",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(claims: &str, claim: &str) -> Result<String, String> {
        let roles = ["viewer", "operator"].map(str::to_owned).into();
        let Value::Object(claims) = serde_json::from_str(claims).unwrap() else { panic!("{claims}") };
        role(&claims, claim, &roles)
    }

    #[test]
    fn a_claim_names_exactly_one_role() {
        for (claims, claim, expected) in [
            (r#"{ "role": "viewer" }"#, "role", Some("viewer")),
            (r#"{ "role": ["other", "viewer"] }"#, "role", Some("viewer")),
            (r#"{ "role": ["viewer", "viewer"] }"#, "role", Some("viewer")),
            (r#"{ "realm_access": { "roles": ["operator"] } }"#, "realm_access.roles", Some("operator")),
            (r#"{ "https://x.example/role": "viewer" }"#, "https://x.example/role", Some("viewer")),
            (r#"{ "role": "Viewer" }"#, "role", None),
            (r#"{ "role": " viewer" }"#, "role", None),
            (r#"{ "role": "viewer operator" }"#, "role", None),
            (r#"{ "role": ["viewer", "operator"] }"#, "role", None),
            (r#"{ "role": ["viewer", 1] }"#, "role", None),
            (r#"{ "role": { "viewer": true } }"#, "role", None),
            (r#"{ "role": null }"#, "role", None),
            (r#"{ "role": [] }"#, "role", None),
            (r#"{ "role": "" }"#, "role", None),
            (r#"{ "roles": "viewer" }"#, "role", None),
            (r#"{ "a": { "role": "viewer" } }"#, "role", None),
            (r#"{ "a": ["viewer"] }"#, "a.0", None),
        ] {
            assert_eq!(picked(claims, claim).ok().as_deref(), expected, "{claims} {claim}");
        }
        assert!(picked(r#"{ "role": ["viewer", "operator"] }"#, "role").unwrap_err().contains("several"));
    }
}
