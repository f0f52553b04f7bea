//! How what would go is said.

use crate::engine::removal::Doomed;
use crate::output::bytes;
use crate::tools::words::{age, count, now};

/// One line of a preview.
pub(super) fn line(doomed: &Doomed, volumes: bool) -> String {
    let mut line = format!("container `{}`: {}", doomed.name, doomed.state);
    if let Some(age) = age(doomed.created, now()) {
        line.push_str(&format!(", {age} old"));
    }
    if let Some(size) = doomed.size {
        line.push_str(&format!(", {} written in it", bytes(u64::try_from(size).unwrap_or_default())));
    }
    let n = doomed.volumes.len();
    if volumes && n > 0 {
        let names: Vec<&str> = doomed.volumes.iter().map(|name| name.get(..12).unwrap_or(name)).collect();
        line.push_str(&format!(
            ", with {} and the data in it: {}",
            count(n, "anonymous volume"),
            names.join(", ")
        ));
    } else if n > 0 {
        line.push_str(&format!("; its {} stay", count(n, "anonymous volume")));
    }
    line
}

/// What must be the same when it is confirmed.
pub(super) fn state(doomed: &Doomed, volumes: bool) -> String {
    let volumes = if volumes { doomed.volumes.join(",") } else { String::new() };
    format!("{} {} {volumes}", doomed.name, doomed.state)
}
