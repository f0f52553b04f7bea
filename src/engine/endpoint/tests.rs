use super::*;

fn shown(text: &str) -> String {
    Endpoint::parse(text).unwrap().to_string()
}

#[test]
fn addresses_round_trip_and_defaults_fill_in() {
    for (text, expected) in [
        ("unix:///run/user/1000/docker.sock", "unix:///run/user/1000/docker.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        (" tcp://build.example:4243 ", "tcp://build.example:4243"),
        ("tcp://build.example", "tcp://build.example:2375"),
        ("tcp://:2375", "tcp://127.0.0.1:2375"),
        ("10.0.0.1:2375", "tcp://10.0.0.1:2375"),
        ("http://build.example/", "tcp://build.example:2375"),
        ("https://build.example", "https://build.example:2376"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("TCP://[fe80::1]:99", "tcp://[fe80::1]:99"),
        ("ssh://box", "ssh://box"),
        ("ssh://me@box.example:2222", "ssh://me@box.example:2222"),
        ("ssh://me@[::1]:22/run/docker.sock", "ssh://me@[::1]:22/run/docker.sock"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
        assert_eq!(shown(expected), expected, "{text}");
    }
}

#[test]
fn tls_turns_tcp_into_tls_and_its_port() {
    let files = TlsFiles { ca: Some("/c/ca.pem".into()), ..TlsFiles::default() };
    let endpoint = Endpoint::parse_with("tcp://h", Some(&files)).unwrap();
    assert_eq!(endpoint, Endpoint::Tls { host: "h".into(), port: 2376, material: files.clone() });
    let socket = Endpoint::parse_with("unix:///s", Some(&files)).unwrap();
    assert_eq!(socket, Endpoint::Unix("/s".into()), "as in the docker CLI, a socket needs no TLS");
}

#[test]
fn what_could_become_an_option_or_a_command_is_refused() {
    for text in [
        "ssh://-oProxyCommand=touch@h",
        "ssh://-oProxyCommand=x",
        "ssh://-l@h",
        "ssh://a b@h",
        "ssh://h;id",
        "ssh://h$(id)",
        "ssh://h%00",
        "ssh://",
        "ssh://@h",
        "ssh://h/run/a;id",
        "ssh://h/run/$(id).sock",
        "ssh://h/run/a?x=1",
        "ssh://h:-1",
        "ssh://h:+22",
        "ssh://h:0",
        "ssh://h:65536",
        "ssh://::1",
        "ssh://[h]:22",
        "ssh://[::1]x",
        "tcp://-h:1",
        "tcp://h:1/v1.41",
        "tcp://h\n:1",
        "tcp://[::1%eth0]:1",
        "unix://run/docker.sock",
        "unix:///a\0b",
        "fd://3",
        "npipe:////./pipe/docker_engine",
        "ftp://h",
        "/var/run/docker.sock",
    ] {
        assert!(Endpoint::parse(text).is_err(), "{text:?} must be refused");
    }
}

#[test]
fn an_error_keeps_the_password_to_itself() {
    for text in ["tcp://me:hunter2@h:1", "ssh://me:hunter2@h", "foo://me:hunter2@h", "ssh://me:hunter2@-h"] {
        let error = Endpoint::parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn a_hand_made_endpoint_is_checked_too() {
    let made = Endpoint::Ssh { user: None, host: "-oX".into(), port: None, path: None };
    assert!(made.check().is_err());
}

#[test]
fn plain_text_over_a_network_is_told_from_loopback() {
    for (text, remote) in [
        ("tcp://127.0.0.9:1", false),
        ("tcp://[::1]:1", false),
        ("tcp://[::ffff:127.0.0.1]:1", false),
        ("tcp://localhost:1", false),
        ("tcp://LocalHost.:1", false),
        ("tcp://10.0.0.1:1", true),
        ("tcp://localhost.example:1", true),
        ("https://10.0.0.1:1", false),
        ("unix:///s", false),
        ("ssh://h", false),
    ] {
        assert_eq!(Endpoint::parse(text).unwrap().is_plaintext_remote(), remote, "{text}");
    }
}
