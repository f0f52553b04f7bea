//! Who is let in: by the settings of one file, all of them at once.

use std::sync::Arc;

use hyper::{Request, StatusCode};

use crate::config::Settings;

use super::auth::Keys;
use super::metadata::Metadata;
use super::names::Names;
use super::oidc::{self, Oidc};
use super::reply::{Answer, refusal};

/// Who is let in, by settings that stand.
pub(super) struct Door {
    pub by: Arc<Settings>,
    pub keys: Keys,
    pub oidc: Option<Arc<Oidc>>,
    pub metadata: Option<Metadata>,
    names: Names,
}

impl Door {
    pub fn of(settings: Arc<Settings>, before: Option<&Self>) -> Self {
        let tries = before.map_or_else(Arc::default, |before| Arc::clone(before.keys.tries()));
        let http = &settings.http;
        let names = Names { hosts: http.allowed_hosts.clone(), origins: http.allowed_origins.clone() };
        let (oidc, metadata) = (Oidc::of(http.oidc.as_ref(), &settings.roles), Metadata::of(http));
        // What the provider said stands, where it is the same one.
        let oidc = oidc.map(|oidc| match before.and_then(|before| before.oidc.as_ref()) {
            Some(before) => Arc::new(oidc.with_keys_of(before)),
            None => Arc::new(oidc),
        });
        Self { keys: Keys::of(http, &tries), oidc, metadata, names, by: settings }
    }

    /// Is it called by a name of ours, and from a page of ours?
    pub fn is_ours<B>(&self, request: &Request<B>) -> Result<(), Box<Answer>> {
        let status = StatusCode::FORBIDDEN;
        let hint = "call by a name that is served";
        self.names.check(request).map_err(|why| refusal(status, "permission_denied", &why, hint))
    }

    /// May who came in by another door still come in?
    pub fn still(&self, before: &Self, name: &str, role: Option<&str>) -> bool {
        let same = self.by.http.oidc == before.by.http.oidc;
        let by_token = || same && role.is_some_and(|role| self.by.roles.contains_key(role));
        if name.starts_with(oidc::PREFIX) { by_token() } else { self.keys.has(name, role) }
    }
}
