//! The tools that are served: one check on one value for listing and for calling.

use crate::policy::{self, Denial, Rules};
use crate::tool::args::nearest;
use crate::tool::{Kind, ToolDef, ToolError};
use crate::tools;

/// The tool of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static ToolDef> {
    tools::ALL.iter().copied().flatten().find(|def| def.spec.name == name)
}

/// Every tool, in the order of the documentation.
pub fn all() -> impl Iterator<Item = &'static ToolDef> {
    tools::ALL.iter().copied().flatten()
}

/// Every name that a configuration may use: the tools that are served, and those of the contract that later versions serve.
pub fn names() -> impl Iterator<Item = &'static str> {
    let served = || all().map(|def| def.spec.name);
    served().chain(LATER.iter().copied().filter(move |later| served().all(|name| name != *later)))
}

/// Does any version have a tool of that name, or understand it as another system's?
#[must_use]
pub fn is_known(name: &str) -> bool {
    let ours = super::aliases::translate(name, serde_json::Map::new()).tool;
    names().any(|known| known == ours)
}

/// Tools of the contract. A configuration written for a later version must not stop this one from starting.
const LATER: &[&str] = &["docker_diagnose"];

/// The tools that are served under these rules.
pub fn served(rules: &Rules) -> impl Iterator<Item = &'static ToolDef> {
    all().filter(|def| withheld(def, rules).is_none())
}

/// Why a tool is withheld, if it is.
#[must_use]
pub fn withheld(def: &ToolDef, rules: &Rules) -> Option<Denial> {
    policy::decide::admits(rules, def.spec.name, def.spec.levels).err()
}

/// The refusal of a name that is no tool's.
#[must_use]
pub fn unknown(name: &str) -> ToolError {
    if LATER.contains(&name) {
        return ToolError::new(Kind::Unsupported, format!("`{name}` is not served by this version"))
            .hint("docker-mcp tools --all lists what is");
    }
    let error = ToolError::new(Kind::InvalidArguments, format!("there is no tool `{name}`"));
    match nearest(name, all().map(|def| def.spec.name)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("tools/list shows the tools that are served"),
    }
}
