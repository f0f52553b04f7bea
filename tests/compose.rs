//! Compose projects by their labels, on a real engine.

mod called_off;
mod down;
mod files;
mod hidden;
mod logs;
mod order;
mod real;
mod stack;
mod whole;
