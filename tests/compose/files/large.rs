//! Many services.

use std::fmt::Write;
use std::time::Duration;

use super::{Shop, none};
use crate::support::engine;

#[test]
fn thirty_services_go_up_in_time() {
    let Some(engine) = engine::at_hand("compose::files::large") else { return };
    let shop = Shop::new(&engine);
    let mut file = "services:\n".to_owned();
    for n in 0..30 {
        let needs = if n == 0 { String::new() } else { format!(", depends_on: [s{}]", (n - 1) / 3) };
        writeln!(file, "  s{n}: {{ image: BASE, command: [\"sleep\", \"9999\"], init: true{needs} }}")
            .unwrap();
    }
    shop.file(&file);
    let client = shop.client();
    let up = client.call("docker_compose_up", &none()).ok();
    assert_eq!(up.structured["containers"].as_array().unwrap().len(), 30, "{}", up.text);
    assert!(up.text.contains("30 running"), "{}", up.text);
    assert!(up.took < Duration::from_secs(45), "{:?}", up.took);
    let again = client.call("docker_compose_up", &none()).ok();
    assert_eq!(again.structured["changed"], false);
    client.call("docker_compose_down", &none()).ok();
    assert_eq!(shop.objects(), Vec::<String>::new());
}
