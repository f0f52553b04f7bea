//! Before a change is made: tokens, persons, grants, limits.

mod client;
mod grants;
mod limits;
mod persons;
mod tokens;
