//! Patterns that callers write: linear in time, bounded in size, refused with the place of the mistake.

use regex::{Regex, RegexBuilder};

use crate::tool::ToolError;

/// What a compiled pattern may weigh.
const SIZE: usize = 1 << 20;
/// What may be written: compiling takes many times the memory of the text.
const LENGTH: usize = 4096;

/// Compiles a caller's pattern.
///
/// # Errors
/// `invalid_arguments`, with the position of the mistake.
pub fn compile(argument: &str, pattern: &str) -> Result<Regex, ToolError> {
    if pattern.len() > LENGTH {
        return Err(ToolError::invalid(format!("`{argument}` is longer than {LENGTH} bytes")));
    }
    RegexBuilder::new(pattern).size_limit(SIZE).build().map_err(|e| {
        let error = match e {
            regex::Error::CompiledTooBig(_) => {
                return ToolError::invalid(format!("`{argument}` is too large a pattern")).hint("use fewer repetitions");
            }
            e => e.to_string(),
        };
        let what = error.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("no valid pattern");
        let place = position(&error).map(|at| format!(" at character {at}")).unwrap_or_default();
        ToolError::invalid(format!("`{argument}`{place}: {what}"))
            .hint("it is a regular expression in Rust's syntax; put `\\` before `( [ { . * + ? | ^ $ \\` to mean them as they are")
    })
}

/// The crate tells it by a caret under the pattern, which it indents by four.
fn position(error: &str) -> Option<usize> {
    let caret = error.lines().find(|line| line.trim_start().starts_with('^'))?;
    caret.find('^')?.checked_sub(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_a_place() {
        let message = |p| compile("grep", p).unwrap_err().message;
        assert_eq!(message("a(b"), "`grep` at character 2: unclosed group");
        assert_eq!(message("*"), "`grep` at character 1: repetition operator missing expression");
        assert!(message(r"(?:\w{1000}){1000}").contains("too large"));
        assert!(message("a\n(b").starts_with("`grep`"));
        assert!(compile("grep", "(a+)+$").unwrap().is_match("aaaa"));
    }
}
