//! Lines of several logs in the order in which they were written.

use crate::engine::clock;
use crate::tools::containers::logs::window::Window;

/// What one container wrote.
pub(super) struct Part {
    /// Stands before each of its lines.
    pub label: String,
    /// Its lines, with their moments.
    pub window: Window,
}

/// All lines by their moments; of one container always in their own order, whatever its clock did.
pub(super) fn merged(parts: &[Part], timestamps: bool) -> String {
    let width = parts.iter().map(|part| part.label.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<(i128, usize, String)> = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let mut at = i128::MIN;
        for (stamp, text) in part.window.lines() {
            at = stamp.and_then(clock::read).map_or(at, |read| read.max(at));
            let stamp = stamp.filter(|_| timestamps).map(|stamp| format!("{stamp} ")).unwrap_or_default();
            lines.push((at, i, format!("{:width$} | {stamp}{text}", part.label)));
        }
    }
    // Stable: of one moment, and one container, they stay as they came.
    lines.sort_by_key(|(at, i, _)| (*at, *i));
    let lines: Vec<String> = lines.into_iter().map(|(_, _, line)| line).collect();
    lines.join("\n")
}
