//! Addresses of the web, as far as a configuration names them.

use std::net::IpAddr;

/// `https://name[:port][/path]`; `http://` only on this machine. Without a user, a query and a fragment, and with nothing that
/// would have to be escaped.
pub(super) fn is_address(text: &str) -> bool {
    let (rest, near) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return false,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~%/:[]+,;=@!$&'()*".contains(c);
    let (server, _path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match server.rsplit_once(':').filter(|_| !server.ends_with(']')) {
        Some((host, port)) => (host, port.parse::<u16>().ok()),
        None => (server, Some(443)),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let ip = bare.parse::<IpAddr>().ok();
    let named = host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) && !host.is_empty();
    let here = bare == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
    rest.chars().all(plain) && (named || ip.is_some()) && port.is_some() && (here || !near)
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn of_a_server_that_can_be_trusted() {
        for (text, fine) in [
            ("https://login.example.com", true),
            ("https://login.example.com/realms/main/", true),
            ("https://login.example.com:8443/x", true),
            ("https://[::1]:8443", true),
            ("http://localhost:9000", true),
            ("http://127.0.0.1:9000/realms/x", true),
            ("http://[::1]/x", true),
            ("http://login.example.com", false),
            ("http://localhost.example.com", false),
            ("http://localhost@example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("https://user@example.com", false),
            ("https://example.com:x", false),
            ("https://", false),
            ("https:///x", false),
            ("https://example.com/?x", false),
            ("https://example.com/#x", false),
            ("https://example.com/a b", false),
            ("https://example.com/\"", false),
            ("ftp://example.com", false),
            ("login.example.com", false),
        ] {
            assert_eq!(is_address(text), fine, "{text}");
        }
    }
}
