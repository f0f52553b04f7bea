//! What one line of the catalogue says.

use crate::policy::Level;

use super::class::Class;

/// What a tool does to the world. The MCP hints and the confirmation follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Reads,
    /// Something that can be undone.
    Changes,
    /// Interrupts a service.
    Stops,
    /// Loses data.
    Destroys,
}

impl Effect {
    /// The tool changes nothing.
    #[must_use]
    pub const fn read_only(self) -> bool {
        matches!(self, Self::Reads)
    }
}

/// The fixed facts of a tool.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Snake case, at most 40 characters.
    pub name: &'static str,
    /// Shown by clients beside the name.
    pub title: &'static str,
    /// All of them are needed.
    pub levels: &'static [Level],
    /// Its clocks, places and breaker behaviour.
    pub class: Class,
    /// What it does to the world.
    pub effect: Effect,
    /// Doing it twice is doing it once.
    pub idempotent: bool,
    /// Shows text that containers, images or their makers wrote, not only names and numbers.
    pub foreign_text: bool,
    /// Under 2 KB: what it gives, when to use it.
    pub summary: &'static str,
}
