//! IS WHAT IS ASKED SAFE? Beside the permits: they say which objects, this says what of them. Pure.

pub mod build;
pub mod labels;
pub mod network;
pub mod refusal;
pub mod volume;
