//! What a name alone would grant.

use crate::config::Settings;
use crate::config::settings::AllowedCommand;
use crate::policy::Level;
use crate::policy::rules::Grant;

/// The first level, or rule of exec, that would reach a container under its new name and does not now.
pub(super) fn gained(settings: &Settings, old: &str, new: &str) -> Option<String> {
    let rules = &settings.rules;
    if rules.bypass {
        return None;
    }
    let globs = Level::ALL.into_iter().filter_map(|level| match &rules.level(level).grant {
        Grant::Only(globs) => Some((format!("[permissions] {level}"), globs)),
        _ => None,
    });
    let exec = settings.exec.allowed_commands.iter().filter_map(|rule| match rule {
        AllowedCommand::Argv(rule) if !rule.containers.is_empty() => {
            Some(("[exec_safety] allowed_commands".to_owned(), &rule.containers))
        }
        _ => None,
    });
    globs.chain(exec).find_map(|(place, globs)| match (globs.matches(old), globs.matches(new)) {
        (None, Some(by)) => Some(format!("`{}` in {place} ({})", by.text, by.source)),
        _ => None,
    })
}
