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

/// Why a tool is withheld, if it is.
#[must_use]
pub fn withheld(def: &ToolDef, rules: &Rules) -> Option<Denial> {
    policy::decide::admits(rules, def.spec.name, def.spec.levels).err()
}

/// The refusal of a name that is no tool's.
#[must_use]
pub fn unknown(name: &str) -> ToolError {
    let error = ToolError::new(Kind::InvalidArguments, format!("there is no tool `{name}`"));
    match nearest(name, all().map(|def| def.spec.name)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("tools/list shows the tools that are served"),
    }
}
