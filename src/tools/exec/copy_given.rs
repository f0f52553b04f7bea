//! The files of a call, as they are to be.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::guard::exec::copies;
use crate::tool::ToolError;
use crate::tools::guarded::refused;

use super::copy_content::Encoding;
use super::copy_place::visible;
use super::copy_to::File;

/// Names of one call.
const MOST: usize = 100;

/// A file that was given, as it is to be.
#[derive(Debug)]
pub(super) struct Given {
    pub name: String,
    pub content: Vec<u8>,
    pub mode: u32,
}

/// Octal digits. A number is taken for them where it can be nothing else: 420 may be what 0644 is in decimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode(String);

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(n) if n.as_u64().is_some_and(|n| (512..=777).contains(&n)) => {
                Ok(Self(n.to_string()))
            }
            other => Err(serde::de::Error::custom(format!(
                "expected octal digits as text, such as \"0755\", found {other}"
            ))),
        }
    }
}

impl JsonSchema for Mode {
    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// The files, as far as they can be read without looking anywhere.
///
/// # Errors
/// What is no file, or two of one name.
pub(super) fn given(files: &[File]) -> Result<Vec<Given>, ToolError> {
    if files.is_empty() || files.len() > MOST {
        return Err(ToolError::invalid(format!("`files` holds {}; 1 to {MOST} go at once", files.len())));
    }
    let mut names = BTreeSet::new();
    let mut given = Vec::with_capacity(files.len());
    for File { path, content, encoding, mode } in files {
        copies::name(path).map_err(refused)?;
        visible(path)?;
        if !names.insert(path.as_str()) {
            return Err(ToolError::invalid(format!("`{path}` is given twice")));
        }
        let content = match encoding.unwrap_or_default() {
            Encoding::Auto | Encoding::Text => content.clone().into_bytes(),
            Encoding::Base64 => {
                STANDARD.decode(content.split_ascii_whitespace().collect::<String>()).map_err(|_| {
                    ToolError::invalid(format!("the content of `{path}` is no base64"))
                        .hint("standard base64 with its padding, or leave `encoding` out for text")
                })?
            }
        };
        given.push(Given { name: path.clone(), content, mode: bits(path, mode.as_ref())? });
    }
    for name in &names {
        let above = |other: &&&str| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        if let Some(other) = names.iter().find(above) {
            return Err(ToolError::invalid(format!("`{name}` is a file, and `{other}` would lie in it")));
        }
    }
    Ok(given)
}

fn bits(path: &str, mode: Option<&Mode>) -> Result<u32, ToolError> {
    let Some(Mode(said)) = mode else { return Ok(0o644) };
    let text = said.strip_prefix("0o").unwrap_or(said);
    let digits = !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
    let bits = digits.then(|| u32::from_str_radix(text, 8).ok()).flatten();
    bits.filter(|bits| *bits <= 0o777).ok_or_else(|| {
        ToolError::invalid(format!("`{said}` cannot be the mode of `{path}`")).hint(
            "octal digits such as \"0755\", up to \"0777\"; setuid, setgid and sticky bits are not given",
        )
    })
}
