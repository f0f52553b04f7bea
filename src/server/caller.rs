//! Who calls.

use std::sync::Arc;

use super::Standing;

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// `stdio`, `cli`, `http`, or the name of a key.
    pub name: String,
    /// The role, which `[roles]` has; none: `[permissions]` says what is allowed.
    pub role: Option<String>,
    /// It has no key, and the role is that of all who have none.
    pub(super) anonymous: bool,
    /// What stood when it was let in.
    pub(super) by: Option<Arc<Standing>>,
}

impl Caller {
    /// One that `[permissions]` is for.
    #[must_use]
    pub fn local(name: &str) -> Self {
        Self { name: name.to_owned(), role: None, anonymous: false, by: None }
    }

    /// One of this role.
    #[must_use]
    pub fn of_role(name: &str, role: &str) -> Self {
        Self { role: Some(role.to_owned()), ..Self::local(name) }
    }

    /// Anybody, in this role.
    #[must_use]
    pub fn without_key(name: &str, role: &str) -> Self {
        Self { anonymous: true, ..Self::of_role(name, role) }
    }

    /// Let in by what stands: its calls are judged by nothing else.
    #[must_use]
    pub fn under(self, standing: Arc<Standing>) -> Self {
        Self { by: Some(standing), ..self }
    }

    /// By what stands at any later time.
    pub(super) fn whenever(self) -> Self {
        Self { by: None, ..self }
    }
}
