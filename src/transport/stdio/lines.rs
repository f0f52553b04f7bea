//! Reading what the client says, line by line, by a thread of its own.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;
use tokio::sync::mpsc;

/// The longest line that is read, in bytes: as large as an HTTP body may be.
pub const MAX_LINE: usize = 4 << 20;
/// What is kept of a longer one: its id stands in it.
const START: usize = 4096;
/// Lines that may wait.
const QUEUE: usize = 256;

/// One line.
#[derive(Debug)]
pub(super) enum Line {
    Whole(Vec<u8>),
    /// Longer than [`MAX_LINE`]: its beginning.
    TooLong(Vec<u8>),
}

/// Starts the thread. The lines end when stdin does.
pub(super) fn spawn() -> std::io::Result<mpsc::Receiver<Line>> {
    let (sender, lines) = mpsc::channel(QUEUE);
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        read_lines(&mut BufReader::with_capacity(64 << 10, std::io::stdin()), &sender);
    })?;
    Ok(lines)
}

fn read_lines(input: &mut impl BufRead, lines: &mpsc::Sender<Line>) {
    loop {
        let mut line = Vec::new();
        let read = input.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
        let complete = line.last() == Some(&b'\n');
        let line = match read {
            Err(_) | Ok(0) => return,
            Ok(_) if !complete && line.len() > MAX_LINE => {
                line.truncate(START);
                line.shrink_to_fit();
                if !skip_line(input) {
                    return;
                }
                Line::TooLong(line)
            }
            // A last line without its newline is a line.
            Ok(_) => Line::Whole(line),
        };
        if lines.blocking_send(line).is_err() {
            return;
        }
    }
}

/// Reads on to the end of the line without keeping it.
fn skip_line(input: &mut impl BufRead) -> bool {
    loop {
        let (used, done) = match input.fill_buf() {
            Err(_) => return false,
            Ok([]) => return true,
            Ok(buffer) => match buffer.iter().position(|b| *b == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), false),
            },
        };
        input.consume(used);
        if done {
            return true;
        }
    }
}

/// The request's id in the beginning of a line that is too long to be parsed.
pub(super) fn id_in(start: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(start);
    let after = text.split_once("\"id\"")?.1.trim_start().strip_prefix(':')?.trim_start();
    let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
    values.next()?.ok().filter(|id| id.is_string() || id.is_number())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_id_of_a_line_that_is_too_long() {
        assert_eq!(id_in(br#"{"jsonrpc":"2.0","id":7,"method":"x","params":{"a":"aaaa"#), Some(json!(7)));
        assert_eq!(id_in(br#"{"id": "a-1","#), Some(json!("a-1")));
        assert_eq!(id_in(b"[[[["), None);
    }

    #[test]
    fn long_lines_are_skipped_and_the_next_one_is_read() {
        let mut input = vec![b'x'; MAX_LINE + 10];
        input.extend_from_slice(b"\n{}\nlast");
        let (sender, mut lines) = mpsc::channel(8);
        read_lines(&mut BufReader::new(input.as_slice()), &sender);
        assert!(matches!(lines.try_recv(), Ok(Line::TooLong(_))));
        assert!(matches!(lines.try_recv(), Ok(Line::Whole(l)) if l == b"{}\n"));
        assert!(matches!(lines.try_recv(), Ok(Line::Whole(l)) if l == b"last"));
    }
}
