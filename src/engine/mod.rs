//! THE ONLY ROOM THAT KNOWS DOCKER
//!
//! The lowest part stands here: which engine ([`discover`]), how it is named ([`endpoint`]), a connection to it
//! ([`dial`]), and the clock and the cap every connection carries ([`guard_io`]).

pub mod dial;
pub mod discover;
pub mod endpoint;
pub mod guard_io;
