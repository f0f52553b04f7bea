//! HOW OFTEN: calls a minute ([`Rates`]), a rest after each ([`Cooldowns`]), the same change again and again ([`Repeats`]).

mod cooldowns;
mod rates;
mod repeats;

pub use cooldowns::{Bucket, Cooldowns, Resting, Taken};
pub use rates::Rates;
pub use repeats::{MINUTES, Repeats};
