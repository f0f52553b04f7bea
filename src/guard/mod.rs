//! IS WHAT IS ASKED SAFE? Pure: no engine, no file, no clock. Who asks brings what was looked up.

pub mod create;
