use super::{Learned, Redactor};
use crate::output::encode;

const CANARY: &str = "Canary7+Tx/42=Zq";

fn show(learned: &Learned, text: &str) -> String {
    Redactor::default().text(text, learned).into_owned()
}

#[test]
fn a_learned_value_is_masked_in_every_form() {
    let learned = Learned::builder().env("SERVICE_PASSWORD", CANARY).build();
    let mut forms = vec![CANARY.to_uppercase(), CANARY.to_lowercase()];
    encode::forms(CANARY, &mut |f| forms.push(f));
    for form in forms {
        for line in [form.clone(), format!("see {form} there"), format!("a{form}b")] {
            let out = show(&learned, &line);
            assert!(out.contains("[redacted]") && !out.contains(&form), "{line} -> {out}");
        }
    }
    // any alignment inside of a longer base64
    for before in ["", "u", "us", "user:"] {
        let mut whole = Vec::new();
        encode::forms(&format!("{before}{CANARY} and more"), &mut |f| whole.push(f));
        for text in whole.iter().filter(|f| !f.to_lowercase().contains("canary")) {
            assert!(show(&learned, text).contains("[redacted]"), "{text}");
        }
    }
}

#[test]
fn what_is_learned_and_what_is_not() {
    let url = ["amqp://worker:", "s3cr3tpass@mq:5672/v"].concat();
    let learned = Learned::builder()
        .env("QUEUE_URL", &url)
        .env("DB", "Server=db;Password=dsnsecret9;User=sa")
        .env("SHORT_TOKEN", "abc1234")
        .env("SECRET_MODE", "production")
        .env("AUTH_HOST", "auth.internal.example")
        .env("KEYCLOAK_URL", "http://keycloak:8080")
        .env("TLS_KEY", "/usr/bin/thing")
        .env("NAME_SECRET", "web-frontend")
        .env("PLAIN", "plainvalue")
        .env("PASSPHRASE", "correcthorse")
        .env_line("API_KEY=k3yk3yk3y")
        .value("certainly1")
        .visible("/web-frontend")
        .build();
    for secret in ["s3cr3tpass", "dsnsecret9", "correcthorse", "k3yk3yk3y", "certainly1"] {
        assert_eq!(show(&learned, &format!("x {secret} y")), "x [redacted] y");
    }
    for plain in [
        "abc1234",
        "production",
        "auth.internal.example",
        "http://keycloak:8080",
        "/usr/bin/thing",
        "web-frontend",
        "plainvalue",
        "worker",
        "mq:5672",
    ] {
        assert_eq!(show(&learned, plain), plain);
    }
    assert!(Learned::builder().build().is_empty());
}

#[test]
fn command_lines_are_learned_from() {
    let learned =
        Learned::builder().argv(["app", "--password", "hunter3hunter3", "--token=abcd1234x", "-v"]).build();
    assert_eq!(show(&learned, "hunter3hunter3 abcd1234x -v app"), "[redacted] [redacted] -v app");
}

#[test]
fn sets_are_merged() {
    let a = Learned::builder().value("first-secret").build();
    let b = Learned::builder().value("second-secret").build();
    let both = a.merge(&b).merge(&Learned::default());
    assert_eq!(show(&both, "first-secret second-secret"), "[redacted] [redacted]");
    assert_eq!(show(&a, "second-secret"), "second-secret");
    assert!(!format!("{both:?}").contains("secret"));
}

#[test]
fn long_values_are_learned() {
    let long = super::noise(20_000, 5);
    let learned = Learned::builder().value(&long).build();
    let out = show(&learned, &format!("a {long} b"));
    assert!(out.len() < 200, "{}", out.len());
    let lines = format!("{}\n{}", super::noise(40, 1), super::noise(40, 2));
    let learned = Learned::builder().env("MY_SECRET", &lines).build();
    assert_eq!(show(&learned, &format!("| {} |", super::noise(40, 2))), "| [redacted] |");
}

#[test]
fn settings_switch_learning_off() {
    let options = crate::output::Options {
        enabled: true,
        env: crate::output::EnvMode::Secrets,
        env_keys: &[],
        learn: false,
        patterns: vec![],
    };
    assert!(Redactor::new(options).learn().value("certainly1").build().is_empty());
}
