//! SHALL THIS HAPPEN? A change is previewed first. What lets it through is a token of the preview ([`Tokens`]: whoever asks
//! can confirm), or a person ([`Held`]: whoever asks cannot answer). A person can also raise a level for a while ([`Grants`]).

mod grants;
mod held;
mod tokens;

pub use grants::{Grant, Grants};
pub use held::{Action, Answer, Asked, Held, Pending, Standing, Yes};
pub use tokens::{Hash, Invalid, Tokens, binding};
