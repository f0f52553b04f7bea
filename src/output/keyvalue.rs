//! `key = value` in text.
