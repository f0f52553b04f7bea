//! Times as callers write them: spans (`30`, `"500ms"`, `"2m"`) and moments (`"-1h"`, `"10m"`, RFC 3339, Unix seconds).

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A length of time. A bare number is seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(n) => n.as_f64().and_then(seconds).map(Self),
            Value::String(s) => parse_span(&s).map(Self),
            _ => None,
        }
        .ok_or_else(|| D::Error::custom("expected a time such as 30 (seconds), \"500ms\" or \"2m\""))
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string"] })
    }
}

fn seconds(n: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(n).ok()
}

/// `500ms`, `30s`, `2m`, `1h30m`, `2d`, or a bare number of seconds.
#[must_use]
pub fn parse_span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    if let Ok(n) = rest.parse::<f64>() {
        return seconds(n);
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let unit_len = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let factor = match rest.get(..unit_len)?.trim() {
            "ms" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86400.0,
            "w" | "week" | "weeks" => 604_800.0,
            _ => return None,
        };
        total = total.checked_add(seconds(number * factor)?)?;
        rest = rest.get(unit_len..)?;
    }
    Some(total)
}

/// A moment, given by a timestamp or by how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// That long before now.
    Ago(Duration),
    /// Nanoseconds since 1970.
    At(i128),
}

impl Moment {
    /// Parses `-1h`, `10m`, `2024-01-01T00:00:00Z`, `2024-01-01`, `1700000000`, `1700000000.5`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "now" {
            return Some(Self::Ago(Duration::ZERO));
        }
        if let Ok(n) = text.parse::<f64>() {
            // Ten digits are a Unix time; a small number can only be seconds ago.
            return match n {
                n if n >= 100_000_000.0 => at_unix(text),
                n => seconds(n.abs()).map(Self::Ago),
            };
        }
        if let Some(span) = parse_span(text.strip_prefix(['-', '+']).unwrap_or(text).trim_end_matches(" ago"))
        {
            return Some(Self::Ago(span));
        }
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(Self::At(at.as_nanosecond()));
        }
        let civil = text
            .parse::<jiff::civil::DateTime>()
            .or_else(|_| text.parse::<jiff::civil::Date>().map(|d| d.at(0, 0, 0, 0)));
        let utc = civil.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self::At(utc.timestamp().as_nanosecond()))
    }

    /// Nanoseconds since 1970, seen from `now` (nanoseconds since 1970).
    #[must_use]
    pub fn nanos(self, now: i128) -> i128 {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => now - i128::try_from(span.as_nanos()).unwrap_or(i128::MAX),
        }
    }
}

fn at_unix(text: &str) -> Option<Moment> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i128 = whole.parse().ok()?;
    // 13 digits are milliseconds.
    if whole >= 100_000_000_000 {
        return Some(Moment::At(whole.checked_mul(1_000_000)?));
    }
    let nanos: i128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(Moment::At(whole * 1_000_000_000 + nanos))
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::Number(n) => n.to_string(),
            Value::String(s) => s,
            other => other.to_string(),
        };
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is no time: give one like \"-1h\", \"10m\" or \"2026-01-31T12:00:00Z\""
            ))
        })
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_moments() {
        assert_eq!(parse_span("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_span("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse_span("30"), Some(Duration::from_secs(30)));
        for bad in ["", "m", "5 parsecs", "-5", "1e400", "nan", "inf"] {
            assert_eq!(parse_span(bad), None, "{bad}");
        }
        assert_eq!(Moment::parse("-1h"), Some(Moment::Ago(Duration::from_secs(3600))));
        assert_eq!(Moment::parse("10m"), Some(Moment::Ago(Duration::from_secs(600))));
        assert_eq!(Moment::parse("1700000000.5"), Some(Moment::At(1_700_000_000_500_000_000)));
        assert_eq!(Moment::parse("2023-11-14T22:13:20Z"), Some(Moment::At(1_700_000_000_000_000_000)));
        assert_eq!(Moment::parse("2023-11-14T22:13:20"), Some(Moment::At(1_700_000_000_000_000_000)));
        for bad in ["", "yesterday", "2023-13-01", "1;rm"] {
            assert_eq!(Moment::parse(bad), None, "{bad}");
        }
    }
}
