//! The decision.

use std::sync::Arc;

use super::denial::Denial;
use super::level::Level;
use super::permit::{Permit, Permits, World};
use super::rules::{Grant, Rules, Sight};
use super::target::{Container, Target};

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
    match needs.iter().find(|level| !rules.holds(**level)) {
        Some(level) => Err(off(rules, *level)),
        None => Ok(()),
    }
}

/// Deny overrides, default deny. The whole decision:
///
/// 1. the tool is switched off → denied
/// 2. a level it needs is off → denied
/// 3. a target that the filters hide → denied, and to the caller it does not exist
/// 4. a level that is on for other containers only → denied
/// 5. else → allowed
///
/// # Errors
/// The first rule that says no.
pub fn check(rules: &Rules, ask: &Ask<'_>) -> Result<(), Denial> {
    admits(rules, ask.tool, ask.needs)?;
    for Named { asked, target } in &ask.targets {
        let sight = match target {
            Target::Container(c) => rules.container(c),
            Target::Image(i) => rules.image(i),
            Target::Network(n) => rules.network(n),
            Target::Volume(v) => rules.volume(v),
        };
        if let Some(rule) = hiding_rule(sight, target.kind()) {
            return Err(Denial::Hidden { kind: target.kind(), asked: asked.clone(), rule });
        }
        if let Target::Container(c) = target {
            reaches(rules, ask.needs, c)?;
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
    };
    for Named { target, .. } in ask.targets {
        match target {
            Target::Container(c) => permits.containers.push(Permit::new(c, ask.needs, rules)),
            Target::Image(i) => permits.images.push(Permit::new(i, ask.needs, rules)),
            Target::Network(n) => permits.networks.push(Permit::new(n, ask.needs, rules)),
            Target::Volume(v) => permits.volumes.push(Permit::new(v, ask.needs, rules)),
        }
    }
    Ok(permits)
}

/// Decides on one container and says whether it was allowed: for benches, which measure a whole decision.
#[doc(hidden)]
#[must_use]
pub fn decides(rules: &Arc<Rules>, tool: &str, needs: &'static [Level], container: Container) -> bool {
    let targets = vec![Named { asked: String::new(), target: Target::Container(container) }];
    decide(rules, Ask { tool, needs, targets }).is_ok()
}

fn reaches(rules: &Rules, needs: &[Level], c: &Container) -> Result<(), Denial> {
    if rules.bypass {
        return Ok(());
    }
    for level in needs {
        let rule = rules.level(*level);
        match &rule.grant {
            Grant::Off => return Err(off(rules, *level)),
            Grant::On => {}
            Grant::Only(globs) if globs.matches(&c.name).is_some() => {}
            Grant::Only(_) => {
                return Err(Denial::LevelElsewhere {
                    level: *level,
                    target: c.name.clone(),
                    rule: format!("the globs of `{level}` ({})", rule.source),
                });
            }
        }
    }
    Ok(())
}

fn off(rules: &Rules, level: Level) -> Denial {
    Denial::LevelOff { level, rule: format!("[permissions] {level} = false ({})", rules.level(level).source) }
}

fn hiding_rule(sight: Sight<'_>, kind: &str) -> Option<String> {
    match sight {
        Sight::Shown(_) => None,
        Sight::Denied(by) => Some(format!("`{}` in blacklist_{kind}s ({})", by.text, by.source)),
        Sight::Unlisted => Some(format!("no entry of whitelist_{kind}s matches")),
    }
}
