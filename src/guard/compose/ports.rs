//! Ports of the host that a service takes.

use crate::guard::create::{self, Ask};

use super::Refused;
use super::model::Service;
use super::reader::At;

pub(super) const KEYS: &[&str] = &["ports"];

/// Ports of the host that one service may name; a range counts as each of its own.
const MOST: usize = 256;

pub(super) fn read(at: &At<'_>, service: &mut Service) -> Result<(), Refused> {
    let Some(ports) = at.key("ports")? else { return Ok(()) };
    let mut count = 0;
    for at in ports.list()? {
        let (asks, shown) = one(&at)?;
        count += asks.len();
        if count > MOST {
            return Err(at.refuse("it names too many ports of the host", "256 are the most"));
        }
        service.asks.extend(asks);
        service.ports.push(shown);
    }
    Ok(())
}

fn one(at: &At<'_>) -> Result<(Vec<Ask>, String), Refused> {
    at.closed(&[&["mode", "host_ip", "target", "published", "protocol", "name", "app_protocol"]])?;
    let text = |key: &str| Ok(at.key(key)?.map(|at| at.scalar()).transpose()?.unwrap_or_default());
    let wrong = |why: &str| at.refuse(why, "write \"8080:80\" or \"127.0.0.1:8080:80/udp\"");
    let (ip, published, protocol) = (text("host_ip")?, text("published")?, text("protocol")?);
    if !ip.is_empty() && !create::is_address(&ip) {
        return Err(wrong("it is no address of a host"));
    }
    let Some(target) = number(&text("target")?).filter(|port| *port > 0) else {
        return Err(wrong("it has no port of the container"));
    };
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol };
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(wrong("it has no protocol that is known here"));
    }
    // Of several, the engine chooses one that is free. Nought is any.
    let (first, last) = published.split_once('-').unwrap_or((&published, &published));
    let hosts: Vec<String> = match (number(first), number(last)) {
        _ if published.is_empty() => vec![String::new()],
        (Some(0), Some(0)) => vec![String::new()],
        (Some(first @ 1..), Some(last)) if first <= last => {
            // One more than the most is enough to be refused.
            (first..=last).take(MOST + 1).map(|port| port.to_string()).collect()
        }
        _ => return Err(wrong("it has no port of the host")),
    };
    let on = match (ip.as_str(), ip.contains(':')) {
        ("", _) => "0.0.0.0".to_owned(),
        (ip, true) => format!("[{ip}]"),
        (ip, false) => ip.to_owned(),
    };
    let shown = match hosts.first().map(String::as_str) {
        None | Some("") => format!("{on}, a free port -> {target}/{protocol}"),
        Some(_) => format!("{on}:{published} -> {target}/{protocol}"),
    };
    Ok((hosts.iter().map(|host| Ask::new("host_port", format!("{ip}:{host}"))).collect(), shown))
}

fn number(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
