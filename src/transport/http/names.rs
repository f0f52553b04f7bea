//! For whom a request says it is (`Host`), and from which page it comes (`Origin`): a browser must not be turned against us.

use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Request, Uri};

/// Names of this machine for itself.
pub(super) const LOOPBACK: &[&str] = &["localhost", "127.0.0.1", "[::1]"];

/// What is let through beside the names of the loopback.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// `name` for any port, or `name:port`.
    pub hosts: Vec<String>,
    /// As browsers write them: `https://name:port`.
    pub origins: Vec<String>,
}

impl Names {
    /// # Errors
    /// Why it is not served, and which setting says so.
    pub fn check<B>(&self, request: &Request<B>) -> Result<(), String> {
        self.host(request.uri(), request.headers())?;
        self.origin(request.headers())
    }

    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
        let mut all = headers.get_all(HOST).iter();
        let (first, more) = (all.next(), all.next());
        let given = first.filter(|_| more.is_none()).and_then(|value| value.to_str().ok());
        let given = given.and_then(|text| text.parse::<Authority>().ok());
        let fits = |authority: &Authority| {
            let (host, whole) =
                (authority.host().to_ascii_lowercase(), authority.as_str().to_ascii_lowercase());
            LOOPBACK.contains(&host.as_str())
                || self
                    .hosts
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(&host) || name.eq_ignore_ascii_case(&whole))
        };
        // A request in absolute form says it twice.
        let said = uri.authority().is_none_or(&fits);
        match given {
            Some(host) if said && fits(&host) => Ok(()),
            _ => {
                Err("this Host is not served here: a person can add it to allowed_hosts under [http]"
                    .to_owned())
            }
        }
    }

    fn origin(&self, headers: &HeaderMap) -> Result<(), String> {
        let listed = |text: &str| {
            let uri = text.parse::<Uri>().ok();
            let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
            let plain = uri.as_ref().is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
            (plain && LOOPBACK.contains(&host))
                || self.origins.iter().any(|origin| origin.eq_ignore_ascii_case(text))
        };
        match headers.get_all(ORIGIN).iter().all(|value| value.to_str().is_ok_and(listed)) {
            true => Ok(()),
            false => {
                Err("this Origin is not served here: a person can add it to allowed_origins under [http]"
                    .to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            hosts: vec!["box.lan".into(), "api.lan:8443".into()],
            origins: vec!["https://ops.lan".into()],
        }
    }

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request<()> {
        let start = Request::builder().uri(uri);
        headers.iter().fold(start, |all, (name, value)| all.header(*name, *value)).body(()).unwrap()
    }

    #[test]
    fn only_names_that_are_ours() {
        for (host, fine) in [
            ("localhost", true),
            ("localhost:8080", true),
            ("127.0.0.1:1", true),
            ("[::1]:8080", true),
            ("BOX.lan:9", true),
            ("api.lan:8443", true),
            ("api.lan:80", false),
            ("evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("2130706433", false),
            ("0.0.0.0", false),
            ("localhost@evil.example", false),
        ] {
            assert_eq!(names().check(&request("/mcp", &[("host", host)])).is_ok(), fine, "{host}");
        }
        assert!(names().check(&request("/mcp", &[])).is_err(), "none");
        assert!(
            names().check(&request("/mcp", &[("host", "localhost"), ("host", "localhost")])).is_err(),
            "two"
        );
        assert!(names().check(&request("http://evil.example/mcp", &[("host", "localhost")])).is_err());
    }

    #[test]
    fn only_pages_that_are_ours() {
        for (origin, fine) in [
            ("http://localhost:3000", true),
            ("https://127.0.0.1", true),
            ("https://ops.lan", true),
            ("https://ops.lan.evil.example", false),
            ("http://evil.example", false),
            ("null", false),
            ("file://localhost", false),
        ] {
            let one = request("/mcp", &[("host", "localhost"), ("origin", origin)]);
            assert_eq!(names().check(&one).is_ok(), fine, "{origin}");
        }
    }
}
