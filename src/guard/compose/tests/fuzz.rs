//! Whatever is given, something comes back.

use proptest::prelude::*;

use super::*;

fn words() -> impl Strategy<Value = String> {
    let words = [
        "services",
        ":",
        " ",
        "\n",
        "  ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&a",
        "*a",
        "<<",
        "!reset",
        "!!binary",
        "'",
        "\"",
        "|",
        ">",
        "%YAML 1.2",
        "---",
        "...",
        "?",
        "#",
        "env_file",
        "include",
        "x",
        "\t",
        "é",
        "\u{feff}",
        "\0",
        "~",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..40)
        .prop_map(|words| words.concat())
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|yes| json!(yes)),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        proptest::sample::select(vec![
            "",
            "a",
            "host",
            "/etc",
            "1-70000",
            "container:x",
            "service:db",
            "default",
            "-1",
            "5g",
            "é"
        ])
        .prop_map(|text| json!(text)),
    ];
    let keys = [
        "source",
        "target",
        "type",
        "driver",
        "options",
        "limits",
        "resources",
        "memory",
        "cpus",
        "devices",
        "published",
        "config",
        "test",
        "x-a",
        "name",
        "default",
        "db",
        "soft",
        "condition",
        "file",
        "content",
        "bind",
        "volume",
        "tmpfs",
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((proptest::sample::select(keys.to_vec()), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_reader(text in words(), more in ".{0,60}") {
        let _ = references(&text);
        let _ = references(&more);
    }

    #[test]
    fn no_value_breaks_the_model(key in proptest::sample::select(keys::SERVICE.to_vec()), value in value()) {
        let mut json = project(json!({ key: value.clone() }));
        let _ = model(&json);
        json["networks"]["n"] = value.clone();
        let _ = model(&json);
        json["networks"] = json!({});
        json["volumes"]["data"] = value.clone();
        let _ = model(&json);
        json["secrets"] = json!({ "s": value.clone() });
        let _ = model(&json);
        let settings = rewritten::settings(crate::config::settings::Profile::Restricted);
        let mut json = frozen(json, &settings, false);
        let _ = unmirror(&mut json, "/x/y/m".as_ref());
        let _ = model(&value);
    }
}
