//! What the filters hide does not exist: the same words as for a name that there is not, in every form, and nothing happens
//! to it.

use serde_json::{Value, json};

use super::bad::merged;
use super::rows::Kind;
use super::site::{POLITE, Site};
use super::{each, here};
use crate::support::engine::BASE;
use crate::support::{Client, engine};

/// Objects that a site's configuration hides.
pub struct Hidden<'a> {
    site: &'a Site,
    pub container: String,
    pub network: String,
    pub image: String,
}

impl<'a> Hidden<'a> {
    pub fn new(site: &'a Site) -> Self {
        let n = |short: &str| site.name(short);
        let network = site.scope.network("secretnet");
        site.scope.network("secretfree");
        site.scope.volume("secretvol", &[]);
        site.scope.volume("secretold", &[]);
        let volume = format!("{}:/v", n("secretvol"));
        let options = ["--network", &n("secretnet"), "-v", &volume];
        let write = ["sh", "-c", "echo kept > /v/file; while :; do sleep 0.05; done"];
        let container = site.scope.run("vault", &options, &write);
        let project = format!("com.docker.compose.project={}", n("vault"));
        let labels = ["-l", &project, "-l", "com.docker.compose.service=db", "-v", &volume];
        site.scope.container(&["create"], "vault-idle", &labels, BASE, POLITE);
        // Another name of it, by which only this visible one knows it.
        engine_link(site);
        let p = &site.scope.prefix;
        let image =
            crate::support::registry::image(&site.engine, &site.scope, &format!("{p}/secret:1"), 2000);
        site.engine.docker(&["tag", &image, &format!("{p}/secret:2")]);
        Self { site, container, network, image }
    }

    /// The forms in which one of that kind may be asked for, each beside the same form of one that there is not.
    fn forms(&self, kind: Kind) -> Vec<(String, String)> {
        let n = |short: &str| self.site.name(short);
        let p = &self.site.scope.prefix;
        let both = |there: String, not: String| (there, not);
        let of_id = |id: &str, lengths: &[usize]| -> Vec<(String, String)> {
            let not: String = id.chars().rev().collect();
            lengths.iter().map(|&l| (id[..l].to_owned(), not[..l].to_owned())).collect()
        };
        match kind {
            Kind::Container => {
                let mut forms = of_id(&self.container, &[64, 12, 8]);
                forms.push(both(n("vault"), n("vaulx")));
                forms.push(both(format!("/{}", n("vault")), format!("/{}", n("vaulx"))));
                forms.push(both(n("vault-idle"), n("vaulx-idle")));
                forms.push(both(format!("{}/safe", n("web")), format!("{}/safx", n("web"))));
                forms
            }
            Kind::Network => {
                let mut forms = of_id(&self.network, &[64, 12, 8]);
                forms.push(both(n("secretnet"), n("secretnex")));
                forms
            }
            Kind::Volume => [("secretvol", "secretvox"), ("secretold", "secretolx"), ("secretv", "secretw")]
                .map(|(there, not)| both(n(there), n(not)))
                .into(),
            Kind::Image => {
                let hex = self.image.strip_prefix("sha256:").unwrap();
                let mut forms = of_id(hex, &[64, 12, 8]);
                let (_, not) = forms[0].clone();
                forms.push(both(self.image.clone(), format!("sha256:{not}")));
                for (before, after) in [("", ""), ("docker.io/", ""), ("index.docker.io/", "")] {
                    let of = |tag: &str| format!("{before}{p}/secret:{tag}{after}");
                    forms.push(both(of("1"), of("9")));
                }
                forms.push(both(format!("{p}/secret@{}", self.image), format!("{p}/secret@sha256:{not}")));
                forms
            }
        }
    }

    /// All of it, as the engine has it, and what is in the volume.
    pub fn state(&self) -> Value {
        let engine = &self.site.engine;
        let n = |short: &str| self.site.name(short);
        json!([
            engine.inspect("container", &self.container),
            engine.inspect("container", &n("vault-idle")),
            engine.inspect("network", &self.network),
            engine.inspect("network", &n("secretfree")),
            engine.inspect("volume", &n("secretvol")),
            engine.inspect("volume", &n("secretold")),
            engine.inspect("image", &self.image),
            engine.docker(&["cp", "-q", &format!("{}:/v/file", n("vault-idle")), "-"]),
        ])
    }

    /// Words that may stand in no answer that did not ask for them.
    pub fn words(&self) -> Vec<String> {
        let mut words: Vec<String> =
            ["vault", "secretnet", "secretfree", "secretvol", "secretold"].map(|w| self.site.name(w)).into();
        words.push(format!("{}/secret", self.site.scope.prefix));
        let ids = [&self.container, &self.network, self.image.strip_prefix("sha256:").unwrap()];
        words.extend(ids.map(|id| id[..12].to_owned()));
        words
    }
}

fn engine_link(site: &Site) {
    // Links are of the default network alone.
    let vault = site.name("vault");
    site.engine.docker(&["network", "connect", "bridge", &vault]);
    site.scope.run("web", &["--link", &format!("{vault}:safe")], POLITE);
}

/// The refusal, without what names the call and what was asked.
fn said(client: &Client, tool: &str, arguments: &Value, word: &str) -> String {
    let answer = client.call(tool, arguments);
    assert!(answer.is_error, "{tool} {arguments}: {}", answer.text);
    let kinds = ["not_found", "permission_denied", "invalid_arguments"];
    assert!(kinds.contains(&answer.kind()), "{tool} {arguments}: {}", answer.text);
    assert_eq!(answer.structured["error"]["effect"], "none", "{tool} {arguments}: {}", answer.text);
    let call = answer.structured["error"]["correlation_id"].as_str().unwrap().to_owned();
    let (tag, bare) = (word.rsplit(':').next().unwrap_or(word), word.trim_start_matches('/'));
    let mut text = answer.whole().replace(&call, "<call>").replace(word, "<asked>").replace(bare, "<asked>");
    // An image's name is said in its short form.
    for host in ["docker.io/", "index.docker.io/"] {
        if let Some(short) = word.strip_prefix(host) {
            text = text.replace(short, "<asked>").replace(host, "");
        }
    }
    if tag.len() == 64 { text.replace(tag, "<asked>") } else { text }
}

#[test]
fn what_is_hidden_is_like_what_is_not_there() {
    let Some(engine) = engine::at_hand("served::hidden") else { return };
    each(here(|row| &row.named), |row| {
        let site = Site::new(&engine);
        let good = (row.make)(&site);
        let hidden = Hidden::new(&site);
        let client = site.client();
        let (before, all) = (hidden.state(), site.state());
        for (argument, kind) in row.names {
            for (there, not) in hidden.forms(*kind) {
                let ask =
                    |word: &str| said(&client, row.tool, &merged(&good, &json!({ *argument: word })), word);
                let (there, not) = (ask(&there), ask(&not));
                assert_eq!(there, not, "{} {argument}", row.tool);
                assert!(there.contains("<asked>"), "{}: {there}", row.tool);
            }
        }
        assert_eq!(site.state(), all, "{}: something was done", row.tool);
        if row.names.is_empty() {
            // It is not asked for by name: neither touched nor told.
            let answer = client.call(row.tool, &good).ok();
            for word in hidden.words() {
                assert!(!answer.whole().contains(&word), "{}: {word} in {}", row.tool, answer.text);
            }
        }
        assert_eq!(hidden.state(), before, "{}: a hidden object changed", row.tool);
    });
}
