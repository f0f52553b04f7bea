use super::*;
use std::os::unix::net::UnixListener;
use std::path::Path;
use tempfile::TempDir;

/// A home folder in a folder that also stands for `/`.
struct Place {
    dir: TempDir,
    env: Env,
}

impl Place {
    fn new(vars: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let env = Env {
            vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            home: Some(dir.path().join("home/me")),
            uid: Some(1000),
            root: dir.path().to_owned(),
        };
        Self { dir, env }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn socket(&self, path: &str) -> String {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        drop(UnixListener::bind(&path).unwrap());
        format!("unix://{}", path.display())
    }

    /// A context; returns the folder of its TLS files.
    fn context(&self, name: &str, docker: &str) -> String {
        let digest = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$0\" | sha256sum | cut -c1-64", name])
            .output()
            .unwrap();
        let digest = String::from_utf8(digest.stdout).unwrap().trim().to_owned();
        let meta = format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{docker}}}}}"#);
        self.write(&format!("home/me/.docker/contexts/meta/{digest}/meta.json"), &meta);
        format!("home/me/.docker/contexts/tls/{digest}/docker")
    }

    fn found(&self) -> (String, String) {
        let found = discover(&Options::default(), &self.env).unwrap();
        (found.endpoint.to_string(), found.why)
    }

    fn error(&self) -> String {
        discover(&Options::default(), &self.env).unwrap_err().to_string()
    }
}

fn host(text: &str) -> Options {
    Options { host: Some(text.into()), ..Options::default() }
}

#[test]
fn the_configuration_leads_then_docker_host_then_contexts() {
    let mut place = Place::new(&[("DOCKER_HOST", "tcp://env:1"), ("DOCKER_CONTEXT", "prod")]);
    place.context("prod", r#"{"Host":"ssh://me@prod"}"#);
    place.context("dev", r#"{"Host":"tcp://dev:1"}"#);
    place.write("home/me/.docker/config.json", r#"{"auths":{},"currentContext":"dev"}"#);

    let found = discover(&host("tcp://conf:1"), &place.env).unwrap();
    assert_eq!(
        (found.endpoint.to_string().as_str(), found.why.contains("configuration")),
        ("tcp://conf:1", true)
    );
    let socket = Options { socket: Some("/s".into()), host: Some(" ".into()), tls: None };
    assert_eq!(discover(&socket, &place.env).unwrap().endpoint.to_string(), "unix:///s");
    let both = Options { socket: Some("/s".into()), ..host("tcp://conf:1") };
    assert!(discover(&both, &place.env).unwrap_err().to_string().contains("both"));
    let relative = Options { socket: Some("s".into()), ..Options::default() };
    assert!(discover(&relative, &place.env).is_err());

    assert_eq!(place.found(), ("tcp://env:1".into(), "DOCKER_HOST".into()));
    place.env.vars.insert("DOCKER_HOST".into(), String::new());
    assert_eq!(place.found(), ("ssh://me@prod".into(), "context `prod` (DOCKER_CONTEXT)".into()));
    place.env.vars.remove("DOCKER_CONTEXT");
    let (endpoint, why) = place.found();
    assert_eq!(endpoint, "tcp://dev:1");
    assert!(why.starts_with("context `dev` (currentContext of /") && why.ends_with("config.json)"), "{why}");

    place.env.vars.insert("DOCKER_CONTEXT".into(), "default".into());
    assert_eq!(place.found().0, "unix:///var/run/docker.sock", "`default` passes currentContext by");
}

#[test]
fn docker_config_moves_the_store() {
    let mut place = Place::new(&[]);
    place.context("far", r#"{"Host":"tcp://far:1"}"#);
    let moved = place.dir.path().join("home/me/.docker");
    place.write("home/me/.docker/config.json", r#"{"currentContext":"far"}"#);
    place.env.home = None;
    assert_eq!(place.found().0, "unix:///var/run/docker.sock");
    place.env.vars.insert("DOCKER_CONFIG".into(), moved.display().to_string());
    assert_eq!(place.found().0, "tcp://far:1");
}

#[test]
fn a_context_that_is_not_there_lists_those_that_are() {
    let place = Place::new(&[("DOCKER_CONTEXT", "prdo")]);
    assert!(place.error().ends_with("known: default"), "{}", place.error());
    place.context("prod", r#"{"Host":"tcp://prod:1"}"#);
    place.context("dev", r#"{"Host":"tcp://dev:1"}"#);
    let error = place.error();
    assert!(error.contains("`prdo`") && error.ends_with("known: default, dev, prod"), "{error}");
}

#[test]
fn broken_files_are_errors_that_do_not_repeat_them() {
    let place = Place::new(&[]);
    place.write("home/me/.docker/config.json", "{\n\"auths\": hunter2 }");
    assert!(
        place.error().contains("config.json:2:") && !place.error().contains("hunter2"),
        "{}",
        place.error()
    );
    place.write("home/me/.docker/config.json", &format!("{{}}{}", " ".repeat(1024 * 1024)));
    assert!(place.error().contains("larger than 1 MiB"), "{}", place.error());
    place.write("home/me/.docker/config.json", r#"{"currentContext":"../../x"}"#);
    assert!(place.error().contains("letters"), "{}", place.error());
    place.write("home/me/.docker/config.json", r#"{"currentContext":"kube"}"#);
    place.context("kube", "null");
    assert!(place.error().contains("no docker endpoint"), "{}", place.error());
    place.context("kube", r#"{"Host":"ssh://-oX@h"}"#);
    assert!(place.error().contains("`kube`") && place.error().contains("begin with"), "{}", place.error());
    place.context("kube", r#"{"Host":""}"#);
    assert_eq!(place.found().0, "unix:///var/run/docker.sock");
}

fn tls(found: &Discovered) -> &TlsFiles {
    match &found.endpoint {
        Endpoint::Tls { material, .. } => material,
        other => panic!("{other}"),
    }
}

#[test]
fn a_context_brings_its_certificates() {
    let place = Place::new(&[("DOCKER_CONTEXT", "prod")]);
    let dir = place.context("prod", r#"{"Host":"tcp://prod:2376","SkipTLSVerify":false}"#);
    assert_eq!(place.found().0, "tcp://prod:2376");
    for name in ["ca.pem", "cert.pem", "key.pem"] {
        place.write(&format!("{dir}/{name}"), "x");
    }
    let found = discover(&Options::default(), &place.env).unwrap();
    let files = tls(&found);
    let ends = |path: &Option<PathBuf>, name: &str| {
        path.as_ref().is_some_and(|path| path.ends_with(Path::new(name)))
    };
    assert!(files.verify && ends(&files.ca, "docker/ca.pem"));
    assert!(ends(&files.cert, "docker/cert.pem") && ends(&files.key, "docker/key.pem"));
    place.context("prod", r#"{"Host":"tcp://prod:2376","SkipTLSVerify":true}"#);
    assert!(!tls(&discover(&Options::default(), &place.env).unwrap()).verify);
}

#[test]
fn tls_variables_mean_what_they_mean_to_the_cli() {
    let mut place = Place::new(&[("DOCKER_HOST", "tcp://h"), ("DOCKER_CERT_PATH", "/certs")]);
    assert_eq!(place.found().0, "tcp://h:2375", "a folder alone switches nothing on");
    place.env.vars.insert("DOCKER_TLS".into(), "1".into());
    assert!(!tls(&discover(&Options::default(), &place.env).unwrap()).verify);
    place.env.vars.insert("DOCKER_TLS_VERIFY".into(), "0".into());
    let found = discover(&Options::default(), &place.env).unwrap();
    assert_eq!(found.endpoint.to_string(), "https://h:2376");
    let files = tls(&found);
    assert_eq!(
        (files.verify, files.ca.clone(), files.key.clone()),
        (true, Some("/certs/ca.pem".into()), None)
    );
    place.env.vars.remove("DOCKER_CERT_PATH");
    place.write("home/me/.docker/cert.pem", "x");
    let found = discover(&Options::default(), &place.env).unwrap();
    assert!(tls(&found).ca.as_ref().unwrap().ends_with(".docker/ca.pem") && tls(&found).cert.is_some());
    let ours = TlsFiles { ca: Some("/ours.pem".into()), ..TlsFiles::default() };
    let options = Options { tls: Some(ours.clone()), ..Options::default() };
    assert_eq!(tls(&discover(&options, &place.env).unwrap()), &ours, "the configuration's files lead");
    place.env.vars.remove("DOCKER_HOST");
    assert_eq!(place.found().0, "https://localhost:2376", "as the CLI does");
}

#[test]
fn usual_sockets_are_tried_in_order() {
    let mut place = Place::new(&[]);
    assert_eq!(place.found(), ("unix:///var/run/docker.sock".into(), "default socket, none found".into()));
    // From the last to the first: each new one leads.
    for (path, why) in [
        ("run/podman/podman.sock", "Podman"),
        ("run/user/1000/podman/podman.sock", "Podman"),
        ("home/me/.rd/docker.sock", "Rancher Desktop"),
        ("home/me/.orbstack/run/docker.sock", "OrbStack"),
        ("home/me/.colima/default/docker.sock", "Colima"),
        ("home/me/.docker/desktop/docker.sock", "Docker Desktop"),
        ("home/me/.docker/run/docker.sock", "Docker Desktop"),
        ("run/user/1000/docker.sock", "rootless socket"),
    ] {
        let socket = place.socket(path);
        assert_eq!(place.found(), (socket, why.into()));
    }
    let runtime = place.dir.path().join("xdg");
    place.env.vars.insert("XDG_RUNTIME_DIR".into(), runtime.display().to_string());
    let socket = place.socket("xdg/docker.sock");
    assert_eq!(place.found().0, socket);
    place.write("var/run/docker.sock", "a file is no socket");
    assert_eq!(place.found().0, socket);
    std::fs::remove_file(place.dir.path().join("var/run/docker.sock")).unwrap();
    let socket = place.socket("var/run/docker.sock");
    assert_eq!(place.found(), (socket, "default socket".into()));
}
