//! IS WHAT IS ASKED SAFE? Beside the permits: they say which objects, this says what of them. Pure: no engine, no
//! file, no clock. Who asks brings what was looked up.

pub mod build;
pub mod compose;
pub mod create;
pub mod exec;
pub mod labels;
pub mod network;
pub mod refusal;
pub mod volume;
