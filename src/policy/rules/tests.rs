//! What hides and what shows, as tables.

use super::*;
use crate::policy::pattern::Kind;
use crate::policy::reference::ImageRef;

fn set(kind: Kind, list: &[&str]) -> PatternSet {
    let pattern = |text: &&str| Pattern { text: (*text).to_owned(), source: Source::flag("test") };
    PatternSet::new(kind, list.iter().map(pattern).collect()).unwrap()
}

fn filter(kind: Kind, allow: &[&str], deny: &[&str]) -> Filter {
    Filter { allow: set(kind, allow), deny: set(kind, deny) }
}

fn with_read(mut rules: Rules, globs: &[&str]) -> Rules {
    rules.levels[0].grant = Grant::Only(set(Kind::Name, globs));
    rules
}

const ID: &str = "0123456789ab0123456789ab0123456789ab0123456789ab0123456789abcdef";

/// With every identity that a container can have, each another word.
fn container() -> Container {
    Container {
        id: ID.to_owned(),
        name: "shop-postgres".to_owned(),
        // A legacy link and its last part, the compose service, the compose name: as the engine room makes them.
        aliases: ["front/safe", "safe", "db", "shop-db-1"].map(str::to_owned).to_vec(),
        project: Some("shop".to_owned()),
        service: Some("db".to_owned()),
        image: "postgres:16".to_owned(),
        image_id: String::new(),
    }
}

/// What hides or shows: `"shown"`, `"shown by x"`, `"denied by x"`, `"unlisted"`.
fn told(sight: Sight<'_>) -> String {
    match sight {
        Sight::Shown(None) => "shown".to_owned(),
        Sight::Shown(Some(by)) => format!("shown by {}", by.text),
        Sight::Denied(by) => format!("denied by {}", by.text),
        Sight::Unlisted => "unlisted".to_owned(),
    }
}

#[test]
fn a_blacklist_hides_a_container_by_every_identity_and_no_other_word() {
    for (deny, want) in [
        // Its name, exactly and by a glob.
        ("shop-postgres", "denied by shop-postgres"),
        ("shop-*", "denied by shop-*"),
        ("*postgres*", "denied by *postgres*"),
        ("*", "denied by *"),
        // The last part of a link's alias, which a glob without a slash can name.
        ("safe", "denied by safe"),
        ("sa*", "denied by sa*"),
        // The compose service and the name that compose would give it.
        ("db", "denied by db"),
        ("shop-db-1", "denied by shop-db-1"),
        // Its id, whole and as Docker shows it.
        (ID, "denied by 0123456789ab0123456789ab0123456789ab0123456789ab0123456789abcdef"),
        ("0123456789ab", "denied by 0123456789ab"),
        // Neither parts of those, nor what merely looks like them.
        ("postgres", "shown"),
        ("shop", "shown"),
        ("shop-", "shown"),
        ("SHOP-POSTGRES", "shown"),
        ("DB", "shown"),
        ("d", "shown"),
        ("0123456789a", "shown"),
        ("0123456789ab0", "shown"),
        ("shop-postgres-2", "shown"),
    ] {
        let rules = Rules { containers: filter(Kind::Name, &[], &[deny]), ..Rules::default() };
        assert_eq!(told(rules.container(&container())), want, "blacklist {deny}");
    }
}

#[test]
fn every_alias_is_looked_at() {
    // The engine room may give any number of them; the one that hides may stand anywhere.
    let rules = Rules { containers: filter(Kind::Name, &[], &["z"]), ..Rules::default() };
    for place in 0..4 {
        let mut aliases = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        if let Some(alias) = aliases.get_mut(place) {
            "z".clone_into(alias);
        }
        let c = Container { aliases, ..container() };
        assert_eq!(told(rules.container(&c)), "denied by z", "{place}");
    }
    // A link's whole alias as well, where a glob spans the slash.
    let rules = Rules { containers: filter(Kind::Name, &[], &["front*safe"]), ..Rules::default() };
    assert_eq!(told(rules.container(&container())), "denied by front*safe");
}

#[test]
fn a_whitelist_shows_a_container_by_its_name_only() {
    for (allow, want) in [
        ("shop-postgres", "shown by shop-postgres"),
        ("shop-*", "shown by shop-*"),
        ("*", "shown by *"),
        // Whoever makes a container chooses its labels and links; an id says nothing of what it is.
        ("safe", "unlisted"),
        ("front*safe", "unlisted"),
        ("db", "unlisted"),
        ("shop-db-1", "unlisted"),
        ("shop", "unlisted"),
        (ID, "unlisted"),
        ("0123456789ab", "unlisted"),
        ("Shop-*", "unlisted"),
    ] {
        let rules = Rules { containers: filter(Kind::Name, &[allow], &[]), ..Rules::default() };
        assert_eq!(told(rules.container(&container())), want, "whitelist {allow}");
    }
    assert_eq!(told(Rules::default().container(&container())), "shown", "no list at all");
}

#[test]
fn a_blacklist_wins_over_every_whitelist() {
    for deny in ["shop-postgres", "db", "safe", "shop-db-1", "0123456789ab", ID, "*"] {
        let rules = Rules {
            containers: filter(Kind::Name, &["shop-postgres", "*"], &[deny]),
            projects: filter(Kind::Name, &["shop"], &[]),
            ..Rules::default()
        };
        let rules = with_read(rules, &["*"]);
        assert_eq!(told(rules.container(&container())), format!("denied by {deny}"));
    }
}

#[test]
fn projects_hide_their_containers() {
    for (allow, deny, project, want) in [
        (&[][..], &["shop"][..], Some("shop"), "denied by shop"),
        (&[], &["sh*"], Some("shop"), "denied by sh*"),
        (&[], &["sho"], Some("shop"), "shown"),
        (&["shop"], &["shop"], Some("shop"), "denied by shop"),
        (&["shop"], &[], Some("shop"), "shown"),
        (&["blog"], &[], Some("shop"), "unlisted"),
        (&["Shop"], &[], Some("shop"), "unlisted"),
        // Whatever the lists of projects say, a container without one is not theirs.
        (&["blog"], &[], None, "shown"),
        (&[], &["*"], None, "shown"),
    ] {
        let rules = Rules { projects: filter(Kind::Name, allow, deny), ..Rules::default() };
        let c = Container { project: project.map(str::to_owned), ..container() };
        assert_eq!(told(rules.container(&c)), want, "+{allow:?} -{deny:?} {project:?}");
    }
    // A project that is shown does not show a container that its own list does not.
    let rules = Rules {
        containers: filter(Kind::Name, &["blog-*"], &[]),
        projects: filter(Kind::Name, &["shop"], &[]),
        ..Rules::default()
    };
    assert_eq!(told(rules.container(&container())), "unlisted");
    // And one that its list shows is hidden with its project.
    let rules = Rules {
        containers: filter(Kind::Name, &["shop-*"], &[]),
        projects: filter(Kind::Name, &[], &["shop"]),
        ..Rules::default()
    };
    assert_eq!(told(rules.container(&container())), "denied by shop");
}

#[test]
fn the_globs_of_read_are_a_second_whitelist() {
    for (allow, read, want) in [
        (&[][..], &["shop-*"][..], "shown by shop-*"),
        (&[], &["blog-*"], "unlisted"),
        (&["shop-*"], &["*-postgres"], "shown by *-postgres"),
        (&["shop-*"], &["blog-*"], "unlisted"),
        (&["blog-*"], &["shop-*"], "unlisted"),
        // By name only, as a whitelist.
        (&[], &["db"], "unlisted"),
        (&[], &["safe"], "unlisted"),
        (&[], &["0123456789ab"], "unlisted"),
    ] {
        let rules = Rules { containers: filter(Kind::Name, allow, &[]), ..Rules::default() };
        let rules = with_read(rules, read);
        assert_eq!(told(rules.container(&container())), want, "+{allow:?} read {read:?}");
    }
}

fn image(references: &[&str]) -> Image {
    Image {
        id: "sha256:x".to_owned(),
        references: references.iter().map(|r| ImageRef::parse(r).unwrap()).collect(),
    }
}

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn an_image_pattern_hits_every_spelling_of_what_it_names() {
    let by_digest = format!("nginx@{DIGEST}");
    let both = format!("nginx:1.27@{DIGEST}");
    let other = format!("nginx@{}", DIGEST.replace("aa", "bb"));
    let hub = [
        "nginx",
        "library/nginx",
        "docker.io/nginx",
        "docker.io/library/nginx",
        "index.docker.io/library/nginx",
    ];
    for (pattern, hits, misses) in [
        // Without a tag: every tag, and what has a digest only.
        (
            "nginx",
            vec!["nginx", "nginx:1.27", &by_digest, &both, "library/nginx:1"],
            vec!["nginxx", "my/nginx", "ghcr.io/nginx", "localhost:5000/nginx", "nginx/nginx"],
        ),
        ("nginx:*", vec!["nginx", "nginx:1.27", &by_digest], vec!["nginxx", "my/nginx"]),
        (
            "nginx:1.*",
            vec!["nginx:1.27", "nginx:1.", &both],
            vec!["nginx", "nginx:2.1", "nginx:11", &by_digest],
        ),
        ("nginx:latest", vec!["nginx", "nginx:latest"], vec!["nginx:1.27", "nginx:LATEST", &by_digest]),
        // A digest is that one only.
        (&by_digest, vec![&by_digest, &both], vec!["nginx", "nginx:1.27", &other]),
        // One component, or everything below a folder.
        (
            "myorg/*",
            vec!["myorg/app", "myorg/app:1", "myorg/team/app", "docker.io/myorg/a/b/c"],
            vec!["myorg", "myorgs/app", "ghcr.io/myorg/app", "x/myorg/app"],
        ),
        ("ghcr.io/*", vec!["ghcr.io/app", "ghcr.io/a/b:1"], vec!["app", "xghcr.io/app"]),
        // The official images are those of `library`.
        ("*/app", vec!["my/app", "other/app:2", "app"], vec!["ghcr.io/my/app", "my/team/app", "my/app2"]),
        ("ghcr.io/*/app", vec!["ghcr.io/x/app"], vec!["ghcr.io/x/y/app", "ghcr.io/app"]),
        ("my*", vec!["mysql", "mysql:8"], vec!["my/sql", "ghcr.io/mysql"]),
        (
            "localhost:5000/app",
            vec!["localhost:5000/app", "localhost:5000/app:2"],
            vec!["app", "localhost/app", "localhost:5001/app"],
        ),
        ("localhost:5000/app:2", vec!["localhost:5000/app:2"], vec!["localhost:5000/app"]),
        ("*", vec!["nginx", "a/b/c", "ghcr.io/a/b/c:1", "localhost:5000/x", &by_digest], vec![]),
    ] {
        let rules = Rules { images: filter(Kind::Image, &[], &[pattern]), ..Rules::default() };
        let allowing = Rules { images: filter(Kind::Image, &[pattern], &[]), ..Rules::default() };
        for hit in hits {
            assert_eq!(told(rules.image(&image(&[hit]))), format!("denied by {pattern}"), "{hit}");
            assert_eq!(told(allowing.image(&image(&[hit]))), format!("shown by {pattern}"), "{hit}");
        }
        for miss in misses {
            assert_eq!(told(rules.image(&image(&[miss]))), "shown", "blacklist {pattern}: {miss}");
            assert_eq!(told(allowing.image(&image(&[miss]))), "unlisted", "whitelist {pattern}: {miss}");
        }
    }
    // The five ways to say one repository are one, on both sides.
    for pattern in hub {
        let rules = Rules { images: filter(Kind::Image, &[], &[pattern]), ..Rules::default() };
        for have in hub {
            assert_eq!(told(rules.image(&image(&[have]))), format!("denied by {pattern}"), "{have}");
        }
    }
}

#[test]
fn an_image_is_hidden_by_any_of_its_references_and_shown_by_any() {
    let two = image(&["good/app:1", "bad/app:1"]);
    for (allow, deny, want) in [
        (&[][..], &["bad/*"][..], "denied by bad/*"),
        (&[], &["good/*"], "denied by good/*"),
        (&["good/*"], &["bad/*"], "denied by bad/*"),
        (&["bad/*"], &[], "shown by bad/*"),
        (&["good/*"], &[], "shown by good/*"),
        (&["other/*"], &[], "unlisted"),
        (&[], &["other/*"], "shown"),
    ] {
        let rules = Rules { images: filter(Kind::Image, allow, deny), ..Rules::default() };
        assert_eq!(told(rules.image(&two)), want, "+{allow:?} -{deny:?}");
    }
    // Without any reference there is nothing to match.
    for (allow, deny, want) in
        [(&[][..], &["*"][..], "shown"), (&["*"], &[], "unlisted"), (&[], &[], "shown")]
    {
        let rules = Rules { images: filter(Kind::Image, allow, deny), ..Rules::default() };
        assert_eq!(told(rules.image(&image(&[]))), want, "+{allow:?} -{deny:?}");
    }
}

#[test]
fn volumes_networks_and_projects_go_by_their_name() {
    for (allow, deny, want) in [
        (&[][..], &[][..], "shown"),
        (&[], &["data"], "denied by data"),
        (&[], &["d*"], "denied by d*"),
        (&[], &["dat"], "shown"),
        (&["data"], &[], "shown by data"),
        (&["data"], &["*"], "denied by *"),
        (&["other"], &[], "unlisted"),
        (&["DATA"], &[], "unlisted"),
    ] {
        let lists = || filter(Kind::Name, allow, deny);
        // Each kind has lists of its own: those of the others do not count.
        let volumes = Rules { volumes: lists(), ..Rules::default() };
        let networks = Rules { networks: lists(), ..Rules::default() };
        let projects = Rules { projects: lists(), ..Rules::default() };
        let volume = Volume { name: "data".to_owned(), project: None };
        let network = Network { id: ID.to_owned(), name: "data".to_owned(), project: None };
        for (rules, [v, n, p]) in [
            (&volumes, [want, "shown", "shown"]),
            (&networks, ["shown", want, "shown"]),
            (&projects, ["shown", "shown", want]),
        ] {
            assert_eq!(told(rules.volume(&volume)), v, "volume +{allow:?} -{deny:?}");
            assert_eq!(told(rules.network(&network)), n, "network +{allow:?} -{deny:?}");
            assert_eq!(told(rules.project("data")), p, "project +{allow:?} -{deny:?}");
        }
    }
}

#[test]
fn a_bypass_shows_everything() {
    let deny = || filter(Kind::Name, &["nothing"], &["*"]);
    let rules = Rules {
        bypass: true,
        containers: deny(),
        images: filter(Kind::Image, &["nothing"], &["*"]),
        volumes: deny(),
        networks: deny(),
        projects: deny(),
        ..Rules::default()
    };
    let rules = with_read(rules, &["nothing"]);
    assert!(rules.container(&container()).shown() && rules.image(&image(&["nginx"])).shown());
    assert!(rules.volume(&Volume::default()).shown() && rules.network(&Network::default()).shown());
    assert!(rules.project("shop").shown() && Level::ALL.iter().all(|level| rules.holds(*level)));
}

#[test]
fn by_default_reading_is_on_and_nothing_else() {
    let rules = Rules::default();
    for level in Level::ALL {
        assert_eq!(rules.holds(level), level == Level::Read, "{level}");
    }
    // Each level has a place of its own.
    for (place, level) in Level::ALL.into_iter().enumerate() {
        let mut rules = Rules::default();
        rules.levels[0].grant = Grant::Off;
        rules.levels[place].grant = Grant::On;
        assert_eq!(Level::ALL.into_iter().filter(|l| rules.holds(*l)).collect::<Vec<_>>(), [level]);
    }
    // Held for some is held.
    assert!(with_read(Rules::default(), &["nothing"]).holds(Level::Read));
}
