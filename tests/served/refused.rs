//! The engine, or the state that things are in, does not allow it: it is said, and nothing happened.

use serde_json::{Value, json};

use super::bad::merged;
use super::site::Site;
use super::{each, here};
use crate::support::faultd::{Fault, Faultd};
use crate::support::{Launch, engine};

/// How the engine comes to refuse.
pub enum Refused {
    /// By itself: makes the objects, and gives the arguments. The kind of the failure.
    Real(fn(&Site) -> Value, &'static str),
    /// For once, with this status and these words.
    Fault(u16, &'static str, &'static str),
    /// By what happens between the preview and its confirmation.
    Between(fn(&Site)),
}

#[test]
fn what_is_refused_did_not_happen() {
    let Some(engine) = engine::at_hand("served::refused") else { return };
    each(here(|row| &row.refuses), |row| {
        let site = Site::new(&engine);
        let (refused, before) = match &row.refused {
            Refused::Real(make, kind) => {
                let arguments = make(&site);
                let before = site.state();
                let refused = site.client().call(row.tool, &arguments);
                assert_eq!(refused.kind(), *kind, "{}: {}", row.tool, refused.text);
                (refused, before)
            }
            Refused::Fault(status, words, kind) => {
                let arguments = (row.make)(&site);
                let before = site.state();
                let faultd = Faultd::before(&engine);
                faultd.add((row.sent)(), Fault::DockerError(*status, (*words).to_owned()));
                let refused = Launch::at(&faultd.host())
                    .config(&site.config("", ""))
                    .connect()
                    .call(row.tool, &arguments);
                assert_eq!(refused.kind(), *kind, "{}: {}", row.tool, refused.text);
                assert!(refused.text.contains(words), "{}: {}", row.tool, refused.text);
                (refused, before)
            }
            Refused::Between(meanwhile) => {
                let arguments = (row.make)(&site);
                let config = site.config("", "[confirm]\nrequire = \"destructive\"\n");
                let client = Launch::at(&engine.host).config(&config).connect();
                let held = client.call(row.tool, &arguments).ok();
                let token = &held.structured["confirm_token"];
                assert!(token.is_string(), "{}: {}", row.tool, held.text);
                assert!(held.structured["preview"]["count"] != 0, "{}: {}", row.tool, held.text);
                meanwhile(&site);
                let before = site.state();
                let refused = client.call(row.tool, &merged(&arguments, &json!({ "confirm_token": token })));
                assert_eq!(refused.kind(), "confirmation_invalid", "{}: {}", row.tool, refused.text);
                (refused, before)
            }
        };
        if refused.is_error {
            assert_eq!(refused.structured["error"]["effect"], "none", "{}: {}", row.tool, refused.text);
        } else {
            assert_eq!(refused.structured["partial"], true, "{}: {}", row.tool, refused.text);
        }
        assert_eq!(site.state(), before, "{}: something happened", row.tool);
    });
}
