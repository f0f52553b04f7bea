//! `[roles.NAME]`, and what refers to one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{permissions, service};
use crate::config::error::nearest;
use crate::config::merge::{lower, union};
use crate::config::reader::Reader;
use crate::config::section::Section;
use crate::config::settings::{Http, Limits, Role};
use crate::config::tree::At;
use crate::policy::pattern::Kind;
use crate::policy::{PatternSet, Right, Rights, Rules};

pub(super) fn roles(s: &mut Section<'_, '_>, global: &Rules, limits: &Limits) -> BTreeMap<String, Role> {
    let read = |s: &mut Section<'_, '_>, name: &str| {
        let mut rules = permissions::rules(s, Some(global));
        rules.allowed_tools = permissions::tools(s, "allow_tools", false);
        let deny = permissions::tools(s, "deny_tools", true);
        let disabled = union(&global.disabled_tools.patterns().to_vec(), deny.patterns().to_vec());
        rules.disabled_tools = PatternSet::new(Kind::Name, disabled.unwrap_or_default()).unwrap_or_default();
        rules.bypass = global.bypass;
        rules.role = Some(name.to_owned());
        rules.rights = Rights {
            approve: permissions::tools(s, "can_approve", false),
            audit: s.flag("can_audit", false, lower),
        };
        Role { rules: Arc::new(rules), limits: s.section("limits", |s| service::limits(s, limits)) }
    };
    s.named("roles", read).into_iter().collect()
}

/// A role that is referred to exists, and no two keys are one.
pub(super) fn check(reader: &mut Reader<'_>, http: &mut Http, roles: &BTreeMap<String, Role>) {
    let missing = |role: &str| -> Option<(String, Option<String>)> {
        if roles.contains_key(role) {
            return None;
        }
        let hint = match nearest(role, roles.keys().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("add a `[roles.{role}]`"),
        };
        Some((format!("there is no role `{role}`"), Some(hint)))
    };
    if let Some((message, hint)) = http.anonymous_role.as_deref().and_then(missing) {
        reader.relation("http.anonymous_role", message, hint);
    }
    if http.oidc.is_some() && roles.is_empty() {
        let at = reader.place("http.oidc.issuer");
        let hint = Some("add `[roles.NAME]` for each role that a token may name".to_owned());
        reader.warning(&at, "no token lets anybody in: there is no role".to_owned(), hint);
    }
    let anonymous = http.anonymous_role.as_ref().and_then(|name| Some((name, roles.get(name)?)));
    if let Some((name, role)) = anonymous
        && [Right::Approve, Right::Audit].into_iter().any(|right| role.rules.rights.hold(right))
    {
        let message = format!("callers without a key have neither can_approve nor can_audit of `{name}`");
        let hint = "they are one caller, whoever they are: give keys to those who answer";
        reader.warning(&At::Nowhere, message, Some(hint.to_owned()));
    }
    let places = reader.places("http.keys.role");
    for (key, at) in http.keys.iter().zip(&places) {
        if let Some((message, hint)) = Some(key.role.as_str()).filter(|r| !r.is_empty()).and_then(missing) {
            reader.problem(at, message, hint);
        }
    }
    for (field, places) in
        [("name", reader.places("http.keys.name")), ("hash", reader.places("http.keys.hash"))]
    {
        let value = |i: usize| http.keys.get(i).map(|k| if field == "name" { &k.name } else { &k.hash });
        for (i, at) in places.iter().enumerate() {
            let same = |a: Option<&String>, b: Option<&String>| {
                a.zip(b).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
            };
            if (0..i).any(|earlier| same(value(earlier), value(i))) && value(i).is_some_and(|v| !v.is_empty())
            {
                reader.problem(at, format!("two keys have the same {field}"), None);
            }
        }
    }
}
