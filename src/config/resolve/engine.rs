//! `[docker]` and `[hosts.NAME]`

use std::collections::BTreeMap;

use crate::config::merge::{free, higher};
use crate::config::section::Section;
use crate::config::settings::{Docker, Host, Tls};

const SCHEMES: [&str; 6] = ["unix://", "tcp://", "ssh://", "npipe://", "http://", "https://"];

pub(super) fn docker(s: &mut Section<'_, '_>) -> Docker {
    let docker = Docker {
        host: s.text("host", free),
        socket: s.path("socket", free),
        tls: s.section("tls", |s| Tls {
            ca: s.path("ca", free),
            cert: s.path("cert", free),
            key: s.path("key", free),
        }),
    };
    let (host_key, socket_key, tls_key) = (s.key("host"), s.key("socket"), s.key("tls"));
    if let Some(host) = &docker.host
        && !SCHEMES.iter().any(|scheme| host.starts_with(scheme))
    {
        let hint = match host.starts_with('/') {
            true => format!("a path belongs in `{socket_key}`"),
            false => "write `unix:///path`, `tcp://host:2376` or `ssh://user@host`".to_owned(),
        };
        s.reader.relation(&host_key, format!("`{host}` is not the address of an engine"), Some(hint));
    }
    if docker.host.is_some() && docker.socket.is_some() {
        let message = format!("`{host_key}` and `{socket_key}` are both set");
        s.reader.relation(&socket_key, message, Some("keep one of the two".to_owned()));
    }
    if docker.tls.cert.is_some() != docker.tls.key.is_some() {
        let (has, lacks) = if docker.tls.cert.is_some() { ("cert", "key") } else { ("key", "cert") };
        let message = format!("`{tls_key}.{has}` is set without `{tls_key}.{lacks}`");
        s.reader.relation(&format!("{tls_key}.{has}"), message, Some("set both or none".to_owned()));
    }
    docker
}

pub(super) fn hosts(s: &mut Section<'_, '_>) -> BTreeMap<String, Host> {
    let read = |s: &mut Section<'_, '_>, name: &str| {
        let host = Host { docker: docker(s), read_only: s.flag("read_only", true, higher) };
        if host.docker.host.is_none() && host.docker.socket.is_none() {
            let at = s.at.clone();
            let hint = Some("set `host` or `socket`".to_owned());
            s.reader.problem(&at, format!("`hosts.{name}` does not say where its engine is"), hint);
        }
        host
    };
    s.named("hosts", read).into_iter().collect()
}
