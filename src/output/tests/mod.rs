//! The room as a whole. Keys are put together at run time, so that no scanner takes them for real ones.

mod false_positives;
mod finishing;
mod json;
mod learning;
mod masking;
mod speed;
mod streams;

use super::{Learned, Redactor};

fn masked(text: &str) -> String {
    Redactor::default().text(text, &Learned::default()).into_owned()
}

/// Letters and digits that look random, always the same.
fn noise(length: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let set = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
            char::from(set[usize::try_from(state % 62).unwrap()])
        })
        .collect()
}

fn hex(length: usize, seed: u64) -> String {
    noise(length, seed).bytes().map(|b| char::from(b"0123456789abcdef"[usize::from(b % 16)])).collect()
}
