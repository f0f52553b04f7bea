//! Credentials from files and helpers.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn env(config: &str) -> (tempfile::TempDir, Env) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.json"), config).unwrap();
    let vars = [("DOCKER_CONFIG".to_owned(), dir.path().display().to_string())];
    let env = Env { vars: vars.into(), ..Env::default() };
    (dir, env)
}

fn said(header: Option<HeaderValue>) -> Value {
    let header = header.unwrap();
    serde_json::from_slice(&URL_SAFE.decode(header.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn each_registry_gets_its_own_alone() {
    let pair = |text: &str| BASE64.encode(text);
    let config = json!({ "auths": {
        "https://index.docker.io/v1/": { "auth": pair("hub:of:colons") },
        "r.example:5000": { "auth": pair("myself:?>?>~~") },
        "https://Token.example/v2/": { "identitytoken": "tok" },
        "plain.example": { "username": "u", "password": "p" },
        "kept.example": {},
        "bad.example": { "auth": "%%%" },
    } });
    let (_dir, env) = env(&config.to_string());
    let header = async |registry: &str| find(&env, registry).await.credentials.map(|c| c.header());
    let hub = said(header("docker.io").await.unwrap());
    assert_eq!(hub, json!({ "username": "hub", "password": "of:colons", "serveraddress": HUB }));
    let other = said(header("r.example:5000").await.unwrap());
    assert_eq!((&other["username"], &other["password"]), (&json!("myself"), &json!("?>?>~~")));
    assert_eq!(said(header("token.example").await.unwrap())["identitytoken"], "tok");
    assert_eq!(said(header("plain.example").await.unwrap())["username"], "u");
    for none in ["r.example", "r.example:5001", "example:5000", "kept.example", "evil.example", ""] {
        assert_eq!(find(&env, none).await, Found::default(), "{none}");
    }
    let bad = find(&env, "bad.example").await;
    assert!(bad.credentials.is_none() && bad.trouble.is_some());
    let shown = format!("{:?}", find(&env, "r.example:5000").await);
    assert!(!shown.contains("?>") && !shown.contains("myself"), "{shown}");
}

#[tokio::test]
async fn a_file_that_is_no_configuration_is_said() {
    let (_dir, broken) = env("{ no");
    assert!(find(&broken, "docker.io").await.trouble.is_some());
    let nowhere =
        Env { vars: [("DOCKER_CONFIG".to_owned(), "/nonexistent".to_owned())].into(), ..Env::default() };
    assert_eq!(find(&nowhere, "docker.io").await, Found::default());
}

#[tokio::test]
async fn helpers_have_two_seconds_and_no_say_in_the_words() {
    let dir = tempfile::tempdir().unwrap();
    let helper = async |script: &str| {
        let path = dir.path().join("docker-credential-x");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        // By its path: the environment of this process is everybody's.
        ask_program(path.to_str().unwrap(), "r.example").await
    };
    let good =
        helper("read server; echo '{\"Username\":\"'$server'\",\"Secret\":\"s3\"}'").await.unwrap().unwrap();
    assert_eq!((good.user.as_str(), good.secret.as_str()), ("r.example", "s3"));
    assert_eq!(helper("echo credentials not found in native keychain; exit 1").await, Ok(None));
    let failed = helper("echo the-secret-word; echo the-secret-word >&2; exit 3").await.unwrap_err();
    assert!(failed.contains("failed") && !failed.contains("secret-word"), "{failed}");
    assert!(helper("echo hello").await.unwrap_err().contains("no helper says"));
    let began = std::time::Instant::now();
    assert!(helper("sleep 60").await.unwrap_err().contains("2 s"));
    assert!(began.elapsed() < Duration::from_secs(4));
    for bad in ["../x", "a b", "", &"x".repeat(65)] {
        assert!(ask(bad, "r.example").await.is_err(), "{bad}");
    }
    assert!(ask("docker-mcp-nosuch", "r.example").await.unwrap_err().contains("no `docker-credential-"));
}
