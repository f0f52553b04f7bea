//! The cut of an address after its scheme; whether the pieces are fit is for `Endpoint::check`.

use super::{EndpointError, fail};

/// `[user@]host[:port][/path]`, cut but not yet checked.
pub(super) struct Parts<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) path: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(rest: &'a str) -> Result<Self, EndpointError> {
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(inner) => match inner.split_once(']') {
                Some((host, "")) if host.contains(':') => (host, None),
                Some((host, tail)) if host.contains(':') && tail.starts_with(':') => (host, tail.get(1..)),
                _ => return fail("brackets hold an IPv6 address, as in [::1]:2375"),
            },
            None => match place.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return fail("an IPv6 address stands in brackets, as in [::1]:2375");
                }
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        Ok(Self { user, host, port: port.map(read_port).transpose()?, path })
    }
}

fn read_port(text: &str) -> Result<u16, EndpointError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => fail("the port must be a number from 1 to 65535"),
    }
}
