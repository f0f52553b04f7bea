//! The mark that a child's environment carries and its descendants inherit: whose it is, and of which job.
//!
//! `DOCKER_MCP_JOB=<pid namespace>-<our pid>-<our start>-<random>`: a later docker-mcp can tell what a dead one left.

use std::sync::OnceLock;

use super::tree;

/// The variable's name.
pub const VARIABLE: &str = "DOCKER_MCP_JOB";

/// The docker-mcp that started a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    /// Pids mean something only within one namespace.
    pub space: u64,
    /// Its pid.
    pub pid: i32,
    /// When it started, in the kernel's ticks: pids are used again.
    pub start: u64,
}

/// This process.
pub(super) fn ours() -> Owner {
    static OURS: OnceLock<Owner> = OnceLock::new();
    *OURS.get_or_init(|| {
        let pid = std::process::id().cast_signed();
        Owner { space: tree::namespace(), pid, start: tree::one(pid).map_or(0, |it| it.start) }
    })
}

/// A mark for one child of ours; none where the system has no randomness.
pub(super) fn new() -> Option<String> {
    let Owner { space, pid, start } = ours();
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    Some(format!("{space}-{pid}-{start}-{:032x}", u128::from_ne_bytes(random)))
}

/// Does a text hold the mark of a child of ours? What carries it is ended with the child.
#[must_use]
pub fn marked(text: &str) -> bool {
    let Owner { space, pid, start } = ours();
    text.contains(&format!("{space}-{pid}-{start}-"))
}

/// Whose mark that is.
pub(super) fn owner(mark: &str) -> Option<Owner> {
    let mut parts = mark.split('-');
    let owner = Owner {
        space: parts.next()?.parse().ok()?,
        pid: parts.next()?.parse().ok()?,
        start: parts.next()?.parse().ok()?,
    };
    let random = parts.next()?;
    (random.len() == 32 && parts.next().is_none()).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_whose_it_is() {
        let (one, other) = (new().unwrap(), new().unwrap());
        assert_ne!(one, other);
        assert_eq!(owner(&one), Some(ours()));
        assert!(marked(&format!("x={one};")) && !marked("1-2-3-"));
        for not in ["", "x", "1-2-3", "1-2-3-4", "a-1-1-00000000000000000000000000000000"] {
            assert_eq!(owner(not), None, "{not}");
        }
    }
}
