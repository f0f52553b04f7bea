//! A client of HTTP/1.1 that says exactly what it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; of a stream of events, the last one's data.
    #[track_caller]
    pub fn json(&self) -> Value {
        let mut data = self
            .body
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .filter(|data| !data.trim().is_empty());
        let text = data.next_back().unwrap_or(&self.body);
        serde_json::from_str(text.trim()).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// One request on a connection of its own. `Host` is `localhost` unless the headers say one; `-host` leaves it out.
#[track_caller]
pub fn request(at: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    raw(at, &written(method, path, headers, body))
}

/// The text of that request.
pub fn written(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| matches!(*name, "host" | "-host")) {
        head.push_str("host: localhost\r\n");
    }
    for (name, value) in headers.iter().filter(|(name, _)| *name != "-host") {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}

/// Sends a text as it is.
#[track_caller]
pub fn raw(at: SocketAddr, text: &str) -> Reply {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    over(stream, text)
}

/// The same over a stream that there is.
#[track_caller]
pub fn over(mut stream: impl Read + Write, text: &str) -> Reply {
    // Whoever refuses a body need not read it to its end.
    let _refused = stream.write_all(text.as_bytes());
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes);
    parse(&String::from_utf8_lossy(&bytes))
}

#[track_caller]
fn parse(text: &str) -> Reply {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|s| s.parse().ok()).unwrap();
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<_> = pairs.map(|(k, v)| (k.to_ascii_lowercase(), v.trim().to_owned())).collect();
    let chunked = headers.iter().any(|(k, v)| k == "transfer-encoding" && v == "chunked");
    Reply { status, headers, body: if chunked { unchunked(body) } else { body.to_owned() } }
}

fn unchunked(mut rest: &str) -> String {
    let mut whole = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else { break };
        let Some(chunk) = after.get(..size).filter(|_| size > 0) else { break };
        whole.push_str(chunk);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    whole
}
