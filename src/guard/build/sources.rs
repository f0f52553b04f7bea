//! What `ADD` and `RUN` may bring in.

use super::Refused;
use super::lines::Statement;

/// `ADD` takes files of the context, nothing from elsewhere.
pub(super) fn add(s: &Statement) -> Result<(), Refused> {
    let words: Vec<String> = if s.rest.starts_with('[') {
        serde_json::from_str(&s.rest)
            .map_err(|_| Refused::unclear(s.line, "a list that is no JSON array of texts"))?
    } else {
        s.rest.split_whitespace().map(str::to_owned).collect()
    };
    let Some((_, sources)) = words.split_last() else {
        return Err(Refused::unclear(s.line, "`ADD` without files"));
    };
    for source in sources.iter().filter(|source| !source.starts_with("<<")) {
        if source.contains(':') {
            return Err(Refused::unsafe_(s.line, "`ADD` of something that is not in the context"));
        }
        // The builder takes these away, and then it may be an address.
        if source.contains(['$', '"', '\'', '\\', '`']) {
            return Err(Refused::unsafe_(s.line, "`ADD` of a file whose name is not plain text"));
        }
    }
    Ok(())
}

/// `RUN --mount`: nothing but memory that is gone when the step ends.
pub(super) fn mount(value: &str, line: usize) -> Result<(), Refused> {
    let mut types = 0;
    for field in value.split(',') {
        match field.split_once('=') {
            Some(("type", "tmpfs")) => types += 1,
            Some(("target" | "dst" | "destination" | "size", value)) if !value.contains('$') => {}
            _ => {
                let why =
                    "`RUN --mount` of another type than tmpfs: secret, ssh, bind and cache are not served";
                return Err(Refused::unsafe_(line, why));
            }
        }
    }
    match types {
        1 => Ok(()),
        _ => Err(Refused::unsafe_(line, "`RUN --mount` without `type=tmpfs`")),
    }
}
