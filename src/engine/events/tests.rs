use super::*;
use crate::engine::snapshot::{Seen, View};
use crate::policy::pattern::Kind;
use crate::policy::reference::ImageRef;
use crate::policy::{Filter, Pattern, PatternSet, Rules, Source};

fn set(kind: Kind, texts: &[&str]) -> PatternSet {
    let pattern = |t: &&str| Pattern { text: (*t).to_owned(), source: Source::default_value() };
    PatternSet::new(kind, texts.iter().map(pattern).collect()).unwrap()
}

fn deny(kind: Kind, texts: &[&str]) -> Filter {
    Filter { allow: PatternSet::default(), deny: set(kind, texts) }
}

fn engine() -> Engine {
    let found = crate::engine::discover::Discovered {
        endpoint: crate::engine::endpoint::Endpoint::parse("unix:///nowhere").unwrap(),
        why: String::new(),
    };
    Engine::new(found)
}

fn raw(kind: &str, action: &str, id: &str, attributes: &[(&str, &str)]) -> Raw {
    let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Raw {
        r#type: kind.into(),
        action: without_command(action).into(),
        actor: Actor { id: id.into(), attributes },
        ..Raw::default()
    }
}

fn visible(id: &str, name: &str) -> View {
    let identity = Container { id: id.into(), name: name.into(), ..Container::default() };
    let mut view = View::default();
    view.containers.visible.push(Seen { identity, raw: raw::Container::default() });
    view
}

fn judged(rules: &Rules, view: View, raw: Raw) -> Option<Event> {
    let mut sight = Sight::new(rules);
    sight.learn(view);
    sight.judge(&engine(), raw)
}

#[test]
fn command_lines_are_cut() {
    assert_eq!(without_command("exec_create: sh -c echo --password=hunter3"), "exec_create");
    assert_eq!(without_command("health_status: healthy"), "health_status: healthy");
    assert_eq!(without_command("health_status: curl -u me:pw"), "health_status");
    assert_eq!(without_command("start"), "start");
}

#[test]
fn a_container_is_judged_by_what_the_event_says() {
    let rules = Rules { containers: deny(Kind::Name, &["vault*"]), ..Rules::default() };
    let id = "a".repeat(64);
    let by = |attributes: &[(&str, &str)]| {
        judged(&rules, View::default(), raw("container", "die", &id, attributes))
    };
    let seen = by(&[("name", "web"), ("image", "nginx"), ("exitCode", "3"), ("secret", "label")]).unwrap();
    assert_eq!(
        (seen.name.as_deref(), seen.exit_code, seen.image.as_deref()),
        (Some("web"), Some(3), Some("nginx"))
    );
    assert_eq!(by(&[("name", "vault")]), None);
    // A label may be called like an attribute: it neither hides an event nor names a former name.
    assert_eq!(by(&[("name", "web"), ("oldName", "/vault")]).unwrap().old_name, None);
    let was_hidden = raw("container", "rename", &id, &[("name", "web"), ("oldName", "/vault")]);
    assert_eq!(judged(&rules, View::default(), was_hidden), None);
    assert_eq!(by(&[("name", "web"), ("com.docker.compose.service", "vault")]), None);
    // The view is older than the rename.
    let renamed = raw("container", "rename", &id, &[("name", "vault"), ("oldName", "/web")]);
    assert_eq!(judged(&rules, visible(&id, "web"), renamed), None);
}

#[test]
fn what_was_hidden_once_stays_hidden() {
    let rules = Rules { containers: deny(Kind::Name, &["vault"]), ..Rules::default() };
    let (engine, id) = (engine(), "b".repeat(64));
    let mut sight = Sight::new(&rules);
    assert_eq!(sight.judge(&engine, raw("container", "start", &id, &[("name", "vault")])), None);
    assert_eq!(sight.judge(&engine, raw("container", "destroy", &id, &[("name", "innocent")])), None);
    assert_eq!(
        Sight::new(&rules).judge(&engine, raw("container", "die", &id, &[("name", "innocent")])),
        None
    );
}

#[test]
fn a_whitelist_hides_former_names() {
    let rules = Rules {
        containers: Filter { allow: set(Kind::Name, &["web"]), deny: PatternSet::default() },
        ..Rules::default()
    };
    let id = "c".repeat(64);
    let rename = raw("container", "rename", &id, &[("name", "web"), ("oldName", "/private")]);
    let event = judged(&rules, visible(&id, "web"), rename).unwrap();
    assert_eq!((event.name.as_deref(), event.old_name), (Some("web"), None));
    assert_eq!(judged(&rules, View::default(), raw("container", "die", &id, &[("name", "private")])), None);
}

#[test]
fn images_by_reference() {
    let rules = Rules { images: deny(Kind::Image, &["secret/*"]), ..Rules::default() };
    let by =
        |id: &str, name: &str| judged(&rules, View::default(), raw("image", "pull", id, &[("name", name)]));
    assert_eq!(by("nginx:1", "nginx").unwrap().name.as_deref(), Some("nginx:1"));
    assert_eq!(by("secret/app:1", "secret/app"), None);
    let gone = format!("sha256:{}", "d".repeat(64));
    assert_eq!(by(&gone, &gone), None);
    let open = Rules::default();
    assert!(judged(&open, View::default(), raw("image", "delete", &gone, &[("name", &gone)])).is_some());
    let made_from = raw("container", "die", &"e".repeat(64), &[("name", "web"), ("image", "secret/app:1")]);
    assert_eq!(judged(&rules, View::default(), made_from).unwrap().image.as_deref(), Some("[hidden]"));
    assert!(ImageRef::parse(&gone).is_ok(), "an id looks like a reference: it must be told apart");
}

#[test]
fn places_that_nobody_knows_are_hidden_where_anything_is() {
    let (web, net) = ("a".repeat(64), "f".repeat(64));
    let connect = || raw("network", "connect", &net, &[("name", "front"), ("container", &web)]);
    let open = Rules::default();
    assert_eq!(judged(&open, visible(&web, "web"), connect()).unwrap().container.as_deref(), Some("web"));
    let rules = Rules { containers: deny(Kind::Name, &["vault"]), ..Rules::default() };
    assert_eq!(judged(&rules, visible(&web, "web"), connect()), None);
    assert_eq!(
        judged(&rules, View::default(), raw("volume", "create", "data", &[("driver", "local")])),
        None
    );
    let named = Rules { networks: deny(Kind::Name, &["front"]), ..Rules::default() };
    assert_eq!(judged(&named, visible(&web, "web"), connect()), None);
}

#[test]
fn the_engines_own_events_carry_nothing() {
    let event =
        judged(&Rules::default(), View::default(), raw("daemon", "reload", "id", &[("name", "host")]))
            .unwrap();
    assert_eq!((event.name, event.id), (None, None));
    assert_eq!(
        judged(&Rules::default(), View::default(), raw("secret", "create", "x", &[("name", "pw")])),
        None
    );
}
