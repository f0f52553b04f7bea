//! Compose files as attacks: section 6 of the catalogue of threats, and children that misbehave, through the served tools.

mod child;
mod files;
mod fresh;
mod fuzz;
mod hidden;
mod meanwhile;
mod reach;
mod words;
mod yard;
