//! Section 18: every operation of the engine is offered, for a level, or is never sent. The list is that of its API 1.56.

use docker_mcp::engine::ops;
use docker_mcp::policy::Level;

/// Method, path, and the levels that it is offered for: none, and it is never sent.
const OPERATIONS: &[(&str, &str, &[Level])] = &[
    ("GET", "/containers/json", &[Level::Read]),
    ("POST", "/containers/create", &[Level::Create]),
    ("GET", "/containers/{id}/json", &[Level::Read]),
    ("GET", "/containers/{id}/top", &[Level::Read]),
    ("GET", "/containers/{id}/logs", &[Level::Read]),
    ("GET", "/containers/{id}/changes", &[Level::Read]),
    ("GET", "/containers/{id}/export", &[]),
    ("GET", "/containers/{id}/stats", &[Level::Read]),
    ("POST", "/containers/{id}/resize", &[]),
    ("POST", "/containers/{id}/start", &[Level::Lifecycle]),
    ("POST", "/containers/{id}/stop", &[Level::Lifecycle]),
    ("POST", "/containers/{id}/restart", &[Level::Lifecycle]),
    ("POST", "/containers/{id}/kill", &[Level::Lifecycle]),
    ("POST", "/containers/{id}/update", &[Level::Create]),
    ("POST", "/containers/{id}/rename", &[Level::Create]),
    ("POST", "/containers/{id}/pause", &[Level::Lifecycle]),
    ("POST", "/containers/{id}/unpause", &[Level::Lifecycle]),
    ("POST", "/containers/{id}/attach", &[]),
    ("GET", "/containers/{id}/attach/ws", &[]),
    ("POST", "/containers/{id}/wait", &[]),
    ("DELETE", "/containers/{id}", &[Level::Create, Level::Lifecycle, Level::System]),
    ("HEAD", "/containers/{id}/archive", &[Level::Exec]),
    ("GET", "/containers/{id}/archive", &[Level::Exec]),
    ("PUT", "/containers/{id}/archive", &[Level::Exec]),
    ("POST", "/containers/prune", &[]),
    ("GET", "/images/json", &[Level::Read]),
    ("POST", "/build", &[Level::Images]),
    ("POST", "/build/prune", &[]),
    ("POST", "/images/create", &[Level::Create, Level::Images]),
    ("GET", "/images/{name}/json", &[Level::Read]),
    ("GET", "/images/{name}/attestations", &[]),
    ("GET", "/images/{name}/history", &[Level::Read]),
    ("POST", "/images/{name}/push", &[Level::Images]),
    ("POST", "/images/{name}/tag", &[Level::Images]),
    ("DELETE", "/images/{name}", &[Level::System, Level::Images]),
    ("GET", "/images/search", &[]),
    ("POST", "/images/prune", &[]),
    ("POST", "/auth", &[]),
    ("GET", "/info", &[Level::Read]),
    ("GET", "/version", &[Level::Read]),
    ("GET", "/_ping", &[Level::Read]),
    ("HEAD", "/_ping", &[]),
    ("POST", "/commit", &[]),
    ("GET", "/events", &[Level::Read]),
    ("GET", "/system/df", &[Level::Read]),
    ("GET", "/images/{name}/get", &[]),
    ("GET", "/images/get", &[]),
    ("POST", "/images/load", &[]),
    ("POST", "/containers/{id}/exec", &[Level::Exec]),
    ("POST", "/exec/{id}/start", &[Level::Exec]),
    ("POST", "/exec/{id}/resize", &[]),
    ("GET", "/exec/{id}/json", &[Level::Read]),
    ("GET", "/volumes", &[Level::Read]),
    ("POST", "/volumes/create", &[Level::Volumes]),
    ("GET", "/volumes/{name}", &[Level::Read]),
    ("PUT", "/volumes/{name}", &[]),
    ("DELETE", "/volumes/{name}", &[Level::Volumes]),
    ("POST", "/volumes/prune", &[]),
    ("GET", "/networks", &[Level::Read]),
    ("GET", "/networks/{id}", &[Level::Read]),
    ("DELETE", "/networks/{id}", &[Level::Lifecycle, Level::Networks, Level::System]),
    ("POST", "/networks/create", &[Level::Networks]),
    ("POST", "/networks/{id}/connect", &[Level::Networks]),
    ("POST", "/networks/{id}/disconnect", &[Level::Networks]),
    ("POST", "/networks/prune", &[]),
    ("GET", "/plugins", &[]),
    ("GET", "/plugins/privileges", &[]),
    ("POST", "/plugins/pull", &[]),
    ("GET", "/plugins/{name}/json", &[]),
    ("DELETE", "/plugins/{name}", &[]),
    ("POST", "/plugins/{name}/enable", &[]),
    ("POST", "/plugins/{name}/disable", &[]),
    ("POST", "/plugins/{name}/upgrade", &[]),
    ("POST", "/plugins/create", &[]),
    ("POST", "/plugins/{name}/push", &[]),
    ("POST", "/plugins/{name}/set", &[]),
    ("GET", "/nodes", &[]),
    ("GET", "/nodes/{id}", &[]),
    ("DELETE", "/nodes/{id}", &[]),
    ("POST", "/nodes/{id}/update", &[]),
    ("GET", "/swarm", &[]),
    ("POST", "/swarm/init", &[]),
    ("POST", "/swarm/join", &[]),
    ("POST", "/swarm/leave", &[]),
    ("POST", "/swarm/update", &[]),
    ("GET", "/swarm/unlockkey", &[]),
    ("POST", "/swarm/unlock", &[]),
    ("GET", "/services", &[]),
    ("POST", "/services/create", &[]),
    ("GET", "/services/{id}", &[]),
    ("DELETE", "/services/{id}", &[]),
    ("POST", "/services/{id}/update", &[]),
    ("GET", "/services/{id}/logs", &[]),
    ("GET", "/tasks", &[]),
    ("GET", "/tasks/{id}", &[]),
    ("GET", "/tasks/{id}/logs", &[]),
    ("GET", "/secrets", &[]),
    ("POST", "/secrets/create", &[]),
    ("GET", "/secrets/{id}", &[]),
    ("DELETE", "/secrets/{id}", &[]),
    ("POST", "/secrets/{id}/update", &[]),
    ("GET", "/configs", &[]),
    ("POST", "/configs/create", &[]),
    ("GET", "/configs/{id}", &[]),
    ("DELETE", "/configs/{id}", &[]),
    ("POST", "/configs/{id}/update", &[]),
    ("GET", "/distribution/{name}/json", &[]),
    ("POST", "/session", &[]),
];

/// Others that engines answer, or did: what became of them is never sent either.
const UNLISTED: &[(&str, &str)] = &[
    ("POST", "/grpc"),
    ("GET", "/metrics"),
    ("GET", "/debug/vars"),
    ("GET", "/debug/pprof/heap"),
    ("GET", "/swarm/unlockkey"),
    ("POST", "/containers/{id}/copy"),
    ("POST", "/containers/{id}/checkpoints"),
    ("GET", "/containers/{id}/checkpoints"),
    ("GET", "/libpod/containers/json"),
    ("GET", "/images/{name}/tree"),
    ("OPTIONS", "/_ping"),
    ("CONNECT", "/containers/{id}/attach"),
];

/// What may stand in the place of `{id}` and `{name}`: of those that pass, and of those that address something else.
const IDS: &[&str] = &["", "web", "..", "%2e%2e", "a%2fb", "create", "json", "prune", "0"];

fn filled(path: &str) -> Vec<String> {
    let hex = "a1".repeat(32);
    let images = format!("sha256:{hex}");
    let reference = ops::escaped("docker.io/library/nginx:1");
    let repository = ops::escaped("docker.io/library/nginx");
    let words = [hex.as_str(), images.as_str(), reference.as_str(), repository.as_str(), "data", "my-volume"];
    let with = |word: &str| path.replace("{id}", word).replace("{name}", word);
    words.into_iter().chain(IDS.iter().copied()).map(with).collect()
}

#[test]
fn s18_every_operation_is_offered_or_never_sent() {
    assert_eq!(OPERATIONS.len(), 108, "all operations of the API 1.56");
    for (method, path, offered) in OPERATIONS {
        for path in filled(path) {
            for level in Level::ALL {
                if !offered.contains(&level) {
                    assert!(!ops::allowed(method, &path, &[level]), "{method} {path} for {level}");
                }
            }
        }
        for level in *offered {
            assert!(
                filled(path).iter().any(|p| ops::allowed(method, p, &[*level])),
                "{method} {path} for {level}"
            );
        }
    }
    for (method, path) in UNLISTED {
        assert!(filled(path).iter().all(|p| !ops::allowed(method, p, &Level::ALL)), "{method} {path}");
    }
}

/// The closed list names no operation that this table does not know.
#[test]
fn s18_the_closed_list_holds_nothing_else() {
    for (method, path, level) in ops::ALLOWED {
        let path = ["{image}", "{reference}", "{repository}"]
            .iter()
            .fold((*path).to_owned(), |p, place| p.replace(place, "{name}"));
        let known =
            |(m, p, offered): &&(&str, &str, &[Level])| m == method && *p == path && offered.contains(level);
        assert!(OPERATIONS.iter().any(|row| known(&row)), "{method} {path} for {level}: no row says so");
    }
}

/// Whatever is written around a path that is never sent, it is not sent.
#[test]
fn s18_no_spelling_of_a_path_passes() {
    for (method, path, _) in OPERATIONS {
        for path in filled(path) {
            for other in [
                format!("/v1.45{path}"),
                format!("/{path}"),
                format!("{path}/"),
                format!("{path}?x=1"),
                format!("{path}#x"),
                format!("{path}\r\nHost: x"),
                format!("/containers/..{path}"),
                path.to_uppercase(),
                path.replace('/', "%2f"),
                path.replacen('/', "", 1),
            ] {
                assert!(other == path || !ops::allowed(method, &other, &Level::ALL), "{method} {other}");
            }
            assert!(!ops::allowed(&method.to_lowercase(), &path, &Level::ALL), "{method} {path}");
        }
    }
}
