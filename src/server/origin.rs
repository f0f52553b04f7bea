//! What a call brings along beside its tool and arguments: the names by which others know it.

use crate::output::{Learned, Redactor};

/// The longest id of a request.
const LONGEST: usize = 128;

/// Where a call comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The request it came with.
    pub request: Option<RequestId>,
    /// The trace it is part of.
    pub trace: Option<TraceId>,
    /// Asked by the server itself on behalf of its caller: allowed and recorded like any other, and not counted.
    pub unasked: bool,
}

/// An id of a request: the client's own where it is a short plain word, else one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// What a client calls its request. None: it is empty, too long, or more than a plain word.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:=+/@".contains(&b);
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let mut bytes = [0; 16];
        // Without randomness the request is still answered; only its name is not unique.
        let _no_randomness = getrandom::fill(&mut bytes);
        Self(hex::encode(bytes))
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

/// The id of a trace, as W3C Trace Context has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceId(String);

impl TraceId {
    /// From a `traceparent`: `00-<trace>-<parent>-<flags>`. None: it is none, and that is no fault of the request.
    #[must_use]
    pub fn of(traceparent: &str) -> Option<Self> {
        // A later version may say more behind it.
        let (known, more) = traceparent.split_at_checked(55)?;
        let mut parts = known.split('-');
        let mut hex = |length: usize| {
            let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            parts.next().filter(|part| part.len() == length && part.bytes().all(digits))
        };
        let (version, trace, parent, _flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let whole = match version {
            "00" => more.is_empty(),
            _ => version != "ff" && (more.is_empty() || more.starts_with('-')),
        };
        let named = |id: &str| id.bytes().any(|b| b != b'0');
        (whole && named(trace) && named(parent)).then(|| Self(trace.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Origin {
    /// The span that the lines of a call stand in. It is there at every level: a warning is to say whose it is.
    pub(super) fn span(&self, call: &str) -> tracing::Span {
        use tracing::field::Empty;
        let span = tracing::error_span!("call", id = call, request_id = Empty, trace_id = Empty);
        if let Some(request) = &self.request {
            span.record("request_id", request.text());
        }
        if let Some(trace) = &self.trace {
            span.record("trace_id", trace.text());
        }
        span
    }

    /// For the record: its words are the client's, and are cleaned like any other.
    pub(super) fn on_record(&self, redactor: &Redactor) -> (Option<String>, Option<String>) {
        let clean = |text: &str| redactor.line(text, &Learned::default());
        (self.request.as_ref().map(|id| clean(id.text())), self.trace.as_ref().map(|id| clean(id.text())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_called_by_a_plain_word() {
        for (text, fine) in [
            ("c1b2e6a0-5a55-4b4e-8f6a-0e2f9a2c7f10", true),
            ("Root=1-67891233-abcdef012345678912345678", true),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
            ("", false),
            ("a b", false),
            ("a\nb", false),
            ("a\u{202e}b", false),
            ("a\"b", false),
            ("<script>", false),
        ] {
            assert_eq!(RequestId::given(text).is_some(), fine, "{text:?}");
        }
        assert_ne!(RequestId::new(), RequestId::new());
        assert!(RequestId::given(RequestId::new().text()).is_some());
    }

    #[test]
    fn a_trace_is_as_the_standard_says() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for (text, fine) in [
            (format!("00-{trace}-{parent}-01"), true),
            (format!("00-{trace}-{parent}-01-more"), false),
            (format!("cc-{trace}-{parent}-01-more"), true),
            (format!("cc-{trace}-{parent}-01.more"), false),
            (format!("ff-{trace}-{parent}-01"), false),
            (format!("00-{}-{parent}-01", trace.to_uppercase()), false),
            (format!("00-{}-{parent}-01", "0".repeat(32)), false),
            (format!("00-{trace}-{}-01", "0".repeat(16)), false),
            (format!("00-{trace}-{parent}"), false),
            (format!("00-{trace}{parent}--01--"), false),
            ("é".repeat(28), false),
            (String::new(), false),
        ] {
            assert_eq!(TraceId::of(&text).is_some(), fine, "{text:?}");
        }
        assert_eq!(TraceId::of(&format!("00-{trace}-{parent}-01")).unwrap().text(), trace);
    }
}
