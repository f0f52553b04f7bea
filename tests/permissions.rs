//! What the filters hide does not exist: in no tool, list, count or error, however it is addressed.

pub mod addresses;
mod identities;
mod matrix;
mod outputs;
mod renamed;
mod wire;
