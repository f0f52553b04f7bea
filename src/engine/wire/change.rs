//! What a request that changes something is made of.

use std::io;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde_json::Value;
use tokio::sync::mpsc;

/// A request that changes something.
#[derive(Debug)]
pub struct Change<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Made from our own types, never from a caller's JSON: the engine takes every key in any case, the last one wins.
    pub(super) body: Option<Value>,
    /// For the registry of this one request.
    pub(super) registry_auth: Option<HeaderValue>,
    /// A tar that is made while it is sent, instead of a body.
    pub(super) tar: Option<mpsc::Receiver<io::Result<Bytes>>>,
}

impl<'a> Change<'a> {
    /// A `POST` without a body.
    #[must_use]
    pub const fn post(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { method: Method::POST, path, query, body: None, registry_auth: None, tar: None }
    }

    /// A `DELETE`.
    #[must_use]
    pub const fn delete(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { method: Method::DELETE, path, query, body: None, registry_auth: None, tar: None }
    }

    /// A `PUT`.
    #[must_use]
    pub const fn put(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { method: Method::PUT, path, query, body: None, registry_auth: None, tar: None }
    }

    /// With a body.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// With a tar as its body.
    #[must_use]
    pub fn tar(mut self, pieces: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        self.tar = Some(pieces);
        self
    }

    /// With credentials for a registry. They are never shown.
    #[must_use]
    pub fn registry_auth(mut self, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.registry_auth = Some(value);
        self
    }
}
