//! TEXT -> SETTINGS

pub mod error;
pub mod parse;
pub mod provenance;
pub mod settings;
pub mod tree;

pub use error::{Problem, Problems};
pub use provenance::{Described, Origin};
pub use settings::*;

/// Temporary.
#[derive(Debug)]
pub struct Loaded {
    pub settings: std::sync::Arc<Settings>,
    pub path: Option<std::path::PathBuf>,
}
#[derive(Debug, Default)]
pub struct Sources {
    pub config: Option<std::path::PathBuf>,
    pub env: Vec<(String, String)>,
    pub bypass: bool,
    pub allow_env_override: bool,
}
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    Ok(Loaded { settings: std::sync::Arc::new(shim()), path: sources.config.clone() })
}

fn shim() -> Settings {
    use std::time::Duration as D;
    use crate::policy::Rules;
    let ms = D::from_millis;
    Settings { bypass:false, dry_run:false, docker: Docker::default(), hosts: Default::default(),
     rules: std::sync::Arc::new(Rules::default()),
     exec: ExecSafety{mode: ExecMode::Denylist, blocked_commands: vec![], blocked_patterns: vec![], allowed_commands: vec![], denied_paths: vec![], denied_flags: vec![], allow_root:false, default_user: None, env: ExecEnv::Any, allow_privileged_targets:false, max_output:10000, timeout: ms(30000), max_concurrent:10},
     create: CreateSafety{profile: Profile::Baseline, allow: vec![], bind_roots: Roots::Under(vec![]), published_ports: PublishedPorts::Any, limits: Ceilings::default()},
     compose: Compose{roots: Roots::Under(vec![]), files: vec![], trusted_files: vec![], pass_env: vec![]},
     build: Build{roots: Roots::Under(vec![])}, registries: Registries{allow: vec![]}, secrets: Default::default(),
     confirm: Confirm{require: Require::Destructive, by: By::Caller, ttl: ms(120000), approval_ttl: ms(900000)},
     limits: Limits{exec_per_minute:60, logs_per_minute:30, max_concurrent:32, cooldown: Default::default()},
     output: Output{max_bytes:40000, log_tail:100, log_tail_max:10000, chunk_bytes:16384},
     redact: Redact{enabled:true, env: RedactEnv::Secrets, env_keys: ["*KEY*", "*TOKEN*", "*SECRET*", "*PASS*", "*PW*", "*CREDENTIAL*", "*AUTH*", "*PRIVATE*", "*DSN*", "*CONN*", "*COOKIE*"].map(String::from).to_vec(), learn:true, patterns: vec![]},
     neverhang: Neverhang{read_timeout: ms(30000), lifecycle_timeout: ms(60000), exec_timeout: ms(30000), compose_timeout: ms(120000), stream_timeout: ms(30000), transfer_timeout: ms(1800000), transfer_idle: ms(60000), max_timeout: ms(600000), breaker: Breaker{failures:3, window: ms(60000), cooldown: ms(300000), early_recovery:true}},
     audit: Audit{enabled:true, dir:None, retention_days:30, required:true}, log: Log{level: LogLevel::Info, format: None},
     http: Http{listen: ([127,0,0,1],8080).into(), allowed_hosts: vec![], allowed_origins: vec![], anonymous_role: None, behind_proxy:false, tls:None, keys: vec![], oidc: None},
     roles: Default::default(), state: State{redis:None}, fallback: Fallback{enabled:false, model: String::new(), api_key_env: String::new(), base_url: None, max_log_lines:200, max_tokens:500}, warnings: vec![], described: vec![] }
}
