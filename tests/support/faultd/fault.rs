//! What can go wrong with an answer, and the steps in which it does.

use std::time::Duration;

use super::canned::frame_head;
use super::http::Answer;
use super::toxic::Toxic;

/// Instead of, or to, the answer that there would have been.
#[derive(Debug, Clone)]
pub enum Fault {
    /// None: for a rule that lets pass what a later one would take.
    Pass,
    /// Passed on, or answered, over a bad line.
    Toxic(Vec<Toxic>),
    /// Another answer.
    Answer(Answer),
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// After this time.
    Late(Duration),
    /// The request stays unread.
    NoRead,
    /// The request is read, and that is all.
    NoAnswer,
    /// Half of the head, no more.
    HalfHeaders,
    /// The head at so many bytes a second.
    SlowHeaders { bps: u64 },
    /// So many bytes of the body, no more.
    BodyStall { after: usize },
    /// A body that is long, at so many bytes a second.
    Trickle { bps: u64 },
    /// The connection ends in the middle of a chunk.
    TruncateChunk { after: usize },
    /// It ends before the length that was said.
    ShortLength { after: usize },
    /// A reset after so many bytes of the body.
    ResetPeer { after: usize },
    /// 200 with half of a JSON text.
    Malformed,
    /// 200 with JSON of another type.
    WrongType,
    /// The right JSON, and something behind it.
    TrailingGarbage,
    /// 200 without a body.
    Empty,
    /// That status, with Docker's message.
    DockerError(u16, String),
    /// That status, with another body.
    Status(u16, String),
    /// That status, and half of its body.
    ErrorStall(u16),
    /// 200, then a line of progress, then an error in the stream.
    ErrorInStream(String),
    /// An object with so many bytes in many strings.
    Huge(u64),
    /// An object with so many bytes in one string.
    LongString(u64),
    /// `[[[[...` without end.
    EndlessJson,
    /// `["aaa...` without end.
    EndlessString,
    /// Frames of a log.
    Frames(Frames),
    /// So many bytes of log without a newline, framed in 16 KiB as engines do, or raw as from a terminal; then the end.
    NoNewline { bytes: u64, tty: bool },
    /// Lines of log without end.
    EndlessLog,
    /// Somewhere else.
    Redirect(String),
    /// The answer to an upgrade is a plain 200.
    UpgradeRefused,
    /// The connection ends instead of an answer.
    EarlyEof,
    /// A header of so many bytes.
    HugeHead(usize),
    /// So many headers.
    ManyHeaders(usize),
    /// Bytes in the head that may not be there.
    OddHead,
}

/// Frames of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Frames {
    /// The stream's number.
    pub kind: u8,
    /// The length that each declares.
    pub declared: u32,
    /// What each brings.
    pub brings: u32,
    /// How many.
    pub count: u64,
}

/// One thing that is done on the connection.
#[derive(Debug)]
pub enum Step {
    /// Written.
    Say(Vec<u8>),
    /// Written so many times.
    Flood(Vec<u8>, u64),
    /// Written at so many bytes a second.
    Slowly(Vec<u8>, u64),
    /// Nothing, for a while.
    Wait(Duration),
    /// Nothing until the other side goes.
    Hold,
    /// The end.
    Close,
    /// The end without a farewell.
    Reset,
}

const CHUNKED: &str = "Transfer-Encoding: chunked";
const PIECE: usize = 64 << 10;
const LOG: &str = "application/vnd.docker.multiplexed-stream";
const RAW: &str = "application/vnd.docker.raw-stream";

impl Fault {
    /// The request must stay unread: what is to be reset is reset by that.
    pub fn unread(&self) -> bool {
        matches!(self, Self::NoRead | Self::ResetPeer { .. })
    }

    /// The steps, given the answer that there would have been. Without an end of its own, the connection stays for the
    /// next request.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub fn steps(&self, base: impl FnOnce() -> Answer) -> Vec<Step> {
        use Step::{Close, Flood, Hold, Reset, Say, Slowly, Wait};
        match self {
            Self::Pass | Self::Toxic(_) => whole(&base()),
            Self::Answer(answer) => whole(answer),
            Self::Bytes(bytes) => vec![Say(bytes.clone()), Close],
            Self::Late(time) => [vec![Wait(*time)], whole(&base())].concat_steps(),
            Self::NoRead | Self::NoAnswer => vec![Hold],
            Self::HalfHeaders => {
                let head = base().plain_head();
                vec![Say(head[..head.len() / 2].to_vec()), Hold]
            }
            Self::SlowHeaders { bps } => {
                let answer = base();
                vec![Slowly(answer.plain_head(), *bps), Say(answer.body)]
            }
            Self::BodyStall { after } => {
                let answer = base();
                let after = (*after).min(answer.body.len().saturating_sub(1));
                vec![Say(answer.plain_head()), Say(answer.body[..after].to_vec()), Hold]
            }
            Self::Trickle { bps } => {
                let answer = base();
                let first = answer.body.first().copied().into_iter().collect();
                vec![
                    Say(answer.head("Content-Length: 1000000")),
                    Say(first),
                    Slowly(vec![b' '; 1_000_000], *bps),
                ]
            }
            Self::TruncateChunk { after } => {
                let answer = base();
                let mut out = answer.head(CHUNKED);
                out.extend(format!("{:x}\r\n", answer.body.len().max(*after + 1)).bytes());
                out.extend(answer.body.iter().take(*after));
                vec![Say(out), Close]
            }
            Self::ShortLength { after } => {
                let answer = base();
                let after = (*after).min(answer.body.len().saturating_sub(1));
                vec![Say(answer.plain_head()), Say(answer.body[..after].to_vec()), Close]
            }
            Self::ResetPeer { after } => {
                let answer = base();
                let after = (*after).min(answer.body.len().saturating_sub(1));
                // What was sent is to arrive first.
                let pause = Wait(Duration::from_millis(20));
                vec![Say(answer.plain_head()), Say(answer.body[..after].to_vec()), pause, Reset]
            }
            Self::Malformed => whole(&Answer::json(200, r#"[{"Id":"#)),
            Self::WrongType => whole(&Answer::json(200, r#""what is this""#)),
            Self::TrailingGarbage => {
                let mut answer = base();
                answer.body.extend(b" <html>behind</html>");
                whole(&answer)
            }
            Self::Empty => whole(&Answer::json(200, "")),
            Self::DockerError(status, message) => {
                whole(&Answer::json(*status, &serde_json::json!({ "message": message }).to_string()))
            }
            Self::Status(status, body) => whole(&Answer::new(*status, "text/html", body.as_bytes())),
            Self::ErrorStall(status) => {
                let answer = Answer::json(*status, "");
                vec![Say(answer.head("Content-Length: 900")), Say(br#"{"mess"#.to_vec()), Hold]
            }
            Self::ErrorInStream(message) => {
                let said = serde_json::json!({ "errorDetail": { "message": message }, "error": message });
                whole(&Answer::json(200, &format!("{{\"status\":\"Pulling\"}}\r\n{said}\r\n")))
            }
            Self::Huge(bytes) => {
                let unit = format!("\"{}\",", "a".repeat(1021)).repeat(64);
                let times = bytes / unit.len() as u64;
                let (open, close) = (r#"{"Id":"x","Many":["#, "\"z\"]}");
                let length = open.len() as u64 + times * unit.len() as u64 + close.len() as u64;
                let head = Answer::json(200, "").head(&format!("Content-Length: {length}"));
                vec![Say(head), Say(open.into()), Flood(unit.into(), times), Say(close.into())]
            }
            Self::LongString(bytes) => {
                let times = bytes / PIECE as u64;
                let (open, close) = (r#"{"Id":"x","Long":""#, "\"}");
                let length = (open.len() + close.len()) as u64 + times * PIECE as u64;
                let head = Answer::json(200, "").head(&format!("Content-Length: {length}"));
                vec![Say(head), Say(open.into()), Flood(vec![b'a'; PIECE], times), Say(close.into())]
            }
            Self::EndlessJson => {
                vec![Say(Answer::json(200, "").head("Connection: close")), Flood(vec![b'['; PIECE], u64::MAX)]
            }
            Self::EndlessString => vec![
                Say(Answer::json(200, "").head("Connection: close")),
                Say(b"[\"".to_vec()),
                Flood(vec![b'a'; PIECE], u64::MAX),
            ],
            Self::Frames(Frames { kind, declared, brings, count }) => {
                let head = Answer::new(200, LOG, b"").head("Connection: close");
                let line = b"a line of a frame, to be shown\n".iter().copied().cycle();
                let mut unit = frame_head(*kind, *declared).to_vec();
                unit.extend(line.take(*brings as usize));
                vec![Say(head), Flood(unit, *count), Close]
            }
            Self::NoNewline { bytes, tty } => {
                let part = 16 << 10;
                let head = Answer::new(200, if *tty { RAW } else { LOG }, b"").head("Connection: close");
                let framed = |data: &[u8]| {
                    let mut unit = frame_head(1, u32::try_from(data.len()).unwrap()).to_vec();
                    unit.extend_from_slice(data);
                    unit
                };
                let (unit, last) = match tty {
                    true => (vec![b'x'; part], b"\r\nlast-words\r\n".to_vec()),
                    false => (framed(&vec![b'x'; part]), [framed(b"\n"), framed(b"last-words\n")].concat()),
                };
                vec![Say(head), Flood(unit, bytes / part as u64), Say(last), Close]
            }
            Self::EndlessLog => {
                let line = b"chatter chatter chatter\n";
                let mut unit = frame_head(1, u32::try_from(line.len()).unwrap()).to_vec();
                unit.extend_from_slice(line);
                let head = Answer::new(200, LOG, b"").head("Connection: close");
                vec![Say(head), Flood(unit.repeat(64), u64::MAX)]
            }
            Self::Redirect(to) => whole(&Answer::new(302, "text/plain", b"").header("Location", to)),
            Self::UpgradeRefused => whole(&Answer::json(200, "{}")),
            Self::EarlyEof => vec![Close],
            Self::HugeHead(bytes) => whole(&base().header("X-Huge", &"h".repeat(*bytes))),
            Self::ManyHeaders(count) => {
                let headers = (0..*count).map(|i| (format!("X-Many-{i}"), "v".to_owned())).collect();
                whole(&Answer { headers, ..base() })
            }
            Self::OddHead => {
                vec![Say(b"HTTP/1.1 200 OK\r\nX-\x00Odd\x7f: \x01\xff\r\n\r\n[]".to_vec()), Close]
            }
        }
    }
}

fn whole(answer: &Answer) -> Vec<Step> {
    let bodiless = answer.status == 204 || answer.status == 304;
    let head = if bodiless { answer.head("Server: faultd") } else { answer.plain_head() };
    let body = if bodiless { Vec::new() } else { answer.body.clone() };
    vec![Step::Say(head), Step::Say(body)]
}

trait Concat {
    fn concat_steps(self) -> Vec<Step>;
}

impl Concat for [Vec<Step>; 2] {
    fn concat_steps(self) -> Vec<Step> {
        self.into_iter().flatten().collect()
    }
}
