//! A secret, and the forms in which it could get out.

use crate::support::fixture::unique;
use crate::support::text::{base64, hex, url_encoded};

/// A word that nothing else holds.
#[derive(Debug)]
pub struct Canary {
    /// As its owner writes it.
    pub plain: String,
}

impl Canary {
    /// With letters of both cases, digits and signs, so that each form is another text.
    pub fn new() -> Self {
        Self { plain: format!("Zq7+{}@x9Kw", unique()) }
    }

    /// As a client of HTTP sends it in an address.
    pub fn url(&self) -> String {
        url_encoded(&self.plain)
    }

    /// With padding.
    pub fn base64(&self) -> String {
        base64(self.plain.as_bytes())
    }

    /// Every form that may stand nowhere, by name.
    pub fn forms(&self) -> Vec<(&'static str, String)> {
        let bytes = self.plain.as_bytes();
        let mut forms = vec![
            ("plain", self.plain.clone()),
            ("lower", self.plain.to_lowercase()),
            ("upper", self.plain.to_uppercase()),
            ("url", self.url()),
            ("url, lower hex", self.url().replace("%2B", "%2b")),
            ("hex", hex(bytes)),
            ("HEX", hex(bytes).to_uppercase()),
            ("reversed", self.plain.chars().rev().collect()),
            // Half of it is a leak as well.
            ("its second half", self.plain[self.plain.len() / 2..].to_owned()),
        ];
        // Within a longer text base64 starts at any of three places; what is around it is cut off.
        for (name, lead) in [("base64", 0), ("base64, one before", 1), ("base64, two before", 2)] {
            let whole = base64(&[&vec![b'x'; lead], bytes].concat());
            let from = [0, 2, 3][lead];
            let to = whole.trim_end_matches('=').len() - usize::from(whole.ends_with('='));
            forms.push((name, whole[from..to].to_owned()));
        }
        forms
    }

    /// The forms that a text holds, with what is around them.
    pub fn found(&self, text: &str) -> Vec<String> {
        let hits = self.forms().into_iter().filter_map(|(name, form)| {
            let at = text.find(&form)?;
            let from = text.floor_char_boundary(at.saturating_sub(60));
            let to = text.ceil_char_boundary((at + form.len() + 40).min(text.len()));
            Some(format!("{name}: ...{}...", text[from..to].escape_debug()))
        });
        hits.collect()
    }
}

#[test]
fn forms_are_found() {
    let canary = Canary::new();
    for lead in ["", "u", "us", "use", "user:"] {
        for trail in ["", "\n", " and more"] {
            let text = base64(format!("{lead}{}{trail}", canary.plain).as_bytes());
            assert!(!canary.found(&text).is_empty(), "{lead}{trail}");
        }
    }
    assert!(canary.found("nothing here").is_empty());
    assert!(!canary.found(&format!("x{}y", canary.url())).is_empty());
}
