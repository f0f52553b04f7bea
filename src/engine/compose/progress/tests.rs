use super::*;

fn progress() -> Progress {
    let mut services: BTreeMap<_, _> =
        ["a", "b", "db", "hc", "ok", "bad", "web"].into_iter().map(|name| (name.to_owned(), None)).collect();
    services.insert("own".into(), Some("its-own-name".into()));
    Progress::new(Names { project: "w6bq".into(), services })
}

/// As 2.26.1 wrote it.
#[test]
fn plain_lines() {
    let mut it = progress();
    let lines = " Network w6bq_default  Creating\n Network w6bq_default  Created\n Volume \"w6bq_vol\"  Creating\n \
        Container w6bq-a-1  Creating\n Container w6bq-a-1  Created\n Container its-own-name  Recreate\n \
        Container w6bq-a-1  Starting\n Container w6bq-a-1  Started\n Container w6bq-b-1  Starting\n\
        Error response from daemon: driver failed programming external connectivity on endpoint w6bq-b-1 (d3c4): \
        Bind for 127.0.0.1:8098 failed: port is already allocated\n";
    let mut news = Vec::new();
    for piece in lines.as_bytes().chunks(7) {
        news.extend(it.feed(piece));
    }
    assert_eq!(
        news,
        [
            "network default: creating",
            "network default: created",
            "volume vol: creating",
            "a-1: creating",
            "a-1: created",
            "its-own-name: recreate",
            "a-1: starting",
            "a-1: started",
            "b-1: starting",
        ]
    );
    let words = it.last_words();
    assert!(
        words.starts_with("Error response from daemon: driver") && words.ends_with("allocated"),
        "{words}"
    );
    assert_eq!(it.failed_at(&words).as_deref(), Some("b"));
    let steps = it.steps();
    let step = |name: &str| steps.iter().find(|step| step.container == name).unwrap();
    assert_eq!(step("its-own-name").service.as_deref(), Some("own"));
    assert_eq!(step("w6bq-a-1").state, "started");
}

#[test]
fn failures_find_their_service() {
    let mut it = progress();
    it.feed(b" Container w6bq-db-1  Waiting\n Container w6bq-db-1  service \"db\" didn't complete successfully: exit 3\n");
    it.feed(b" Container w6bq-hc-1  Error\nservice \"db\" didn't complete successfully: exit 3\n");
    let words = it.last_words();
    assert_eq!(words, "service \"db\" didn't complete successfully: exit 3");
    assert_eq!(it.failed_at(&words).as_deref(), Some("db"));
    let mut it = progress();
    it.feed(b"time=\"x\" level=warning msg=\"Found orphan containers ([vault])\"\n");
    it.feed(b" Container w6bq-bad-1  Creating\nError response from daemon: No such image: nosuch/img:1");
    let words = it.last_words();
    assert_eq!(words, "Error response from daemon: No such image: nosuch/img:1");
    assert_eq!(it.failed_at(&words).as_deref(), Some("bad"));
    it.feed(b" Container w6bq-ok-1  Creating\n");
    assert_eq!(it.failed_at(&words), None, "either of two");
    let mut it = progress();
    it.feed(b" Container w6bq-web-1  Started\n Container w6bq-web-10  Started\n");
    let failed = it.failed_at("dependency failed to start: container w6bq-web-10 is unhealthy");
    assert_eq!(failed.as_deref(), Some("web"));
}

/// As later versions write them: 2.30 and 5.
#[test]
fn objects_in_lines() {
    let mut it = progress();
    let news = it.feed(
        b"{\"id\":\"Container w6bq-web-1\",\"text\":\"Creating\"}\n\
          {\"id\":\"Container w6bq-web-1\",\"status\":\"Working\",\"text\":\"Starting\"}\n\
          {\"id\":\"Container w6bq-web-1\",\"status\":\"Started\",\"x\":[1]}\n\
          {\"id\":\"Image x\",\"text\":\"Pulling\",\"current\":3}\n{\"tail\":true,\"text\":\"x\"}\n\
          {\"error\":true,\"message\":\"no such thing\"}\n",
    );
    assert_eq!(news, ["web-1: creating", "web-1: starting", "web-1: started", "image x: pulling"]);
    assert_eq!(it.last_words(), "no such thing");
}

#[test]
fn floods_and_nonsense_are_bounded() {
    let mut it = progress();
    for _ in 0..1_000 {
        it.feed(&[b'x'; 100_000]);
    }
    it.feed(b"\n\xff\xfe\0\n{\n{}\n \n Container\n Container  \n Container x\n");
    for n in 0..10_000 {
        it.feed(format!(" Container c-{n}  Started\ny{n}\n").as_bytes());
    }
    assert!(it.things.len() <= THINGS && it.words.len() <= WORDS && it.line.len() <= LINE);
    assert!(it.words.iter().all(|word| word.len() <= LINE));
}
