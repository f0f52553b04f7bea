//! What is asked, is it safe? Pure: texts and settings in, a refusal or what must be decided on out.

pub mod build;
