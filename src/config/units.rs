//! Durations and sizes as people write them.

use std::time::Duration;

/// `"500ms"`, `"30s"`, `"5m"`, `"2h"`, `"1d"`; digits alone are milliseconds.
///
/// # Errors
/// A hint that says how to write one.
pub fn duration(text: &str) -> Result<Duration, String> {
    let hint = || "write `\"500ms\"`, `\"30s\"`, `\"5m\"`, `\"2h\"` or `\"1d\"`".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(hint)?;
    let number: u64 = number.parse().map_err(|_| hint())?;
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(hint()),
    };
    number.checked_mul(factor).map(Duration::from_millis).ok_or_else(hint)
}

/// The shortest spelling that [`duration`] reads back.
#[must_use]
pub fn show_duration(time: Duration) -> String {
    let ms = time.as_millis();
    match ms {
        0 => "0s".to_owned(),
        _ if ms.is_multiple_of(86_400_000) => format!("{}d", ms / 86_400_000),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

/// `"512m"`, `"2g"`, `"64k"`: bytes in powers of 1024, as Docker reads them; digits alone are bytes.
///
/// # Errors
/// A hint that says how to write one.
pub fn size(text: &str) -> Result<u64, String> {
    let hint = || "write bytes, or `\"64k\"`, `\"512m\"`, `\"2g\"`".to_owned();
    let lower = text.to_ascii_lowercase();
    let digits = lower.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = lower.split_at_checked(digits).ok_or_else(hint)?;
    let number: u64 = number.parse().map_err(|_| hint())?;
    let factor: u64 = match unit {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return Err(hint()),
    };
    number.checked_mul(factor).ok_or_else(hint)
}

/// A string as TOML writes it.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A list of strings as TOML writes it.
#[must_use]
pub fn quote_all<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.into_iter().map(quote).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_back() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("250", 250),
        ] {
            let time = duration(text).unwrap();
            assert_eq!(time, Duration::from_millis(ms), "{text}");
            assert_eq!(duration(&show_duration(time)).unwrap(), time);
        }
        for text in
            ["", "s", "-1s", "1.5s", "30 s", "30S", "1w", "99999999999999999999", "18446744073709551615d"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(size("512m"), Ok(512 << 20));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("10"), Ok(10));
        for text in ["", "m", "1x", "-1", "1.5g", "99999999999t"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quoted_text_is_toml() {
        for text in ["plain", "a\"b\\c", "tab\tline\nend\r", "bell\u{7}", "ü"] {
            let document = format!("x = {}", quote(text));
            let table: toml::Table = document.parse().unwrap();
            assert_eq!(table["x"].as_str(), Some(text));
        }
    }
}
