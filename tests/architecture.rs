//! The rooms of the source and the directions in which they may look.

mod catalogue;
mod rooms;
