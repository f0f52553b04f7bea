//! JSON whose long strings are cut while it is read.
//!
//! One container with a label of 9 MB would otherwise make every list too large, and so blind the server for all others.

use memchr::{memchr, memchr2};

/// No string of a list or an inspection is kept beyond this, in bytes of its JSON form.
pub const LONGEST: usize = 64 << 10;
/// Stands at the end of a string that was cut.
const MARK: &[u8] = "…[cut]".as_bytes();

/// Where in the JSON the last byte was.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Outside,
    String,
    /// After a backslash.
    Escape,
    /// Within the four digits of `\uXXXX`: how many were seen, and their value so far.
    Unicode(u8, u16),
}

/// Takes JSON in pieces and keeps it with its strings cut. Memory: what is kept.
#[derive(Debug, Default)]
pub struct Shorten {
    kept: Vec<u8>,
    at: At,
    /// Bytes of the string so far.
    length: usize,
    cutting: bool,
    /// The last escape was the first half of a pair: a cut here would leave half a character.
    half: bool,
}

impl Shorten {
    /// Takes a piece. Runs without a quote or an escape are taken in one go.
    pub fn push(&mut self, mut rest: &[u8]) {
        while let Some(&b) = rest.first() {
            let run = match self.at {
                At::Outside => memchr(b'"', rest).unwrap_or(rest.len()),
                At::String => {
                    let plain = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    if self.cutting { plain } else { plain.min(LONGEST.saturating_sub(self.length)) }
                }
                _ => 0,
            };
            if run == 0 {
                self.byte(b);
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (taken, after) = rest.split_at(run);
            if !self.cutting {
                self.kept.extend_from_slice(taken);
            }
            self.length += run;
            self.half = false;
            rest = after;
        }
    }

    /// How much is kept so far, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Nothing was kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// All that was kept.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.kept
    }

    fn byte(&mut self, b: u8) {
        match self.at {
            At::Outside => {
                if b == b'"' {
                    (self.at, self.length, self.cutting, self.half) = (At::String, 0, false, false);
                }
                self.kept.push(b);
            }
            At::String => match b {
                b'"' => {
                    (self.at, self.cutting) = (At::Outside, false);
                    self.kept.push(b);
                }
                _ => {
                    // A cut stands between two characters.
                    let starts_one = b & 0xC0 != 0x80 && !self.half;
                    if !self.cutting && self.length >= LONGEST && starts_one {
                        self.cutting = true;
                        self.kept.extend_from_slice(MARK);
                    }
                    if b == b'\\' {
                        self.at = At::Escape;
                    } else {
                        self.half = false;
                    }
                    self.inside(b);
                }
            },
            At::Escape => {
                self.at = if b == b'u' { At::Unicode(0, 0) } else { At::String };
                self.half = false;
                self.inside(b);
            }
            At::Unicode(seen, value) => {
                let digit = char::from(b).to_digit(16).unwrap_or(0);
                let value = (value << 4) | u16::try_from(digit).unwrap_or(0);
                self.at = if seen == 3 { At::String } else { At::Unicode(seen + 1, value) };
                self.half = seen == 3 && (0xD800..0xDC00).contains(&value);
                self.inside(b);
            }
        }
    }

    fn inside(&mut self, b: u8) {
        self.length += 1;
        if !self.cutting {
            self.kept.push(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn through(text: &str, piece: usize) -> Value {
        let mut shorten = Shorten::default();
        text.as_bytes().chunks(piece).for_each(|p| shorten.push(p));
        serde_json::from_slice(&shorten.finish()).expect("still JSON")
    }

    #[test]
    fn what_is_short_stays_as_it_is() {
        let value = json!({ "a\"\\": ["x\u{1}\u{1F600}é", 1, null, { "b": "\\\"" }] });
        let escaped = r#"{"k":"\ud83d\ude00 \u00e9 \\ \" \/ \n"}"#;
        for piece in [1, 2, 3, 1000] {
            assert_eq!(through(&value.to_string(), piece), value);
            assert_eq!(through(escaped, piece), serde_json::from_str::<Value>(escaped).unwrap());
        }
    }

    #[test]
    fn long_strings_are_cut_between_characters_and_the_rest_is_kept() {
        for unit in ["a", "é", "😀", "\\u0001", "\\ud83d\\ude00", "\\\\", "\\\""] {
            let text = format!("[\"{}\",\"after\"]", unit.repeat(5 * LONGEST / unit.len()));
            for piece in [7, 4096] {
                let value = through(&text, piece);
                assert_eq!(value[1], "after", "{unit}");
                let cut = value[0].as_str().unwrap();
                assert!(cut.ends_with("…[cut]") && cut.len() <= LONGEST + 32, "{unit}: {}", cut.len());
            }
        }
    }
}
