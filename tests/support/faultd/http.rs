//! As much of HTTP as an engine's clients speak.

use std::io::{self, Read};
use std::time::Instant;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, ...
    pub method: String,
    /// Without the version's prefix and the query.
    pub path: String,
    /// Behind the question mark.
    pub query: String,
    /// The first line, as it came.
    pub line: String,
    /// The other lines of the head.
    pub headers: Vec<String>,
    /// When it came.
    pub at: Instant,
}

impl Request {
    /// From the bytes of a head, its empty line included.
    pub fn parse(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter(|l| !l.is_empty()).map(str::to_owned).collect();
        let mut words = line.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, query) = (unversioned(path).to_owned(), query.to_owned());
        Self { method, path, query, line, headers, at: Instant::now() }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .filter_map(|h| h.split_once(':'))
            .find_map(|(n, v)| n.eq_ignore_ascii_case(name).then(|| v.trim()))
    }

    /// The version that its path begins with.
    pub fn version(&self) -> Option<(u32, u32)> {
        let target = self.line.split(' ').nth(1)?;
        let (major, minor) = target.strip_prefix("/v")?.split_once('/')?.0.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    /// It asks for a connection that speaks something else from then on.
    pub fn upgrades(&self) -> bool {
        self.header("upgrade").is_some()
    }
}

fn unversioned(path: &str) -> &str {
    let Some((version, _)) = path.strip_prefix("/v").and_then(|p| p.split_once('/')) else { return path };
    if version.bytes().all(|b| b.is_ascii_digit() || b == b'.') { &path[2 + version.len()..] } else { path }
}

/// Where the head ends, its empty line included.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

/// Takes the body of that request off the connection.
pub fn skip_body(request: &Request, mut from: impl Read) -> io::Result<()> {
    if let Some(length) = request.header("content-length").and_then(|l| l.parse::<u64>().ok()) {
        io::copy(&mut from.take(length), &mut io::sink())?;
    } else if request.header("transfer-encoding").is_some_and(|t| t.contains("chunked")) {
        let mut tail = Vec::new();
        // Its last chunk is empty; a body with these bytes inside is not asked for here.
        while !tail.ends_with(b"0\r\n\r\n") {
            let mut byte = [0];
            from.read_exact(&mut byte)?;
            tail.push(byte[0]);
        }
    }
    Ok(())
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Without the body's length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// JSON.
    pub fn json(status: u16, body: &str) -> Self {
        Self::new(status, "application/json", body.as_bytes())
    }

    /// Some type.
    pub fn new(status: u16, kind: &str, body: &[u8]) -> Self {
        Self { status, headers: vec![("Content-Type".into(), kind.into())], body: body.to_vec() }
    }

    /// One header more, or another value of one.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The head, for a body that is framed in this way.
    pub fn head(&self, framing: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} As Told\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(framing);
        head.push_str("\r\n\r\n");
        head.into_bytes()
    }

    /// The head for a body of its own length.
    pub fn plain_head(&self) -> Vec<u8> {
        self.head(&format!("Content-Length: {}", self.body.len()))
    }

    /// From all that a server said until it closed.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, body) = bytes.split_at(head_end(bytes)?);
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers: Vec<(String, String)> = lines
            .filter_map(|l| l.split_once(':'))
            .map(|(n, v)| (n.to_owned(), v.trim().to_owned()))
            .collect();
        let chunked =
            headers.iter().any(|(n, v)| n.eq_ignore_ascii_case("transfer-encoding") && v == "chunked");
        let framing = ["transfer-encoding", "content-length", "connection"];
        headers.retain(|(n, _)| !framing.iter().any(|f| n.eq_ignore_ascii_case(f)));
        let body = if chunked { dechunked(body)? } else { body.to_vec() };
        Some(Self { status, headers, body })
    }
}

fn dechunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n")?;
        let size =
            usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 4 + size..)?;
    }
}
