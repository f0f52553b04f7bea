//! The decision.

use std::sync::Arc;

use super::denial::Denial;
use super::level::Level;
use super::permit::{Permit, Permits, World};
use super::reference::ImageRef;
use super::rights::Right;
use super::rules::{Grant, Rules};
use super::target::{Container, Image, Reference, Target};

/// One object that a call names: the caller's words and what they resolved to.
#[derive(Debug, Clone)]
pub struct Named {
    /// The caller's words, to answer in.
    pub asked: String,
    /// What it is.
    pub target: Target,
}

/// What is asked.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The tool's name.
    pub tool: &'a str,
    /// The levels it needs, all of them.
    pub needs: &'static [Level],
    /// What it acts on.
    pub targets: Vec<Named>,
}

/// The cheap part, before the engine is touched: is the tool on, are its levels held by anyone?
///
/// # Errors
/// The first rule that says no.
pub fn admits(rules: &Rules, tool: &str, needs: &[Level]) -> Result<(), Denial> {
    if !rules.bypass
        && let Some(by) = rules.disabled_tools.matches(tool)
    {
        return Err(Denial::ToolOff {
            tool: tool.into(),
            rule: format!("`{}` in [tools] disable ({})", by.text, by.source),
        });
    }
    let allowed = &rules.allowed_tools;
    if !rules.bypass && !allowed.is_empty() && allowed.matches(tool).is_none() {
        let source = allowed.patterns().first().map(|glob| glob.source.to_string()).unwrap_or_default();
        return Err(Denial::ToolOff {
            tool: tool.into(),
            rule: format!("it is not in allow_tools of the role ({source})"),
        });
    }
    // Also with bypass: that opens what is guarded, and makes nobody a judge of others.
    if let Some(right) = Right::of(tool).filter(|right| !rules.rights.hold(*right)) {
        return Err(Denial::Right {
            tool: tool.into(),
            right,
            rule: format!("it takes a role with {}", right.key()),
        });
    }
    match needs.iter().find(|level| !rules.holds(**level)) {
        Some(level) => Err(off(rules, *level)),
        None => Ok(()),
    }
}

/// Deny overrides, default deny. The whole decision:
///
/// 1. the tool is switched off → denied
/// 2. a level it needs is off → denied
/// 3. a target that the filters hide → denied, and to the caller it does not exist; a new name that they do not allow → denied
/// 4. a level that is on for other containers only → denied
/// 5. else → allowed
///
/// # Errors
/// The first rule that says no.
pub fn check(rules: &Rules, ask: &Ask<'_>) -> Result<(), Denial> {
    admits(rules, ask.tool, ask.needs)?;
    for Named { asked, target } in &ask.targets {
        if let Some(rule) = rules.target(target).hidden_by(target.list()) {
            let (kind, asked) = (target.kind(), asked.clone());
            return Err(match target.is_name() {
                true => Denial::Name { kind, asked, rule },
                false => Denial::Hidden { kind, asked, rule },
            });
        }
        match target {
            Target::Container(c) => reaches(rules, ask.needs, &c.name)?,
            Target::NewContainer(c) => reaches(rules, ask.needs, &c.name)?,
            _ => {}
        }
    }
    Ok(())
}

/// [`check`], and a permit for each target if it allows. Called once a call, by `server::call`.
///
/// Not public: whoever embeds this library gets permits through a served call only, or self-made rules would do for one.
///
/// # Errors
/// The first rule that says no.
pub(crate) fn decide(rules: &Arc<Rules>, ask: Ask<'_>) -> Result<Permits, Denial> {
    check(rules, &ask)?;
    let mut permits = Permits {
        world: Permit::new(World, ask.needs, rules),
        containers: Vec::new(),
        images: Vec::new(),
        networks: Vec::new(),
        volumes: Vec::new(),
        new_containers: Vec::new(),
        new_networks: Vec::new(),
        new_volumes: Vec::new(),
        references: Vec::new(),
    };
    for Named { target, .. } in ask.targets {
        match target {
            Target::Container(c) => permits.containers.push(Permit::new(c, ask.needs, rules)),
            Target::Image(i) => permits.images.push(Permit::new(i, ask.needs, rules)),
            Target::Network(n) => permits.networks.push(Permit::new(n, ask.needs, rules)),
            Target::Volume(v) => permits.volumes.push(Permit::new(v, ask.needs, rules)),
            Target::NewContainer(c) => permits.new_containers.push(Permit::new(c, ask.needs, rules)),
            Target::NewNetwork(n) => permits.new_networks.push(Permit::new(n, ask.needs, rules)),
            Target::NewVolume(v) => permits.new_volumes.push(Permit::new(v, ask.needs, rules)),
            Target::Reference(r) => permits.references.push(Permit::new(r, ask.needs, rules)),
        }
    }
    Ok(permits)
}

/// The same decision on one more image that a call turns out to need: what a Dockerfile begins with is not among its
/// arguments.
///
/// # Errors
/// The first rule that says no.
pub(crate) fn also(
    permit: &Permit<Reference>,
    tool: &str,
    image: ImageRef,
) -> Result<Permit<Reference>, Denial> {
    let reference = Reference { image };
    let target = Target::Reference(reference.clone());
    let targets = vec![Named { asked: reference.image.familiar(), target }];
    check(permit.rules(), &Ask { tool, needs: permit.levels(), targets })?;
    Ok(permit.beside(reference))
}

/// The same decision on the image that came under a name: it may have others, which the filters hide.
///
/// # Errors
/// The first rule that says no.
pub(crate) fn arrived(permit: &Permit<Reference>, tool: &str, image: Image) -> Result<Permit<Image>, Denial> {
    let asked = permit.target().image.familiar();
    let targets = vec![Named { asked, target: Target::Image(image.clone()) }];
    check(permit.rules(), &Ask { tool, needs: permit.levels(), targets })?;
    Ok(permit.fetched(image))
}

/// The same decision on a container that came of a call, or took another's place in it.
///
/// # Errors
/// The first rule that says no.
pub(crate) fn came(
    world: &Permit<World>,
    tool: &str,
    container: Container,
) -> Result<Permit<Container>, Denial> {
    let targets = vec![Named { asked: container.name.clone(), target: Target::Container(container.clone()) }];
    check(world.rules(), &Ask { tool, needs: world.levels(), targets })?;
    Ok(world.of(container))
}

/// Decides on one container and says whether it was allowed: for benches, which measure a whole decision.
#[doc(hidden)]
#[must_use]
pub fn decides(rules: &Arc<Rules>, tool: &str, needs: &'static [Level], container: Container) -> bool {
    let targets = vec![Named { asked: String::new(), target: Target::Container(container) }];
    decide(rules, Ask { tool, needs, targets }).is_ok()
}

fn reaches(rules: &Rules, needs: &[Level], name: &str) -> Result<(), Denial> {
    if rules.bypass {
        return Ok(());
    }
    for level in needs {
        let rule = rules.level(*level);
        match &rule.grant {
            Grant::Off => return Err(off(rules, *level)),
            Grant::On => {}
            Grant::Only(globs) if globs.matches(name).is_some() => {}
            Grant::Only(_) => {
                return Err(Denial::LevelElsewhere {
                    level: *level,
                    section: rules.section(),
                    target: name.to_owned(),
                    rule: format!("the globs of `{level}` ({})", rule.source),
                });
            }
        }
    }
    Ok(())
}

fn off(rules: &Rules, level: Level) -> Denial {
    let section = rules.section();
    let rule = format!("{section} {level} = false ({})", rules.level(level).source);
    Denial::LevelOff { level, rule, section }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::pattern::{Kind, Pattern, PatternSet, Source};
    use crate::policy::reference::ImageRef;
    use crate::policy::target::{Network, Volume};

    fn set(list: &[&str]) -> PatternSet {
        let pattern = |text: &&str| Pattern {
            text: (*text).to_owned(),
            source: Source { file: "the file".into(), line: 7 },
        };
        PatternSet::new(Kind::Name, list.iter().map(pattern).collect()).unwrap()
    }

    fn named(name: &str) -> Named {
        let target = Target::Container(Container { name: name.to_owned(), ..Container::default() });
        Named { asked: format!("/{name}"), target }
    }

    /// `lifecycle` is on for `app-*`; `secret-*` is hidden; the tool `off` is off.
    fn rules() -> Rules {
        let mut rules = Rules { disabled_tools: set(&["off"]), ..Rules::default() };
        rules.levels[1].grant = Grant::Only(set(&["app-*"]));
        for deny in [&mut rules.containers.deny, &mut rules.volumes.deny, &mut rules.networks.deny] {
            *deny = set(&["secret-*"]);
        }
        let image = Pattern { text: "secret/*".to_owned(), source: Source::flag("test") };
        rules.images.deny = PatternSet::new(Kind::Image, vec![image]).unwrap();
        rules
    }

    const READ: &[Level] = &[Level::Read];
    const CHANGE: &[Level] = &[Level::Lifecycle];
    const BOTH: &[Level] = &[Level::Read, Level::Lifecycle];

    /// What comes of it, in one word.
    fn outcome(rules: &Rules, tool: &str, needs: &'static [Level], targets: Vec<Named>) -> &'static str {
        match decide(&Arc::new(rules.clone()), Ask { tool, needs, targets }) {
            Ok(_) => "permit",
            Err(Denial::ToolOff { .. } | Denial::Right { .. }) => "tool off",
            Err(Denial::LevelOff { .. }) => "level off",
            Err(Denial::LevelElsewhere { .. }) => "level elsewhere",
            Err(Denial::Hidden { .. }) => "hidden",
            Err(Denial::Name { .. }) => "name",
        }
    }

    #[test]
    fn the_five_steps_in_their_order() {
        const EXEC: &[Level] = &[Level::Exec];
        const READ_EXEC: &[Level] = &[Level::Read, Level::Exec];
        for (tool, needs, target, want) in [
            // 1. The tool is off, whatever else is wrong.
            ("off", READ, "app-1", "tool off"),
            ("off", EXEC, "secret-1", "tool off"),
            // 2. A level is off, any one of them, before the target is looked at.
            ("on", EXEC, "app-1", "level off"),
            ("on", READ_EXEC, "app-1", "level off"),
            ("on", EXEC, "secret-1", "level off"),
            // 3. Hidden, also where the level would not reach it.
            ("on", READ, "secret-1", "hidden"),
            ("on", CHANGE, "secret-1", "hidden"),
            // 4. The level is on for others.
            ("on", CHANGE, "web", "level elsewhere"),
            ("on", BOTH, "web", "level elsewhere"),
            ("on", CHANGE, "my-app-1", "level elsewhere"),
            ("on", CHANGE, "app", "level elsewhere"),
            // 5.
            ("on", CHANGE, "app-1", "permit"),
            ("on", BOTH, "app-1", "permit"),
            ("on", READ, "web", "permit"),
            ("on", &[], "web", "permit"),
        ] {
            assert_eq!(
                outcome(&rules(), tool, needs, vec![named(target)]),
                want,
                "{tool} {needs:?} {target}"
            );
        }
    }

    #[test]
    fn a_level_reaches_by_the_name_and_not_by_an_alias() {
        let c = Container {
            id: "app-1".to_owned(),
            name: "web".to_owned(),
            aliases: vec!["app-1".to_owned()],
            project: Some("app-1".to_owned()),
            service: Some("app-1".to_owned()),
            image: "app-1".to_owned(),
            ..Container::default()
        };
        let disguised = Named { asked: "app-1".to_owned(), target: Target::Container(c) };
        assert_eq!(outcome(&rules(), "on", CHANGE, vec![disguised]), "level elsewhere");
    }

    #[test]
    fn every_target_is_judged_wherever_it_stands() {
        for (bad, want) in [("secret-1", "hidden"), ("web", "level elsewhere")] {
            for place in 0..3 {
                let mut names = ["app-1", "app-2", "app-3"];
                names[place] = bad;
                let targets = names.into_iter().map(named).collect();
                assert_eq!(outcome(&rules(), "on", CHANGE, targets), want, "{bad} at {place}");
            }
        }
    }

    #[test]
    fn every_kind_of_object_can_be_hidden() {
        let objects = |name: &str| {
            [
                Target::Container(Container { name: name.to_owned(), ..Container::default() }),
                Target::Volume(Volume { name: name.to_owned(), project: None }),
                Target::Network(Network { id: String::new(), name: name.to_owned(), project: None }),
                Target::Image(Image {
                    references: vec![ImageRef::parse(&name.replace('-', "/")).unwrap()],
                    ..Image::default()
                }),
            ]
        };
        for target in objects("secret-1") {
            let kind = target.kind();
            let ask =
                Ask { tool: "on", needs: READ, targets: vec![Named { asked: "words".to_owned(), target }] };
            match decide(&Arc::new(rules()), ask) {
                Err(Denial::Hidden { kind: told, asked, rule }) => {
                    // The caller's own words, not what they resolved to; the rule is for the host alone.
                    assert_eq!((told, asked.as_str()), (kind, "words"));
                    assert!(
                        rule.contains("secret") && rule.contains(&format!("blacklist_{kind}s")),
                        "{rule}"
                    );
                }
                other => panic!("{kind}: {other:?}"),
            }
        }
        let targets = objects("open-1").map(|target| Named { asked: String::new(), target }).to_vec();
        let permits = decide(&Arc::new(rules()), Ask { tool: "on", needs: READ, targets }).unwrap();
        let counts =
            [permits.containers.len(), permits.volumes.len(), permits.networks.len(), permits.images.len()];
        assert_eq!(counts, [1; 4]);
    }

    #[test]
    fn a_new_name_is_judged_like_an_object_of_that_name() {
        use crate::policy::target::{NewContainer, NewNetwork, NewVolume, Reference};
        let new = |name: &str| {
            let name = name.to_owned();
            [
                Target::NewContainer(NewContainer { name: name.clone(), generated: false }),
                Target::NewNetwork(NewNetwork { name: name.clone() }),
                Target::NewVolume(NewVolume { name: name.clone() }),
                Target::Reference(Reference { image: ImageRef::parse(&name.replace('-', "/")).unwrap() }),
            ]
        };
        let named = |target| vec![Named { asked: "words".to_owned(), target }];
        for target in new("secret-1") {
            assert_eq!(outcome(&rules(), "on", READ, named(target.clone())), "name", "{target:?}");
        }
        for target in new("open-1") {
            assert_eq!(outcome(&rules(), "on", READ, named(target.clone())), "permit", "{target:?}");
        }
        let container = |name: &str| {
            named(Target::NewContainer(NewContainer { name: name.to_owned(), generated: false }))
        };
        assert_eq!(outcome(&rules(), "on", CHANGE, container("app-9")), "permit");
        assert_eq!(outcome(&rules(), "on", CHANGE, container("web")), "level elsewhere");
        let mut listed = rules();
        listed.containers.allow = set(&["app-*"]);
        assert_eq!(outcome(&listed, "on", READ, container("web")), "name");
    }

    #[test]
    fn what_no_whitelist_names_is_hidden() {
        let mut rules = rules();
        rules.containers.allow = set(&["app-*"]);
        assert_eq!(outcome(&rules, "on", READ, vec![named("app-1")]), "permit");
        assert_eq!(outcome(&rules, "on", READ, vec![named("web")]), "hidden");
        // A level that is on for a container does not show it.
        rules.containers.allow = set(&["web"]);
        assert_eq!(outcome(&rules, "on", CHANGE, vec![named("app-1")]), "hidden");
    }

    #[test]
    fn a_permit_holds_what_was_asked_for() {
        let rules = Arc::new(rules());
        let targets = vec![named("app-2"), named("app-1")];
        let permits = decide(&rules, Ask { tool: "on", needs: BOTH, targets }).unwrap();
        let names: Vec<&str> = permits.containers.iter().map(|p| p.target().name.as_str()).collect();
        assert_eq!(names, ["app-2", "app-1"], "in the order of the arguments");
        assert!(permits.containers.iter().all(|p| p.levels() == BOTH && std::ptr::eq(p.rules(), &*rules)));
        assert!(permits.world.levels() == BOTH && std::ptr::eq(permits.world.rules(), &*rules));
        assert!(permits.images.is_empty() && permits.networks.is_empty() && permits.volumes.is_empty());
    }

    #[test]
    fn a_refusal_names_its_rule() {
        let ask = |tool, needs, name| {
            decide(&Arc::new(rules()), Ask { tool, needs, targets: vec![named(name)] }).unwrap_err()
        };
        assert_eq!(ask("off", READ, "app-1").rule(), "`off` in [tools] disable (the file:7)");
        assert_eq!(ask("on", READ, "secret-1").rule(), "`secret-*` in blacklist_containers (the file:7)");
        assert_eq!(
            ask("on", &[Level::Exec], "app-1").rule(),
            "[permissions] exec = false (built-in default)"
        );
        assert_eq!(ask("on", CHANGE, "web").rule(), "the globs of `lifecycle` (built-in default)");
    }

    #[test]
    fn a_bypass_permits_everything() {
        let rules = Rules { bypass: true, ..rules() };
        for (tool, needs, name) in
            [("off", READ, "app-1"), ("on", &Level::ALL[..], "web"), ("on", CHANGE, "secret-1")]
        {
            assert_eq!(outcome(&rules, tool, needs, vec![named(name)]), "permit", "{tool} {name}");
        }
    }
}
