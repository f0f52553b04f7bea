//! The settings in force: those of the file, and what a person raised for a while.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::config::Settings;
use crate::config::settings::Role;
use crate::confirm::Grant;
use crate::engine::Engine;
use crate::output::{EnvMode, Options, Redactor};
use crate::policy::pattern::Kind;
use crate::policy::{Grant as Off, Level, LevelRule, Pattern, PatternSet, Rights, Rules, Source};
use crate::state::Moment;

use super::Caller;
use super::secrets::Secrets;

/// The settings for every kind of caller: swapped at once, so that no two of them are of different files.
#[derive(Debug)]
pub struct Standing {
    /// For callers without a role.
    pub(super) local: InForce,
    /// For each role.
    pub(super) roles: BTreeMap<String, InForce>,
    /// For callers of `anonymous_role`. They are one caller, whoever they are: who answers for others, or reads of them, has a key.
    anonymous: Option<InForce>,
}

impl Standing {
    pub(super) fn new(file: Arc<Settings>, engine: Arc<Engine>) -> Self {
        Self::of(InForce::new(file, engine), None)
    }

    fn of(local: InForce, before: Option<&Self>) -> Self {
        let of_role = |(name, role): (&String, &Role)| {
            let mut of_role = local.of_role(name, role);
            if let Some(old) = before.and_then(|before| before.roles.get(name)) {
                of_role.secrets = Arc::clone(&old.secrets);
            }
            (name.clone(), of_role)
        };
        let roles: BTreeMap<String, InForce> = local.file.roles.iter().map(of_role).collect();
        let anonymous = local.file.http.anonymous_role.as_ref().and_then(|role| roles.get(role));
        let anonymous = anonymous.map(InForce::without_rights);
        Self { local, roles, anonymous }
    }

    /// The settings as the file has them.
    #[must_use]
    pub fn file(&self) -> &Arc<Settings> {
        &self.local.file
    }

    /// For this caller. A role that nobody knows may nothing: it is the emptiest there is.
    pub(super) fn of_caller(&self, caller: &Caller) -> InForce {
        let known = match &caller.role {
            None => return self.local.now(),
            Some(_) if caller.anonymous => self.anonymous.as_ref(),
            Some(role) => self.roles.get(role),
        };
        known.cloned().unwrap_or_else(|| self.local.of_nobody())
    }

    /// The same with these grants.
    pub(super) fn raised(&self, grants: Vec<Grant>) -> Self {
        let (roles, anonymous) = (self.roles.clone(), self.anonymous.clone());
        Self { local: self.local.raised(grants), roles, anonymous }
    }

    /// The same of another file. Grants stand, and what is known to be secret stays so; what was remembered of the engine
    /// was seen through other filters and is forgotten.
    pub(super) fn renewed(&self, file: Arc<Settings>) -> Self {
        let mut local = InForce::new(file, Arc::new(Engine::new(self.local.engine.found().clone())));
        local.secrets = Arc::clone(&self.local.secrets);
        Self::of(local.raised(self.local.grants.clone()), Some(self))
    }
}

/// What one call sees of the settings: taken once, so that a reload cannot split a call.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The settings, with what was raised.
    pub settings: Arc<Settings>,
    /// Their redactor.
    pub redactor: Arc<Redactor>,
    /// What was raised.
    pub grants: Vec<Grant>,
    /// One name for all of it: what was confirmed under other settings is not confirmed.
    pub print: Arc<str>,
    /// The engine, with what is remembered of it under these filters: what one role must not see, another one may.
    pub engine: Arc<Engine>,
    /// What its containers keep secret.
    pub(super) secrets: Arc<Secrets>,
    /// The same for the file alone, for every caller.
    pub(super) file_print: Arc<str>,
    /// As the file has them.
    pub(super) file: Arc<Settings>,
}

impl InForce {
    fn new(file: Arc<Settings>, engine: Arc<Engine>) -> Self {
        let redactor = Arc::new(redactor(&file));
        let print = print(&file, &[]);
        let file_print = Arc::clone(&print);
        let secrets = Arc::default();
        Self {
            settings: Arc::clone(&file),
            redactor,
            grants: Vec::new(),
            print,
            engine,
            secrets,
            file_print,
            file,
        }
    }

    /// With these grants, and no others.
    pub(super) fn raised(&self, grants: Vec<Grant>) -> Self {
        let mut rules = (*self.file.rules).clone();
        for grant in &grants {
            rules = raise(rules, grant);
        }
        let mut settings = (*self.file).clone();
        settings.rules = Arc::new(rules);
        let settings = Arc::new(settings);
        let print = print(&self.file, &grants);
        Self { settings, grants, print, ..self.clone() }
    }

    /// For callers of a role: its rules and limits in place of those of `[permissions]`. What a person raises for a while is
    /// raised for callers without one.
    fn of_role(&self, name: &str, role: &Role) -> Self {
        let mut settings = (*self.file).clone();
        (settings.rules, settings.limits) = (Arc::clone(&role.rules), role.limits.clone());
        let settings = Arc::new(settings);
        let print = format!("{} {name}", print(&self.file, &[])).into();
        let (engine, secrets) = (Arc::new(Engine::new(self.engine.found().clone())), Arc::default());
        Self { settings, grants: Vec::new(), print, engine, secrets, ..self.clone() }
    }

    /// The same, for whom nobody vouches.
    fn without_rights(&self) -> Self {
        let rules = Rules { rights: Rights::default(), ..(*self.settings.rules).clone() };
        let mut settings = (*self.settings).clone();
        settings.rules = Arc::new(rules);
        Self { settings: Arc::new(settings), ..self.clone() }
    }

    /// Without the grants that have ended.
    fn now(&self) -> Self {
        if self.is_over() { self.raised(self.standing()) } else { self.clone() }
    }

    /// Everything off.
    pub(super) fn of_nobody(&self) -> Self {
        let source = Source::flag("an unknown role");
        let mut rules = Rules { bypass: false, ..(*self.file.rules).clone() };
        rules
            .levels
            .iter_mut()
            .for_each(|rule| *rule = LevelRule { grant: Off::Off, source: source.clone() });
        let mut settings = (*self.file).clone();
        settings.rules = Arc::new(rules);
        Self { settings: Arc::new(settings), grants: Vec::new(), ..self.clone() }
    }

    /// A grant among them has ended.
    pub(super) fn is_over(&self) -> bool {
        if self.grants.is_empty() {
            return false;
        }
        let now = Moment::now();
        self.grants.iter().any(|grant| grant.is_over(&now))
    }

    /// Those that still stand.
    pub(super) fn standing(&self) -> Vec<Grant> {
        let now = Moment::now();
        self.grants.iter().filter(|grant| !grant.is_over(&now)).cloned().collect()
    }
}

/// A grant that says what is no level, or no glob, raises nothing.
fn raise(rules: Rules, grant: &Grant) -> Rules {
    let source = Source::flag("docker-mcp grant");
    let Some(level) = Level::parse(&grant.level) else { return rules };
    match &grant.glob {
        None => rules.raised(level, None, &source),
        // It would narrow nothing.
        Some(_) if !level.takes_globs() => rules,
        Some(glob) => {
            let pattern = Pattern { text: glob.clone(), source: source.clone() };
            match PatternSet::new(Kind::Name, vec![pattern]) {
                Ok(globs) => rules.raised(level, Some(globs), &source),
                Err(_) => rules,
            }
        }
    }
}

fn print(settings: &Settings, grants: &[Grant]) -> Arc<str> {
    let mut text = format!("{};", settings.bypass);
    for key in settings.describe() {
        let _infallible = write!(text, "{}={};", key.key, key.value);
    }
    for Grant { level, glob, since, lasts_ms } in grants {
        let _infallible = write!(text, "{level} {glob:?} {} {lasts_ms};", since.unix_ms);
    }
    hex::encode(Sha256::digest(text.as_bytes())).into()
}

/// What masks by these settings.
#[must_use]
pub fn redactor(settings: &Settings) -> Redactor {
    use crate::config::RedactEnv;
    let redact = &settings.redact;
    Redactor::new(Options {
        enabled: redact.enabled,
        env: match redact.env {
            RedactEnv::All => EnvMode::All,
            RedactEnv::Secrets => EnvMode::Secrets,
            RedactEnv::Off => EnvMode::Off,
        },
        env_keys: &redact.env_keys,
        learn: redact.learn,
        patterns: redact.patterns.clone(),
    })
}
