//! What goes wrong below the server: the engine is away, is something else, hangs or dies; a tool panics or sticks.

pub mod absent;
mod handlers;
mod outage;
mod patience;
mod wrong;
