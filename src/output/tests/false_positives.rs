use super::{Learned, Redactor, hex, masked};
use crate::output::EnvMode;

#[test]
fn what_is_no_secret_stays() {
    let digest = format!("sha256:{}", hex(64, 1));
    let id = hex(64, 2);
    let git = hex(40, 3);
    for line in [
        digest.as_str(),
        &id,
        &git,
        &format!("commit {git} by Bob"),
        &format!("myorg/app@{digest}"),
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "token_count=5",
        "max_tokens: 4096, tokens=512, token=5",
        "monkey=banana",
        "keyboard: us, hotkey=ctrl",
        "author: Bob",
        "Author: Bob Jones <bob@example.com>",
        "the password was changed",
        "error: invalid password: must be 8 characters long",
        "Unable to get token: connection refused",
        "password: ${DB_PASSWORD}",
        "password=$DB_PASSWORD",
        "password=***",
        "password=[redacted]",
        "password: null, secret: none, token=\"\"",
        "\"password\": true",
        "POSTGRES_PASSWORD_FILE=/run/secrets/pg",
        "secret=/run/secrets/pg",
        "--password-file /run/secrets/pg --token-ttl 5",
        "docker login --password-stdin",
        "auth=ldap auth: basic",
        "Basic authentication required",
        "Bearer authentication failed",
        "auth_method: scram-sha-256",
        "--- PASS: TestThing (0.01s)",
        "PASS: 12 FAIL: 0",
        "compass: north, bypass: on",
        "tokenizer: bpe",
        "https://example.com:8080/a/@scope/pkg?x=1",
        "ssh://git@github.com/org/repo.git",
        "2024-05-01T12:00:00.123Z INFO listening on 0.0.0.0:8080",
        "/usr/local/bin:/usr/bin",
        "task-runner risk-assessment-module-for-everyone disk-usage-monitoring-2024",
        "GET /api/v1/keys?limit=10 200 12ms",
        "level=info msg=\"key rotated\" count=3",
        "v1.2.3-rc.1+build.5",
        "PWD=/app",
        "Secrets: db-pass, api-pass",
        "password authentication failed for user \"app2\"",
        "Token: refresh failed; credentials: missing",
        "confirm_token=abc123def456",
        "ssh_auth_sock=/tmp/agent",
        "connection: keep-alive",
        "/data/secret:/x docker pull org/auth-token:v1.2 my-token:latest",
        "mount type=bind,source=/data,target=/data",
    ] {
        assert_eq!(masked(line), line);
    }
}

#[test]
fn environments() {
    let r = Redactor::default();
    let url = ["postgres://u:", "pw12345@db/x"].concat();
    for (key, value) in [
        ("DB_PASSWORD", "x"),
        ("api_key", "1"),
        ("MY_DSN", "whatever"),
        ("DATABASE_URL", url.as_str()),
        ("PLAIN", "q8Zx2LmP0vRt6YwKs3Nf"),
        ("NOTE", "say password=hunter2 please"),
    ] {
        let shown = r.env_value(key, value);
        assert!(
            shown.starts_with("[redacted") && shown.ends_with(']') && shown.len() <= 17,
            "{key}: {shown}"
        );
    }
    let digest = format!("sha256:{}", hex(64, 1));
    for (key, value) in [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"),
        ("NODE_VERSION", "20.11.1"),
        ("IMAGE_DIGEST", digest.as_str()),
        ("PYTHON_SHA256", &hex(64, 9)),
        ("REQUEST_ID", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
        ("HOMEPAGE", "https://example.com/a?b=c"),
        ("JAVA_OPTS", "-Xmx512m -XX:+UseG1GC"),
        ("DB_PASSWORD", ""),
    ] {
        assert_eq!(r.env_value(key, value), value, "{key}");
    }
    let keys: Vec<String> = vec!["*PASS*".to_owned()];
    let with = |env| {
        Redactor::new(crate::output::Options {
            enabled: true,
            env,
            env_keys: &keys,
            learn: true,
            patterns: vec![],
        })
    };
    assert_eq!(with(EnvMode::All).env_value("PATH", "/bin"), "[redacted]");
    assert_eq!(with(EnvMode::Off).env_value("PASSWORD", "x"), "x");
    let off = crate::output::Options {
        enabled: false,
        env: EnvMode::All,
        env_keys: &keys,
        learn: true,
        patterns: vec![],
    };
    let off = Redactor::new(off);
    assert_eq!(off.text("password=hunter2", &Learned::default()), "password=hunter2");
    assert_eq!(off.env_value("PASSWORD", "x"), "x");
}

#[test]
fn patterns_of_the_user_are_added() {
    let options = crate::output::Options {
        enabled: true,
        env: EnvMode::Secrets,
        env_keys: &[],
        learn: true,
        patterns: vec![regex::Regex::new("ACME-[0-9]+").unwrap()],
    };
    let r = Redactor::new(options);
    assert_eq!(r.text("id ACME-123 password=x1", &Learned::default()), "id [redacted] password=[redacted]");
}
