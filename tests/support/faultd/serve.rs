//! One connection, from its first byte to its last.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::fault::{Fault, Step};
use super::http::{self, Answer, Request};
use super::sock::Sock;
use super::toxic::{Line, Then};
use super::{Shared, canned};

/// Serves it on a thread of its own.
pub fn accept(shared: &Arc<Shared>, number: u64, sock: Sock) {
    let shared = Arc::clone(shared);
    shared.open.lock().unwrap().insert(number, sock.again());
    std::thread::spawn(move || {
        let (mut writer, greeting) = (&sock, shared.greeting.lock().unwrap().clone());
        let _gone = writer.write_all(&greeting);
        while serve_one(&shared, &sock) == Then::GoOn {}
        // The other handle on it goes first, so that this one ends it.
        drop(shared.open.lock().unwrap().remove(&number));
        drop(sock);
    });
}

fn serve_one(shared: &Shared, sock: &Sock) -> Then {
    let Some(head) = head(sock) else { return Then::Over };
    let request = Request::parse(&head);
    let fault = shared.choose(&request);
    if !fault.unread() {
        let mut taken = vec![0; head.len()];
        let mut from = sock;
        if from.read_exact(&mut taken).is_err() {
            return Then::Over;
        }
    }
    let toxics = if let Fault::Toxic(toxics) = &fault { toxics.as_slice() } else { &[] };
    match (&shared.engine, &fault) {
        (Some(engine), Fault::Pass | Fault::Toxic(_)) => {
            let Ok(engine) = UnixStream::connect(engine) else { return Then::Over };
            let engine = Sock::Unix(engine);
            let (mut up, down) = (Line::new(toxics, false), Line::new(toxics, true));
            if up.write(&engine, &closing(&head, &request)) == Then::Over {
                return Then::Over;
            }
            std::thread::scope(|scope| {
                scope.spawn(|| up.pass(sock, &engine));
                down.pass(&engine, sock);
                // The client hears that it is over; what it still says is nobody's.
                engine.close();
                if !request.upgrades() {
                    sock.close();
                }
            });
            Then::Over
        }
        _ => {
            if !fault.unread() && http::skip_body(&request, sock).is_err() {
                return Then::Over;
            }
            let steps = fault.steps(|| shared.answer(&head, &request));
            let then = play(steps, sock, &mut Line::new(toxics, true));
            if then == Then::GoOn && request.header("connection").is_some_and(|c| c == "close") {
                sock.close();
                return Then::Over;
            }
            then
        }
    }
}

/// The head of the next request, still unread; none when the other side is gone.
fn head(sock: &Sock) -> Option<Vec<u8>> {
    loop {
        let mut seen = sock.peek();
        if seen.is_empty() {
            return None;
        }
        if let Some(end) = http::head_end(&seen) {
            seen.truncate(end);
            return Some(seen);
        }
        // What came before it left still counts.
        if sock.left(Duration::from_millis(1)) && sock.peek().len() == seen.len() {
            return None;
        }
    }
}

/// The head with the wish that the connection ends after its answer: the next request is to meet the rules as well.
fn closing(head: &[u8], request: &Request) -> Vec<u8> {
    let mut head = head.to_vec();
    if !request.upgrades() {
        head.truncate(head.len() - 2);
        head.extend(b"Connection: close\r\n\r\n");
    }
    head
}

fn play(steps: Vec<Step>, sock: &Sock, line: &mut Line) -> Then {
    for step in steps {
        let then = match step {
            Step::Say(bytes) => line.write(sock, &bytes),
            Step::Flood(bytes, times) => {
                // Small units in one write: a flood is to be one.
                let at_once = (64 << 10) / bytes.len().max(1) as u64;
                let many = bytes.repeat(usize::try_from(at_once.clamp(1, times.max(1))).unwrap());
                let unit = (many.len() / bytes.len().max(1)) as u64;
                let mut left = times;
                let mut then = Then::GoOn;
                while left > 0 && then == Then::GoOn {
                    let now = unit.min(left);
                    left -= now;
                    then = line.write(sock, &many[..usize::try_from(now).unwrap() * bytes.len()]);
                }
                then
            }
            Step::Slowly(bytes, bps) => {
                let mut then = Then::GoOn;
                for byte in bytes {
                    // Waits as long as a byte takes, and no longer than the other side is there.
                    if then == Then::Over
                        || sock.left(Duration::from_secs(1) / u32::try_from(bps.max(1)).unwrap())
                    {
                        return Then::Over;
                    }
                    then = line.write(sock, &[byte]);
                }
                then
            }
            Step::Wait(time) if sock.left(time) => Then::Over,
            Step::Wait(_) => Then::GoOn,
            Step::Hold => {
                sock.hold();
                Then::Over
            }
            Step::Close => {
                sock.close();
                Then::Over
            }
            Step::Reset => {
                sock.reset();
                Then::Over
            }
        };
        if then == Then::Over {
            return Then::Over;
        }
    }
    Then::GoOn
}

impl Shared {
    /// Notes the request, and finds what is to happen.
    fn choose(&self, request: &Request) -> Fault {
        let fault = {
            let rules = self.rules.lock().unwrap();
            rules.iter().find(|(when, _)| when.takes(request)).map_or(Fault::Pass, |(_, fault)| fault.clone())
        };
        self.seen.lock().unwrap().push(request.clone());
        self.changed.notify_all();
        fault
    }

    /// What would be answered without a fault.
    fn answer(&self, head: &[u8], request: &Request) -> Answer {
        let Some(engine) = &self.engine else {
            let api = self.api.lock().unwrap().unwrap_or(canned::API);
            return canned::refused(request, api)
                .unwrap_or_else(|| canned::answer(request, &self.made.lock().unwrap()))
                .header("Api-Version", &format!("{}.{}", api.0, api.1))
                .header("Date", &canned::date(self.skew.load(Ordering::SeqCst)));
        };
        let mut engine = UnixStream::connect(engine).expect("the engine listens");
        engine.write_all(&closing(head, request)).unwrap();
        let mut said = Vec::new();
        engine.read_to_end(&mut said).unwrap();
        Answer::parse(&said).expect("the engine speaks HTTP")
    }
}
