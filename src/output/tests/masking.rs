use super::{Learned, Redactor, hex, masked, noise};

#[test]
fn tokens_by_their_shape() {
    let n = |len: usize| noise(len, 7);
    let tokens = [
        ["eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.", &n(43)].concat(),
        ["AKI", "A", "IOSFODNN7EXAMPLE"].concat(),
        ["AI", "za", &n(35)].concat(),
        ["gh", "p_", &n(36)].concat(),
        ["gh", "o_", &n(36)].concat(),
        ["gh", "s_", &n(36)].concat(),
        ["github", "_pat_", &n(22), "_", &n(59)].concat(),
        ["gl", "pat-", &n(20)].concat(),
        ["xo", "xb-", "123456789012-", &n(24)].concat(),
        ["sk", "_live_", &n(24)].concat(),
        ["rk", "_live_", &n(24)].concat(),
        ["sk", "-proj-", &n(48)].concat(),
        ["sk", "-ant-api03-", &n(90)].concat(),
        ["npm", "_", &n(36)].concat(),
        ["pypi", "-AgEIcHlwaS5vcmc", &n(40)].concat(),
        ["dop", "_v1_", &hex(64, 3)].concat(),
        ["S", "G.", &n(22), ".", &n(43)].concat(),
        ["S", "K", &hex(32, 4)].concat(),
        ["hf", "_", &n(34)].concat(),
        ["dckr", "_pat_", &n(27)].concat(),
        ["SWM", "TKN-1-", &n(50), "-", &n(25)].concat(),
        ["hv", "s.", &n(24)].concat(),
        ["$6", "$rounds=5000$", &n(16), "$", &n(86)].concat(),
        ["$y", "$j9T$", &n(22), "$", &n(43)].concat(),
        ["$2", "b$12$", &n(53)].concat(),
    ];
    for token in &tokens {
        for line in [
            token.clone(),
            format!("got {token} from the vault"),
            format!("x={token},y"),
            format!("{{\"v\":\"{token}\"}}"),
            format!("https://h/?q={token}&b=1"),
        ] {
            let out = masked(&line);
            assert!(!out.contains(&token[8..]), "{line} -> {out}");
            assert!(out.contains("[redacted]"), "{line} -> {out}");
        }
    }
}

/// A line of /etc/shadow.
#[test]
fn hashes_of_passwords() {
    let line = format!("root:$6${}${}:19000:0:99999:7:::", noise(16, 3), noise(86, 4));
    assert_eq!(masked(&line), "root:[redacted]:19000:0:99999:7:::");
    for plain in ["it costs $1$ or $6$", "echo $1 $2 $5", "awk '{print $6$7}'"] {
        assert_eq!(masked(plain), plain);
    }
}

#[test]
fn values_of_secret_keys() {
    for (line, want) in [
        ("password=hunter2", "password=[redacted]"),
        ("password = hunter2", "password = [redacted]"),
        ("Password: hunter2", "Password: [redacted]"),
        ("db.password=p@ss!w0rd#$%^*(x)", "db.password=[redacted]"),
        ("password=a,b&c;d!e", "password=[redacted]"),
        ("apikey=abc-def.ghi/jkl+mno==", "apikey=[redacted]"),
        ("?token=abc123&user=bob", "?token=[redacted]&user=bob"),
        ("Server=db;Password=x!y1;User=sa", "Server=db;Password=[redacted];User=sa"),
        ("{\"password\":\"hunter2\",\"user\":\"bob\"}", "{\"password\":\"[redacted]\",\"user\":\"bob\"}"),
        ("{\"password\" : \"a \\\"b\\\" c\", \"n\":1}", "{\"password\" : \"[redacted]\", \"n\":1}"),
        (
            r#"{"log":"{\"api_key\":\"abc123\",\"n\":1}"}"#,
            r#"{"log":"{\"api_key\":\"[redacted]\",\"n\":1}"}"#,
        ),
        ("'client_secret': 'shh shh'", "'client_secret': '[redacted]'"),
        ("  password: my secret phrase", "  password: [redacted]"),
        ("- secret: abc # why", "- secret: [redacted] # why"),
        ("DB_PASSWORD=my secret phrase", "DB_PASSWORD=[redacted]"),
        ("PGPASSWORD=abc psql -h db", "PGPASSWORD=[redacted] psql -h db"),
        ("DB_PW=abc123", "DB_PW=[redacted]"),
        ("export API_KEY=\"x y z\"", "export API_KEY=\"[redacted]\""),
        ("mysqld --password=hunter3 --user=x", "mysqld --password=[redacted] --user=x"),
        ("run --password hunter3 --user x", "run --password [redacted] --user x"),
        ("run -token abc123", "run -token [redacted]"),
        ("[\"--api-key\", \"abc\", \"-v\"]", "[\"--api-key\", \"[redacted]\", \"-v\"]"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        (
            "curl -H 'Authorization: Basic dXNlcjpw' http://x",
            "curl -H 'Authorization: Basic [redacted]' http://x",
        ),
        ("\"Authorization\": \"token abc1\"", "\"Authorization\": \"token [redacted]\""),
        (
            "Proxy-Authorization: Digest username=\"x\", r=1",
            "Proxy-Authorization: Digest [redacted]\"x\", r=1",
        ),
        ("authorization: raw-value-1", "authorization: [redacted]"),
        ("using bearer abcdef123456 now", "using bearer [redacted] now"),
        ("X-Api-Key: 12ab", "X-Api-Key: [redacted]"),
        ("API key: 12ab34", "API key: [redacted]"),
        ("Set-Cookie: sid=abc; Path=/", "Set-Cookie: [redacted]"),
        ("aws_secret_access_key = wJalr/K7+x", "aws_secret_access_key = [redacted]"),
        ("AccountKey=abc==;Endpoint=x", "AccountKey=[redacted];Endpoint=x"),
        ("postgres://app:s3cr3t@db/app", "postgres://app:[redacted]@db/app"),
        ("curl -u bob:hunter2 http://x", "curl -u bob:[redacted] http://x"),
        ("<password>hunter2</password>", "<password>[redacted]</password>"),
        ("config[:password] => 'abc'", "config[:password] => '[redacted]'"),
        ("login(password=abc)", "login(password=[redacted])"),
        ("exec_create: sh -c app --password=hunter3", "exec_create: sh -c app --password=[redacted]"),
        ("token=hc-secret", "token=[redacted]"),
        ("passwort? PASSWORD='it''s'", "passwort? PASSWORD='[redacted]''s'"),
        ("{password: abc}", "{password: [redacted]}"),
        ("pass=abc", "pass=[redacted]"),
        ("{\"user\":\"a\",\"pass\":\"b\"}", "{\"user\":\"a\",\"pass\":\"[redacted]\"}"),
        ("login with password hunter2", "login with password [redacted]"),
        ("Your temporary password is: abc123", "Your temporary password is: [redacted]"),
        ("GENERATED ROOT PASSWORD: A1b2C3d4", "GENERATED ROOT PASSWORD: [redacted]"),
        ("password=12345", "password=[redacted]"),
        ("\"auth\": \"dXNlcjpwYXNz\"", "\"auth\": \"[redacted]\""),
    ] {
        assert_eq!(masked(line), want, "{line}");
        // masking again changes nothing
        assert_eq!(masked(want), want, "{want}");
    }
}

#[test]
fn private_keys_whole() {
    let begin = ["-----BEGIN RSA ", "PRIVATE KEY-----"].concat();
    let end = ["-----END RSA ", "PRIVATE KEY-----"].concat();
    let body: Vec<String> = (0..5).map(|i| noise(64, i + 1)).collect();
    let lines = body.join("\n");
    assert_eq!(masked(&format!("a\n{begin}\n{lines}\n{end}\nb")), "a\n[redacted]\nb");
    let escaped = body.join("\\n");
    assert_eq!(
        masked(&format!("{{\"private_key\": \"{begin}\\n{escaped}\\n{end}\\n\", \"x\": 1}}")),
        "{\"private_key\": \"[redacted]\", \"x\": 1}"
    );
    for cut in [
        format!("a\n{begin}\n{lines}"),
        format!("{lines}\n{end}\nb"),
        format!("{begin}\n{lines}\n\nnext: line"),
    ] {
        let out = masked(&cut);
        assert!(body.iter().all(|l| !out.contains(l.as_str())), "{out}");
    }
    assert!(masked(&format!("{begin}\n{lines}\n\n[next] line")).ends_with("[next] line"));
    // prefixes of a log do not hide it
    let logged: String = body.iter().map(|l| format!("web-1  | {l}\n")).collect();
    let out = masked(&format!("web-1  | {begin}\n{logged}web-1  | {end}\nok"));
    assert!(body.iter().all(|l| !out.contains(l.as_str())) && out.ends_with("ok"), "{out}");
    let public = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    assert_eq!(masked(public), public);
}

#[test]
fn hostile_lines_are_linear() {
    let label = ["-----BEGIN ", "PRIVATE KEY"].concat();
    for unit in [
        "=",
        ":",
        "password=",
        "password:\"",
        "-",
        "--password ",
        "://",
        "://a:",
        "token\\\"",
        "a=b,",
        &label,
        "eyJ",
        "\"",
    ] {
        let text = unit.repeat(300_000 / unit.len());
        let started = std::time::Instant::now();
        let _ = masked(&text);
        assert!(started.elapsed().as_secs() < 5, "{unit} took {:?}", started.elapsed());
    }
}

/// The same secret in two places has the same fingerprint, another one another; a short one has none.
#[test]
fn fingerprints_compare_what_nobody_sees() {
    let redactor = Redactor::default();
    let shown = |line: &str| redactor.env_line(line, &Learned::default());
    let print = |line: &str| shown(line).split_once('=').unwrap().1.to_owned();
    let (one, other) = (print("DB_PASSWORD=correct-horse"), print("REDIS_PASSWORD=correct-horse"));
    assert_eq!(one, other);
    assert_ne!(one, print("DB_PASSWORD=battery-staple"));
    assert!(one.starts_with("[redacted:") && one.len() == 17, "{one}");
    assert_eq!(shown("DB_PASSWORD=short"), "DB_PASSWORD=[redacted]");
    // Masking again changes nothing, as a line of text as well.
    assert_eq!(print(&format!("DB_PASSWORD={one}")), one);
    assert_eq!(masked(&format!("DB_PASSWORD={one}")), format!("DB_PASSWORD={one}"));
    let mut json = serde_json::json!({ "Env": ["API_KEY=correct-horse"], "environment": { "API_KEY": one } });
    redactor.json(&mut json, &Learned::default());
    assert_eq!(json["Env"][0], format!("API_KEY={one}"));
    assert_eq!(json["environment"]["API_KEY"], one);
}
