//! Compose files that a caller may choose from, where none was named.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;

use super::files::NAMES;
use super::places::shown;
use super::{Refused, Sort};

/// Candidates are looked for so many folders further down ...
const DEEP: usize = 2;
/// ... in at most so many of them ...
const FOLDERS: usize = 300;
/// ... and so many are told.
const TOLD: usize = 20;

pub(super) fn choose(message: &str, hint: &str, candidates: Vec<String>) -> Refused {
    let told = candidates.iter().take(TOLD).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = if told.is_empty() { message.to_owned() } else { format!("{message}: {told}") };
    Refused { sort: Sort::Choose(candidates), message, hint: hint.to_owned() }
}

/// Compose files that one could have meant, as their names from the root on.
pub(super) fn candidates(roots: &[PathBuf]) -> Vec<String> {
    let (mut names, mut looked) = (Vec::new(), 0);
    for root in roots {
        let mut folders = VecDeque::from([(root.clone(), 0)]);
        while let Some((folder, depth)) = folders.pop_front() {
            looked += 1;
            if looked > FOLDERS || names.len() >= TOLD {
                return names;
            }
            let plain = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
            let file = NAMES.iter().map(|name| folder.join(name)).find(plain);
            names.extend(file.map(|file| shown(root, &file)));
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            // Folders of a name that nobody keeps projects in are left out; links are not followed.
            let mut inside: Vec<PathBuf> = entries
                .take(FOLDERS)
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .filter(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    !name.starts_with('.') && name != "node_modules"
                })
                .map(|entry| entry.path())
                .collect();
            inside.sort();
            folders.extend(inside.into_iter().filter(|_| depth < DEEP).map(|path| (path, depth + 1)));
        }
    }
    names
}
