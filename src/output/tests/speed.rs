use super::{Learned, Redactor};
use crate::output::clean;

fn plain_log() -> String {
    let lines = [
        "2024-05-01T12:00:00.123Z INFO  http: GET /api/v1/items?page=2 200 12ms bytes=5120 peer=10.0.0.7:53214\n",
        "2024-05-01T12:00:00.124Z DEBUG pool: acquired slot 17 of 64, waiting=0 idle=47\n",
        "web-1  | [worker 3] processed batch 8812 in 341 ms (1024 rows, 0 errors)\n",
        "10.0.0.7 - - [01/May/2024:12:00:00 +0000] \"POST /orders HTTP/1.1\" 201 512 \"-\" \"Mozilla/5.0\"\n",
    ];
    lines.concat().repeat(60_000)
}

/// Prints; the bound is loose because tests run unoptimised.
#[test]
fn plain_logs_are_fast() {
    let text = plain_log();
    let learned = Learned::builder().value("sup3rsecret").env("DB_PASSWORD", "an0ther-secret").build();
    let redactor = Redactor::default();
    let speed = |name: &str, work: &dyn Fn()| {
        work();
        let started = std::time::Instant::now();
        work();
        let rate = text.len() as f64 / started.elapsed().as_secs_f64() / 1e6;
        eprintln!("{name}: {rate:.0} MB/s");
        rate
    };
    let rates = [
        speed("clean", &|| assert_eq!(clean(&text).len(), text.len())),
        speed("text", &|| assert_eq!(redactor.text(&text, &Learned::default()).len(), text.len())),
        speed("text with learned", &|| assert_eq!(redactor.text(&text, &learned).len(), text.len())),
    ];
    let urls = text.replace("peer=10.0.0.7:53214", "url=http://a.b:80/x key=item auth=ok");
    let started = std::time::Instant::now();
    let _ = redactor.text(&urls, &Learned::default());
    eprintln!("with urls and keys: {:.0} MB/s", urls.len() as f64 / started.elapsed().as_secs_f64() / 1e6);
    assert!(rates.iter().all(|r| *r > 2.0), "{rates:?}");
}

#[test]
fn making_one_is_cheap() {
    let started = std::time::Instant::now();
    let redactor = Redactor::default();
    let made = started.elapsed();
    let started = std::time::Instant::now();
    let _ = redactor.text("a line with password=hunter2 in it", &Learned::default());
    eprintln!("new {made:?}, first use {:?}", started.elapsed());
    assert!(made.as_millis() < 10);
}
