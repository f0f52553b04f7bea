//! Before a change is made: tokens, persons, grants.

mod client;
mod grants;
mod persons;
mod tokens;
