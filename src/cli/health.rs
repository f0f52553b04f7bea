//! `docker-mcp health`: does a server over HTTP live? For health checks of containers, which need no other program then.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::config::{Sources, load};

use super::{OK, failed, misused, out};

/// To connect, to be heard, to answer: each.
const WAIT: Duration = Duration::from_secs(3);
/// A TLS record that says what is wrong: that it was asked in clear.
const ALERT: &[u8] = &[0x15, 0x03];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where it serves, instead of `listen` under [http]
    #[arg(long, value_name = "ADDR")]
    at: Option<SocketAddr>,
}

pub(super) fn run(sources: &Sources, args: &Args) -> ExitCode {
    let at = match args.at {
        Some(at) => at,
        None => match load(sources) {
            Ok(loaded) => loaded.settings.http.listen,
            Err(problems) => {
                out::problems(&problems.to_string());
                return misused();
            }
        },
    };
    let at = near(at);
    match ask(at) {
        Ok(said) if lives(&said) => {
            out::line("ok");
            OK
        }
        Ok(said) => {
            let line = String::from_utf8_lossy(&said);
            let line = line.lines().next().unwrap_or_default();
            out::error(&format!("what serves at {at} is no docker-mcp that lives: {}", line.escape_debug()));
            failed()
        }
        Err(e) => {
            out::error(&format!("nothing that lives answers at {at}: {e}"));
            failed()
        }
    }
}

/// Who listens everywhere listens at the loopback, too.
fn near(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

/// The beginning of its answer.
fn ask(at: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&at, WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut said = vec![0; 64];
    let read = stream.read(&mut said)?;
    said.truncate(read);
    Ok(said)
}

/// Where TLS ends at the server itself, its refusal is a sign of life as well.
fn lives(said: &[u8]) -> bool {
    said.starts_with(b"HTTP/1.1 200 ") || said.starts_with(ALERT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_at_the_loopback() {
        for (at, want) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:80", "[::1]:80"), ("192.0.2.1:81", "192.0.2.1:81")]
        {
            assert_eq!(near(at.parse().unwrap()), want.parse().unwrap());
        }
    }

    #[test]
    fn only_an_answer_that_is_well_is_a_sign_of_life() {
        assert!(lives(b"HTTP/1.1 200 OK\r\n") && lives(&[0x15, 0x03, 0x03, 0, 2]));
        assert!(!lives(b"HTTP/1.1 404 Not Found\r\n") && !lives(b"") && !lives(b"SSH-2.0-x"));
    }
}
