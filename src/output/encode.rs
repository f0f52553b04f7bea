//! The forms in which a value may turn up.

/// Calls with every form: plain, JSON, percent, hex, base64 at each alignment, reversed. Case is the matcher's business.
pub(super) fn forms(value: &str, put: &mut dyn FnMut(String)) {
    put(value.to_owned());
    let json = json(value);
    // Go escapes these three as well
    put(json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"));
    put(json);
    for keep in ["-_.~", "-_.!~*'()", "-_.~!$&'()*+,;=:@/?"] {
        put(percent(value, keep, "%20"));
    }
    put(percent(value, "-_.*", "+"));
    put(hex::encode(value));
    put(value.chars().rev().collect());
    for url in [false, true] {
        let plain = base64(value.as_bytes(), url);
        let padding = "=".repeat((4 - plain.len() % 4) % 4);
        put(format!("{plain}{padding}"));
        for shift in 0..3_usize {
            put(aligned(value.as_bytes(), shift, url));
        }
        put(plain);
    }
}

/// The characters of base64 that depend on nothing but the value, when `shift` bytes stand before it.
fn aligned(value: &[u8], shift: usize, url: bool) -> String {
    let mut padded = vec![0_u8; shift];
    padded.extend_from_slice(value);
    let whole = base64(&padded, url);
    let start = (shift * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    whole.get(start..end).unwrap_or_default().to_owned()
}

fn base64(bytes: &[u8], url: bool) -> String {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let alphabet = if url { URL } else { STANDARD };
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + 3);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_u32, |n, i| n << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..=chunk.len() {
            let six = (group >> (18 - 6 * i)) & 63;
            out.push(alphabet.get(six as usize).map_or('A', |b| char::from(*b)));
        }
    }
    out
}

fn percent(value: &str, keep: &str, blank: &str) -> String {
    let mut out = String::with_capacity(value.len() * 3);
    for b in value.bytes() {
        if b.is_ascii_alphanumeric() || keep.as_bytes().contains(&b) {
            out.push(char::from(b));
        } else if b == b' ' {
            out.push_str(blank);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// `%40` becomes `@`; what is no valid text stays as it is.
pub(super) fn percent_decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(b) = bytes.get(at) {
        let hex =
            value.get(at + 1..at + 3).filter(|_| *b == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(hex.unwrap_or(*b));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|_| value.to_owned())
}

/// As inside of a JSON string.
pub(super) fn json(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_base64() {
        for (plain, want) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes(), false), want);
        }
        assert_eq!(base64(&[0xfb, 0xff], false), "+/8");
        assert_eq!(base64(&[0xfb, 0xff], true), "-_8");
    }

    #[test]
    fn every_alignment_is_found() {
        let value = "canary-value-42";
        let mut all = Vec::new();
        forms(value, &mut |f| all.push(f));
        for before in ["", "a", "ab", "abc", "user:", "x-token:"] {
            for after in ["", "!", "!!", "\n"] {
                let text = base64(format!("{before}{value}{after}").as_bytes(), false);
                assert!(all.iter().any(|f| f.len() > 12 && text.contains(f.as_str())), "{before} {after}");
            }
        }
    }

    #[test]
    fn others() {
        assert_eq!(percent("p@ss w/1", "-_.~", "%20"), "p%40ss%20w%2F1");
        assert_eq!(percent_decoded("p%40ss%2"), "p@ss%2");
        assert_eq!(json("a\"b\\\n"), "a\\\"b\\\\\\n");
    }
}
