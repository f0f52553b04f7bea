//! The catalogue of threats, row by row: which test tries each, and what of the engine is never asked for.

mod operations;
mod rows;
