//! An image and how it was built.

use serde_json::{Map, Value};

use super::pick::{array, copy, entries, environment, healthcheck, number, put, text};
use crate::engine::outlook::Outlook;
use crate::output::bytes;
use crate::policy::Image;

pub(super) fn curated(raw: &Value, history: &Value, image: &Image, outlook: &Outlook<'_>) -> Value {
    let mut out = copy(
        raw,
        &[
            ("created", "/Created"),
            ("architecture", "/Architecture"),
            ("variant", "/Variant"),
            ("os", "/Os"),
            ("author", "/Author"),
            ("comment", "/Comment"),
        ],
    );
    out.insert("id".into(), image.id.as_str().into());
    out.insert("references".into(), outlook.references(image).into());
    out.insert("size".into(), bytes(number(raw, "/Size")).into());
    out.insert("layers".into(), array(raw, "/RootFS/Layers").len().into());
    out.insert("config".into(), config(raw).into());
    put(&mut out, "used_by", outlook.users_of_image(&image.id));
    // The ids and tags in there are other images'.
    put(&mut out, "history", array(history, "").iter().map(step).collect::<Vec<_>>());
    Value::Object(out)
}

fn config(raw: &Value) -> Map<String, Value> {
    let mut out = copy(
        raw,
        &[
            ("command", "/Config/Cmd"),
            ("entrypoint", "/Config/Entrypoint"),
            ("user", "/Config/User"),
            ("workdir", "/Config/WorkingDir"),
            ("labels", "/Config/Labels"),
            ("stop_signal", "/Config/StopSignal"),
            ("shell", "/Config/Shell"),
            ("on_build", "/Config/OnBuild"),
        ],
    );
    let keys = |pointer| entries(raw, pointer).map(|(key, _)| key.as_str()).collect::<Vec<_>>();
    put(&mut out, "env", environment(raw, "/Config/Env"));
    put(&mut out, "exposed_ports", keys("/Config/ExposedPorts"));
    put(&mut out, "volumes", keys("/Config/Volumes"));
    put(&mut out, "healthcheck", raw.pointer("/Config/Healthcheck").map(healthcheck).unwrap_or_default());
    out
}

fn step(raw: &Value) -> Value {
    let mut out = copy(raw, &[("comment", "/Comment")]);
    put(&mut out, "created_by", instruction(text(raw, "/CreatedBy")));
    match number(raw, "/Size") {
        0 => {}
        n => put(&mut out, "size", bytes(n)),
    }
    Value::Object(out)
}

/// As the Dockerfile says it: without the shell that the builder puts around it.
fn instruction(created_by: &str) -> String {
    let text = created_by.trim().trim_end_matches("# buildkit").trim_end();
    if let Some(rest) = text.strip_prefix("/bin/sh -c #(nop)") {
        return rest.trim_start().to_owned();
    }
    let text = text.strip_prefix("RUN ").unwrap_or(text);
    match text.strip_prefix("/bin/sh -c ") {
        Some(command) => format!("RUN {}", command.trim_start()),
        None if text.starts_with('|') => format!("RUN {text}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_as_the_dockerfile_says_them() {
        for (raw, want) in [
            ("/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD [\"sh\"]"),
            ("/bin/sh -c apk add curl", "RUN apk add curl"),
            ("RUN /bin/sh -c apk add curl # buildkit", "RUN apk add curl"),
            ("RUN |1 V=2 /bin/sh -c make # buildkit", "RUN |1 V=2 /bin/sh -c make"),
            ("COPY a b # buildkit", "COPY a b"),
            ("", ""),
        ] {
            assert_eq!(instruction(raw), want);
        }
    }
}
