//! Callers with a token of an identity provider.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Served, keys};
use crate::support::http::Reply;
use crate::support::issuer::{Issuer, Signer, base64url, now};
use crate::support::{Launch, eventually};

/// A provider with one key, its key, and a configuration with our own keys beside.
pub(super) fn provider() -> (Issuer, Signer, String, String) {
    let signer = Signer::new("one", "ES256");
    let issuer = Issuer::new(&[&signer]);
    let (config, viewer, _) = keys(&issuer.config());
    (issuer, signer, config, viewer)
}

pub(super) fn policy(served: &Served, bearer: &str) -> Reply {
    served.tool("docker_policy", Some(bearer), &json!({}))
}

#[test]
fn a_token_lets_in_by_its_role_and_under_its_name() {
    let signers = ["ES256", "ES384", "EdDSA"].map(|algorithm| Signer::new(algorithm, algorithm));
    let issuer = Issuer::new(&signers.each_ref());
    // With everything in the log that there is.
    let (config, viewer, _) = keys(&format!("{}[log]\nlevel = \"trace\"\n", issuer.config()));
    let served = Served::start(Launch::without_engine().config(&config));
    let mut tokens = Vec::new();
    for signer in &signers {
        let id = &signer.id;
        for (subject, role, lifecycle) in
            [("ann", json!("viewer"), false), ("ben", json!(["staff", "operator"]), true)]
        {
            let token = signer.token(&issuer.claims(subject, &role));
            let reply = policy(&served, &token);
            assert_eq!(reply.status, 200, "{id} {subject}: {reply:?}");
            assert_eq!(reply.json()["levels"]["lifecycle"], lifecycle, "{id} {subject}: {reply:?}");
            tokens.push(token);
        }
    }
    // By MCP as well, and each sees its own tools.
    let lists = |token: &str| {
        let reply = served.mcp(Some(token), "tools/list", json!({}));
        let tools = reply.json()["result"]["tools"].as_array().unwrap_or_else(|| panic!("{reply:?}")).clone();
        tools.iter().any(|tool| tool["name"] == "docker_pause")
    };
    assert!(!lists(&tokens[0]) && lists(&tokens[1]));
    assert_eq!(policy(&served, &viewer).status, 200, "keys go on working");
    let asked = issuer.asked();
    assert_eq!(asked, ["/.well-known/openid-configuration", "/keys"], "once for all of them");
    for (name, role) in [("oidc:ann", "viewer"), ("oidc:ben", "operator"), ("viewer", "viewer")] {
        let is_there = || {
            let lines = served.client.audit_lines();
            lines.iter().any(|line| line["caller"] == name && line["role"] == role)
        };
        assert!(eventually(Duration::from_secs(10), is_there), "{name}: {}", served.client.audit_text());
    }
    let (log, audit) = (served.client.stderr(), served.client.audit_text());
    for token in &tokens {
        for part in token.split('.').skip(1).chain([token.as_str()]) {
            assert!(!log.contains(part) && !audit.contains(part), "a token was written down: {log} {audit}");
        }
    }
    assert!(!log.contains(&viewer) && !audit.contains(&viewer), "a key was written down: {log} {audit}");
}

/// So many lines of the audit have these words, once they are written.
fn on_record(served: &Served, words: &str, times: usize) {
    let found = || served.client.audit_text().matches(words).count();
    eventually(Duration::from_secs(10), || found() >= times);
    assert_eq!(found(), times, "{words}: {}", served.client.audit_text());
}

/// The log has these words, once they are written.
pub(super) fn logged(served: &Served, words: &str) {
    let found = || served.client.stderr().contains(words);
    assert!(eventually(Duration::from_secs(10), found), "{words}: {}", served.client.stderr());
}

/// A change to the claims of a token that is fine.
fn with(claims: &Value, key: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(key)),
        value => claims[key] = value,
    }
    claims
}

#[test]
fn what_is_no_token_for_us_lets_nobody_in() {
    let (issuer, signer, config, _) = provider();
    let fine = issuer.claims("ann", &json!("operator"));
    let header = |alg: &str| json!({ "alg": alg, "kid": "one", "typ": "JWT" });
    let tampered = {
        let token = signer.token(&issuer.claims("ann", &json!("viewer")));
        let parts: Vec<&str> = token.split('.').collect();
        format!("{}.{}.{}", parts[0], base64url(fine.to_string()), parts[2])
    };
    // The public key as the secret, in the forms that a library could take it in.
    let public = {
        let message = format!("{}.{}", base64url(header("HS256").to_string()), base64url(fine.to_string()));
        let of = |secret: &[u8]| {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
            format!("{message}.{}", base64url(ring::hmac::sign(&key, message.as_bytes())))
        };
        [of(&signer.public()), of(&signer.public()[1..]), of(signer.jwk().to_string().as_bytes())]
    };
    let none = |alg: &str, signature: &str| {
        format!("{}.{}.{signature}", base64url(header(alg).to_string()), base64url(fine.to_string()))
    };
    let other = Signer::new("one", "ES256");
    let unknown = Signer::new("two", "ES256");
    let mut inline = header("ES256");
    (inline["kid"], inline["jwk"]) = (json!("two"), unknown.jwk());
    let mut critical = header("ES256");
    (critical["crit"], critical["exp"]) = (json!(["exp"]), json!(1));
    let good = signer.token(&fine);
    let signature = good.rsplit('.').next().unwrap().to_owned();
    let claim = |key: &str, value: Value| signer.token(&with(&fine, key, value));
    let invalid = [
        ("expired", claim("exp", json!(now() - 60)), "has expired"),
        ("never ends", claim("exp", Value::Null), "lacks"),
        ("ends in words", claim("exp", json!("tomorrow")), "lacks"),
        ("not yet", claim("nbf", json!(now() + 300)), "not valid yet"),
        ("begins in words", claim("nbf", json!("0")), "another form"),
        ("another audience", claim("aud", json!("other")), "another audience"),
        ("other audiences", claim("aud", json!(["other", "docker-mcp/x"])), "another audience"),
        ("no audience", claim("aud", Value::Null), "lacks"),
        ("another issuer", claim("iss", json!("https://evil.example")), "another issuer"),
        ("nearly the issuer", claim("iss", json!(format!("{}/", issuer.name))), "another issuer"),
        ("issuers", claim("iss", json!([issuer.name, "https://evil.example"])), "another issuer"),
        ("no issuer", claim("iss", Value::Null), "lacks"),
        ("no subject", claim("sub", Value::Null), "lacks"),
        ("an empty subject", claim("sub", json!("")), "subject is no name"),
        ("lines in the subject", claim("sub", json!("ann\nviewer")), "subject is no name"),
        ("letters that look alike", claim("sub", json!("\u{202e}nna")), "subject is no name"),
        ("a long subject", claim("sub", json!("a".repeat(256))), "subject is no name"),
        ("tampered", tampered, "signature is wrong"),
        ("alg none", none("none", ""), "no token of"),
        ("alg None", none("None", ""), "no token of"),
        ("alg none, signed", none("none", &signature), "no token of"),
        ("no signature", none("ES256", ""), "signature is wrong"),
        ("HS256 with the point", public[0].clone(), "algorithm is not accepted"),
        ("HS256 with the bare point", public[1].clone(), "algorithm is not accepted"),
        ("HS256 with the JWK", public[2].clone(), "algorithm is not accepted"),
        ("another algorithm's name", signer.signed(&header("ES384"), &fine), "no such key"),
        ("RS256 with a curve's key", signer.signed(&header("RS256"), &fine), "no such key"),
        ("EdDSA with another curve's key", signer.signed(&header("EdDSA"), &fine), "no such key"),
        ("a key of the same id", other.token(&fine), "signature is wrong"),
        ("an unknown key", unknown.token(&fine), "no such key"),
        ("its own key in its head", unknown.signed(&inline, &fine), "no such key"),
        ("what must be understood", signer.signed(&critical, &fine), "no token of"),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned(), "no token of"),
        ("four parts", format!("{good}.x"), "no token of"),
        ("five parts", "a.b.c.d.e".to_owned(), "no token of"),
        ("nothing", String::new(), "no token of"),
    ];
    // Wrong ones make their address wait: a server for each few.
    for rows in invalid.chunks(4) {
        let served = Served::start(Launch::without_engine().config(&config));
        for (what, token, words) in rows {
            let reply = policy(&served, token);
            assert_eq!(reply.status, 401, "{what}: {reply:?}");
            assert!(reply.body.contains(words), "{what}: {reply:?}");
            let told = reply.header("www-authenticate").unwrap();
            assert!(told.contains("error=\"invalid_token\""), "{what}: {told}");
            assert!(told.contains("/.well-known/oauth-protected-resource/mcp\""), "{what}: {told}");
        }
        // Each of them differs from this one in one thing.
        assert_eq!(policy(&served, &good).status, 200);
        on_record(&served, "\"(auth)\"", rows.len());
    }
    let no_role = [
        ("no claim", claim("role", Value::Null)),
        ("an unknown one", claim("role", json!("root"))),
        ("another case", claim("role", json!("Operator"))),
        ("a list in a word", claim("role", json!("operator viewer"))),
        ("several", claim("role", json!(["viewer", "operator"]))),
        ("an object", claim("role", json!({ "operator": true }))),
        ("none of a list", claim("role", json!([]))),
    ];
    let served = Served::start(Launch::without_engine().config(&config));
    for (what, token) in &no_role {
        let reply = policy(&served, token);
        assert_eq!(reply.status, 403, "{what}: {reply:?}");
        let told = reply.header("www-authenticate").unwrap();
        assert!(told.contains("error=\"insufficient_scope\""), "{what}: {told}");
        assert!(reply.body.contains("claim `role`"), "{what}: {reply:?}");
    }
    on_record(&served, "a token of oidc:ann, without a role", no_role.len());
}

#[test]
fn wrong_tokens_wait_as_wrong_keys_do() {
    let (issuer, signer, config, viewer) = provider();
    let served = Served::start(Launch::without_engine().config(&config));
    let claims = issuer.claims("ann", &json!("viewer"));
    let stranger = Signer::new("one", "ES256").token(&claims);
    for wrong in [&stranger, &"dmcp_wrong".to_owned(), &stranger, &"x".to_owned(), &stranger] {
        assert_eq!(policy(&served, wrong).status, 401);
    }
    let waits = policy(&served, &signer.token(&claims));
    assert_eq!(waits.status, 429, "a token is work to check: {waits:?}");
    assert!(waits.header("retry-after").is_some());
    assert_eq!(policy(&served, &viewer).status, 200, "a right key is found without");
    on_record(&served, "\"(auth)\"", 5);
}

#[test]
fn who_has_no_token_is_told_where_to_get_one() {
    const PATH: &str = "/.well-known/oauth-protected-resource";
    let (issuer, _, config, _) = provider();
    let served = Served::start(Launch::without_engine().config(&config));
    for path in [PATH.to_owned(), format!("{PATH}/mcp")] {
        let host = format!("localhost:{}", served.at.port());
        let reply = served.send("GET", &path, &[("host", &host)], "");
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json()["resource"], format!("http://{host}/mcp"));
        assert_eq!(reply.json()["authorization_servers"], json!([issuer.name]));
        assert_eq!(reply.json()["bearer_methods_supported"], json!(["header"]));
        assert_eq!(served.send("GET", &path, &[("host", "evil.example")], "").status, 403);
        assert_eq!(served.send("POST", &path, &[], "").status, 405);
    }
    assert_eq!(served.send("GET", &format!("{PATH}/other"), &[], "").status, 404);
    let nobody = served.tool("docker_policy", None, &json!({}));
    let told = nobody.header("www-authenticate").unwrap().to_owned();
    assert_eq!(nobody.status, 401);
    assert_eq!(told, format!("Bearer resource_metadata=\"http://localhost{PATH}/mcp\""));
    assert_eq!(served.mcp(None, "tools/list", json!({})).header("www-authenticate"), Some(&*told));
    assert!(issuer.asked().is_empty(), "it was not asked for any of this");
    // Behind a proxy with another name.
    let more = format!("{}resource = \"https://tools.example/docker/mcp\"\n", issuer.config());
    let named = Served::start(Launch::without_engine().config(&keys(&more).0));
    let reply = named.send("GET", &format!("{PATH}/docker/mcp"), &[], "");
    assert_eq!(reply.json()["resource"], "https://tools.example/docker/mcp", "{reply:?}");
    // Without a provider there is nothing of this.
    let without = Served::start(Launch::without_engine().config(&keys("").0));
    assert_eq!(without.send("GET", PATH, &[], "").status, 404);
}

#[test]
fn with_a_provider_nobody_comes_in_without_a_token() {
    let signer = Signer::new("one", "ES256");
    let issuer = Issuer::new(&[&signer]);
    // No key at all, and the loopback: who is local without it is nobody with it.
    let config = format!("[permissions]\nread = true\n[roles.viewer]\nread = true\n{}", issuer.config());
    let served = Served::start(Launch::without_engine().config(&config));
    assert_eq!(served.tool("docker_policy", None, &json!({})).status, 401);
    let token = signer.token(&issuer.claims("ann", &json!("viewer")));
    assert_eq!(policy(&served, &token).status, 200);
    // One caller's session is nobody else's, also of the same role.
    let both = ("accept", "application/json, text/event-stream");
    let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" } } });
    let send = |token: &str, session: &str, body: &Value| {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json"), both, ("authorization", &*bearer)];
        if !session.is_empty() {
            headers.extend([("mcp-session-id", session), ("mcp-protocol-version", "2025-11-25")]);
        }
        served.send("POST", "/mcp", &headers, &body.to_string())
    };
    let begun = send(&token, "", &begin);
    let session = begun.header("mcp-session-id").unwrap_or_else(|| panic!("{begun:?}")).to_owned();
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    let other = signer.token(&issuer.claims("ben", &json!("viewer")));
    assert_eq!(send(&other, &session, &list).status, 404);
    assert_eq!(send(&token, &session, &list).status, 200);
    // Renewed, it is the same caller.
    let renewed = signer.token(&with(&issuer.claims("ann", &json!("viewer")), "jti", json!("2")));
    assert_eq!(send(&renewed, &session, &list).status, 200);
    // And with its end it is over, session or not.
    let over = signer.token(&with(&issuer.claims("ann", &json!("viewer")), "exp", json!(now() - 60)));
    assert_eq!(send(&over, &session, &list).status, 401);
}

#[test]
fn a_key_cannot_have_the_name_of_a_token() {
    let (config, ..) = keys("");
    let config = config.replace("name = \"viewer\"", "name = \"oidc:ann\"");
    assert!(config.contains("oidc:ann"));
    let output =
        Launch::without_engine().config(&config).arg("serve").arg("--http").arg("127.0.0.1:0").output();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("`oidc:` stands before the names of callers with a token"), "{said}");
}
