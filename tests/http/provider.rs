//! The identity provider itself: it hangs, it goes, it changes its keys, it is somebody else.

use std::time::{Duration, Instant};

use serde_json::json;

use super::oidc::{logged, policy, provider};
use super::{Served, keys};
use crate::support::faultd::tls::Authority;
use crate::support::issuer::{Does, Issuer, Signer};
use crate::support::{Launch, eventually};

#[test]
fn a_provider_that_hangs_holds_nobody_up() {
    let (issuer, signer, config, viewer) = provider();
    issuer.does(Does::Hangs);
    let served = Served::start(Launch::without_engine().config(&config));
    let token = signer.token(&issuer.claims("ann", &json!("viewer")));
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    let start = Instant::now();
                    (policy(&served, &token), start.elapsed())
                })
            })
            .collect();
        assert!(
            eventually(Duration::from_secs(10), || !issuer.asked().is_empty()),
            "nobody asked the provider"
        );
        assert_eq!(policy(&served, &viewer).status, 200, "keys go on working");
        assert!(waiting.iter().any(|one| !one.is_finished()), "and do not wait for it");
        for one in waiting {
            let (reply, took) = one.join().unwrap();
            assert_eq!(reply.status, 503, "{reply:?}");
            assert!(
                reply.header("retry-after").is_some() && reply.body.contains("identity provider"),
                "{reply:?}"
            );
            assert!(took < Duration::from_secs(20), "{took:?}");
        }
    });
    assert_eq!(issuer.asked().len(), 1, "one of them asked for all");
    // The next ones are answered at once, and nobody is to blame: no address has to wait.
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(policy(&served, &token).status, 503);
    }
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(issuer.asked().len(), 1);
    assert_eq!(policy(&served, &viewer).status, 200);
    logged(&served, "no answer within");
    issuer.does(Does::Answers);
    let back = || policy(&served, &token).status == 200;
    assert!(eventually(Duration::from_secs(60), back), "{}", served.client.stderr());
}

#[test]
fn new_keys_are_found_and_withdrawn_ones_forgotten_without_hammering() {
    let (issuer, signer, config, _) = provider();
    let served = Served::start(Launch::without_engine().config(&config));
    let claims = issuer.claims("ann", &json!("viewer"));
    assert_eq!(policy(&served, &signer.token(&claims)).status, 200);
    // Whatever ids callers make up, the provider is not asked again so soon.
    for id in ["a", "b", "c"] {
        assert_eq!(policy(&served, &Signer::new(id, "ES256").token(&claims)).status, 401);
    }
    assert_eq!(issuer.asked().len(), 2, "{:?}", issuer.asked());
    // A key without an id, one of an unknown kind and a shared secret do not disturb the others.
    let next = Signer::new("next", "EdDSA");
    issuer.keys(vec![
        json!({ "kty": "AKP", "kid": "x", "alg": "ML-DSA-44", "pub": "AA" }),
        json!({ "kty": "oct", "kid": "secret", "k": "c2VjcmV0" }),
        json!({ "nonsense": true }),
        next.jwk(),
    ]);
    std::thread::sleep(Duration::from_secs(11));
    let reply = policy(&served, &next.token(&claims));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(issuer.asked().len(), 4, "{:?}", issuer.asked());
    assert_eq!(policy(&served, &signer.token(&claims)).status, 401, "it was withdrawn");
    assert_eq!(policy(&served, &next.token(&claims)).status, 200);
    // With the provider gone, what is known goes on working.
    issuer.does(Does::Says(String::new()));
    assert_eq!(policy(&served, &next.token(&claims)).status, 200);
}

#[test]
fn a_provider_that_is_not_ours_is_not_believed() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://localhost/\r\ncontent-length: 0\r\n\r\n";
    let long =
        format!("HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n{{\"x\": \"{}\"}}", "y".repeat(2_999_991));
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n\"{}", "y".repeat(3_000_000));
    let says = |text: &str| {
        let text = text.to_owned();
        move |issuer: &Issuer| issuer.does(Does::Says(text.clone()))
    };
    type Turn = Box<dyn Fn(&Issuer)>;
    let rows: Vec<(&str, Turn)> = vec![
        (
            "it says that it is `https://other.example`",
            Box::new(|it| it.says_of_itself("issuer", "https://other.example")),
        ),
        ("letter by letter", Box::new(|it| it.says_of_itself("issuer", &format!("{}/", it.name)))),
        ("redirects are not followed", Box::new(says(moved))),
        ("length limit exceeded", Box::new(says(&long))),
        ("length limit exceeded", Box::new(says(&endless))),
        ("404", Box::new(says("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"))),
        ("is no JSON", Box::new(says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n<>"))),
        (
            "no key that tokens can be checked with",
            Box::new(|it| it.keys(vec![json!({ "kty": "oct", "k": "AA" })])),
        ),
        ("is not fetched", Box::new(|it| it.says_of_itself("jwks_uri", "ftp://localhost/keys"))),
        ("only https:// is", Box::new(|it| it.says_of_itself("jwks_uri", "http://192.0.2.1/keys"))),
        // No program of a user may listen there.
        ("refused", Box::new(|it| it.says_of_itself("jwks_uri", "http://127.0.0.1:1/keys"))),
        ("is no address", Box::new(|it| it.says_of_itself("jwks_uri", "http://x@localhost/"))),
    ];
    for (words, turn) in rows {
        let (issuer, signer, config, viewer) = provider();
        turn(&issuer);
        let served = Served::start(Launch::without_engine().config(&config));
        let reply = policy(&served, &signer.token(&issuer.claims("ann", &json!("viewer"))));
        assert_eq!(reply.status, 503, "{words}: {reply:?}");
        logged(&served, words);
        assert_eq!(policy(&served, &viewer).status, 200);
    }
}

#[test]
fn over_tls_the_provider_must_be_who_it_is() {
    let (ours, other) = (Authority::new(), Authority::new());
    let signer = Signer::new("one", "ES256");
    for (authority, name, status) in
        [(&ours, "localhost", 200), (&other, "localhost", 503), (&ours, "elsewhere", 503)]
    {
        let issuer = Issuer::over_tls(&[&signer], authority.server(name, 2100));
        assert!(issuer.name.starts_with("https://localhost:"));
        let (config, ..) = keys(&issuer.config());
        let roots = ours.ca();
        let launch = Launch::without_engine().config(&config).env("SSL_CERT_FILE", roots.to_str().unwrap());
        let served = Served::start(launch);
        let reply = policy(&served, &signer.token(&issuer.claims("ann", &json!("viewer"))));
        assert_eq!(reply.status, status, "{name}: {reply:?} {}", served.client.stderr());
        let asked = if status == 200 { 2 } else { 0 };
        assert_eq!(issuer.asked().len(), asked, "{name}");
    }
    // Nor are its keys read in clear, where somebody on the way could put in others.
    let issuer = Issuer::over_tls(&[&signer], ours.server("localhost", 2100));
    let clear = Issuer::new(&[&signer]);
    issuer.says_of_itself("jwks_uri", &format!("{}/keys", clear.name));
    let launch = Launch::without_engine().config(&keys(&issuer.config()).0);
    let served = Served::start(launch.env("SSL_CERT_FILE", ours.ca().to_str().unwrap()));
    let reply = policy(&served, &signer.token(&issuer.claims("ann", &json!("viewer"))));
    assert_eq!(reply.status, 503, "{reply:?}");
    logged(&served, "only https:// is");
    assert!(clear.asked().is_empty());
}

#[test]
fn doctor_asks_the_provider() {
    let (issuer, _, config, _) = provider();
    let doctor = || {
        let output = Launch::without_engine().config(&config).arg("doctor").output();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = doctor();
    assert!(said.contains(&format!("{} signs with 1 keys", issuer.name)), "{said}");
    issuer.says_of_itself("issuer", "https://other.example");
    let said = doctor();
    assert!(said.contains("it says that it is `https://other.example`"), "{said}");
}
