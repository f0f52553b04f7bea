//! TOML or JSON -> tree. Grammar only; what the keys mean is decided elsewhere.

use std::borrow::Cow;
use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Problem, TextFile};
use super::tree::{At, Field, Node, Value};

/// Deeper files are refused: nothing here is nested that far.
const DEPTH: usize = 16;

/// The language of a file, chosen by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.toml`
    Toml,
    /// `.json`: strict, without comments or trailing commas.
    Json,
}

/// Parses a whole file. With syntax errors the tree holds what could still be read.
///
/// # Errors
/// TOML: every syntax error. JSON: the first, and every duplicate key.
pub fn parse(file: &TextFile, format: Format) -> (Node, Vec<Problem>) {
    let mut problems = Vec::new();
    let node = match format {
        Format::Toml => toml(file, &mut problems),
        Format::Json => json(file, &mut problems),
    };
    (node, problems)
}

fn empty() -> Node {
    Node { at: At::File(0..0), value: Value::Table(Vec::new()) }
}

fn toml(file: &TextFile, problems: &mut Vec<Problem>) -> Node {
    let (table, errors) = DeTable::parse_recoverable(file.text());
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let (message, hint) = toml_message(error.message());
        problems.push(Problem::at(file, span, message, hint));
    }
    let span = table.span();
    Node { at: At::File(span), value: toml_table(file, table.get_ref(), 0, problems) }
}

fn toml_message(message: &str) -> (String, Option<String>) {
    let message = lower_first(message);
    let hint = match message.as_str() {
        m if m.starts_with("duplicate key") => Some("keep one of the two".to_owned()),
        m if m.contains("string values must be quoted") => {
            let hint = "write true or false, a number, or a string in double quotes".to_owned();
            return ("this is no value".to_owned(), Some(hint));
        }
        _ => None,
    };
    (message, hint)
}

fn toml_table(file: &TextFile, table: &DeTable<'_>, depth: usize, problems: &mut Vec<Problem>) -> Value {
    let mut fields: Vec<Field> = table
        .iter()
        .map(|(key, value)| Field {
            key: key.get_ref().to_string(),
            at: At::File(key.span()),
            node: toml_value(file, value, depth + 1, problems),
        })
        .collect();
    fields.sort_by_key(|field| start(&field.at));
    Value::Table(fields)
}

fn toml_value(
    file: &TextFile,
    value: &Spanned<DeValue<'_>>,
    depth: usize,
    problems: &mut Vec<Problem>,
) -> Node {
    let span = value.span();
    if depth > DEPTH {
        problems.push(too_deep(file, span.clone()));
        return Node { at: At::File(span), value: Value::Null };
    }
    let inner = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
        },
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| toml_value(file, item, depth + 1, problems)).collect())
        }
        DeValue::Table(table) => toml_table(file, table, depth, problems),
    };
    Node { at: At::File(span), value: inner }
}

fn json(file: &TextFile, problems: &mut Vec<Problem>) -> Node {
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(file.text(), &CollectOptions::default(), &strict) {
        Ok(parsed) => match parsed.value {
            Some(value) => json_value(file, &value, 0, problems),
            None => empty(),
        },
        Err(error) => {
            let range = error.range();
            let message = lower_first(&error.kind().to_string());
            let hint =
                message.contains("omment").then(|| "JSON has no comments; a `.toml` file has".to_owned());
            problems.push(Problem::at(file, range.start..range.end, message, hint));
            empty()
        }
    }
}

fn json_value(file: &TextFile, value: &ast::Value<'_>, depth: usize, problems: &mut Vec<Problem>) -> Node {
    let range = value.range();
    let span = range.start..range.end;
    if depth > DEPTH {
        problems.push(too_deep(file, span.clone()));
        return Node { at: At::File(span), value: Value::Null };
    }
    let inner = match value {
        ast::Value::StringLit(text) => Value::Text(Cow::clone(&text.value).into_owned()),
        ast::Value::NumberLit(number) => match number.value.parse() {
            Ok(whole) => Value::Int(whole),
            Err(_) => Value::Float(number.value.parse().unwrap_or(f64::NAN)),
        },
        ast::Value::BooleanLit(yes) => Value::Bool(yes.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(items) => Value::List(
            items.elements.iter().map(|item| json_value(file, item, depth + 1, problems)).collect(),
        ),
        ast::Value::Object(object) => json_object(file, object, depth, problems),
    };
    Node { at: At::File(span), value: inner }
}

fn json_object(
    file: &TextFile,
    object: &ast::Object<'_>,
    depth: usize,
    problems: &mut Vec<Problem>,
) -> Value {
    let mut fields: Vec<Field> = Vec::with_capacity(object.properties.len());
    for property in &object.properties {
        let range = property.name.range();
        let key = property.name.as_str();
        if fields.iter().any(|f| f.key == key) {
            let message = format!("duplicate key `{key}`");
            let hint = Some("keep one of the two".to_owned());
            problems.push(Problem::at(file, range.start..range.end, message, hint));
            continue;
        }
        fields.push(Field {
            key: key.to_owned(),
            at: At::File(range.start..range.end),
            node: json_value(file, &property.value, depth + 1, problems),
        });
    }
    Value::Table(fields)
}

fn too_deep(file: &TextFile, span: Range<usize>) -> Problem {
    Problem::at(file, span, format!("nested more than {DEPTH} deep"), None)
}

fn start(at: &At) -> usize {
    match at {
        At::File(span) => span.start,
        _ => 0,
    }
}

fn lower_first(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default().trim_end_matches('.');
    let mut letters = text.chars();
    match letters.next() {
        // `TOML` stays, `Expected` does not.
        Some(first) if !letters.as_str().starts_with(|c: char| c.is_ascii_uppercase()) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(node: &Node, path: &str, text: &str, out: &mut Vec<String>) {
        for field in node.fields() {
            let (At::File(key), At::File(value)) = (&field.at, &field.node.at) else { panic!("no span") };
            out.push(format!("{path}{} {} {}", field.key, &text[key.clone()], &text[value.clone()]));
            spans(&field.node, &format!("{path}{}.", field.key), text, out);
        }
    }

    fn checked(text: &str, format: Format) -> Vec<String> {
        let (node, problems) = parse(&TextFile::new("config", text), format);
        assert!(problems.is_empty(), "{problems:?}");
        let mut out = Vec::new();
        spans(&node, "", text, &mut out);
        out
    }

    #[test]
    fn spans_are_right_in_both_languages_with_any_line_end() {
        let toml = "[ä]\r\nb = \"ü\"\r\nc = [1, 2]\r\n";
        let node = parse(&TextFile::new("c", toml), Format::Toml).0;
        let inner = &node.fields()[0].node;
        let mut out = Vec::new();
        spans(inner, "", toml, &mut out);
        assert_eq!(out, ["b b \"ü\"", "c c [1, 2]"]);
        let json = "{\r\n \"ä\": {\"b\": \"ü\", \"c\": [1, 2]}, \"n\": null}";
        assert_eq!(
            checked(json, Format::Json),
            ["ä \"ä\" {\"b\": \"ü\", \"c\": [1, 2]}", "ä.b \"b\" \"ü\"", "ä.c \"c\" [1, 2]", "n \"n\" null"]
        );
    }

    #[test]
    fn several_syntax_errors_are_several_problems() {
        let text = "a = \nb = 1\nc = tru\n[x\n";
        let problems = parse(&TextFile::new("c", text), Format::Toml).1;
        let lines: Vec<u32> = problems.iter().map(|p| p.line).collect();
        assert!([1, 3, 4].iter().all(|l| lines.contains(l)), "{problems:#?}");
    }

    #[test]
    fn keys_given_twice_are_refused_in_both_languages() {
        for (text, format) in [
            ("a = 1\na = 2\n", Format::Toml),
            ("[a]\nb = 1\n[a]\nc = 1\n", Format::Toml),
            ("{\"a\": 1, \"a\": 2}", Format::Json),
            ("{\"a\": {\"b\": 1, \"\\u0062\": 2}}", Format::Json),
        ] {
            let problems = parse(&TextFile::new("c", text), format).1;
            assert!(problems.iter().any(|p| p.message.contains("duplicate key")), "{text}: {problems:?}");
        }
    }

    #[test]
    fn json_is_strict() {
        for text in [
            "{\"a\": 1,}",
            "// x\n{}",
            "{'a': 1}",
            "{a: 1}",
            "{\"a\": 0x1}",
            "{} x",
            "{\"a\": 1 \"b\": 2}",
            "{\"a\": .5}",
            "{\"a\": NaN}",
            "{\"a\": 1",
        ] {
            assert_eq!(parse(&TextFile::new("c", text), Format::Json).1.len(), 1, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_in_both_languages() {
        for (open, close, head, format) in [("[", "]", "a = ", Format::Toml), ("[", "]", "", Format::Json)] {
            for depth in [20, 5_000] {
                let text = format!("{head}{}{}", open.repeat(depth), close.repeat(depth));
                assert!(!parse(&TextFile::new("c", &text), format).1.is_empty(), "{depth}");
            }
        }
        let dotted = format!("{}a = 1", "a.".repeat(5_000));
        assert!(!parse(&TextFile::new("c", &dotted), Format::Toml).1.is_empty());
    }
}
