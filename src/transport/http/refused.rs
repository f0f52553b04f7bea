//! Who is not let in is told why, and what to send.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use super::auth::Refused;
use super::metadata::Metadata;
use super::oidc::Refusal;
use super::reply::{Answer, refusal};

const KEY: &str =
    "send `Authorization: Bearer KEY`; a person makes keys with `docker-mcp key new --role ROLE`";
const TOKEN: &str = "get a token of the identity provider and send it as `Authorization: Bearer TOKEN`";

/// `headers`: of the request, whose `Host` was found to be ours.
pub(super) fn answer(refused: &Refused, metadata: Option<&Metadata>, headers: &HeaderMap) -> Box<Answer> {
    let challenge = |error: Option<(&str, &str)>| match metadata {
        Some(metadata) => metadata.challenge(headers, error),
        None => HeaderValue::from_static("Bearer"),
    };
    let (status, kind, message, hint) = match refused {
        Refused::Missing => (
            StatusCode::UNAUTHORIZED,
            "permission_denied",
            "a key is needed, and there is none".to_owned(),
            if metadata.is_some() { TOKEN } else { KEY },
        ),
        Refused::Wrong => (
            StatusCode::UNAUTHORIZED,
            "permission_denied",
            "this is none of the keys".to_owned(),
            if metadata.is_some() { TOKEN } else { KEY },
        ),
        Refused::Token(Refusal::Invalid(why)) => (
            StatusCode::UNAUTHORIZED,
            "permission_denied",
            format!("this token lets nobody in: {why}"),
            TOKEN,
        ),
        Refused::Token(Refusal::NoRole(_, why)) => (
            StatusCode::FORBIDDEN,
            "permission_denied",
            why.clone(),
            "a person gives exactly one role at the identity provider; [roles.NAME] has those that there are",
        ),
        Refused::Token(Refusal::Unavailable(_)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "the identity provider does not say with which keys it signs: no token can be checked just now"
                .to_owned(),
            "try again later; keys of docker-mcp's own go on working",
        ),
        Refused::Wait(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "too many wrong keys came from there".to_owned(),
            "wait a minute",
        ),
    };
    let mut answer = refusal(status, kind, &message, hint);
    let headers = answer.headers_mut();
    match refused {
        Refused::Missing => drop(headers.insert(header::WWW_AUTHENTICATE, challenge(None))),
        Refused::Wrong => {
            let error = ("invalid_token", "it is none of the keys");
            headers.insert(header::WWW_AUTHENTICATE, challenge(Some(error)));
        }
        Refused::Token(Refusal::Invalid(why)) => {
            headers.insert(header::WWW_AUTHENTICATE, challenge(Some(("invalid_token", why))));
        }
        Refused::Token(Refusal::NoRole(..)) => {
            let error = ("insufficient_scope", "the token names no role that there is here, or several");
            headers.insert(header::WWW_AUTHENTICATE, challenge(Some(error)));
        }
        Refused::Token(Refusal::Unavailable(wait)) | Refused::Wait(wait) => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
    }
    answer
}
