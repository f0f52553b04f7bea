//! The forms in which an object can be asked for.

/// A form: how the text of a call follows from a name or an id.
pub type Form = (&'static str, fn(&str) -> String);

/// Forms of a name. Docker itself follows the first ones; clients of its API were tricked by the others.
pub const OF_A_NAME: &[Form] = &[
    ("name", |n| n.to_owned()),
    ("/name", |n| format!("/{n}")),
    ("//name", |n| format!("//{n}")),
    ("name/", |n| format!("{n}/")),
    ("%2Fname", |n| format!("%2F{n}")),
    ("./name", |n| format!("./{n}")),
    ("../containers/name", |n| format!("../containers/{n}")),
    ("x/../name", |n| format!("x/../{n}")),
    ("%2e%2e/containers/name", |n| format!("%2e%2e/containers/{n}")),
    ("name/json", |n| format!("{n}/json")),
    ("name?query", |n| format!("{n}?x=1")),
    ("name#fragment", |n| format!("{n}#x")),
    ("name\\n", |n| format!("{n}\n")),
    ("\\tname", |n| format!("\t{n}")),
    ("name\\r", |n| format!("{n}\r")),
    ("space before", |n| format!(" {n}")),
    ("space after", |n| format!("{n} ")),
    ("tab inside", |n| inside(n, '\t')),
    ("newline inside", |n| inside(n, '\n')),
    ("nul after", |n| format!("{n}\0")),
    ("zero width", |n| inside(n, '\u{200b}')),
    ("look-alike", |n| n.replacen('a', "\u{430}", 1)),
    ("full width", |n| n.replacen('v', "\u{ff56}", 1)),
    ("upper case", |n| n.to_uppercase()),
    ("first letter upper", |n| n[..1].to_uppercase() + &n[1..]),
    ("container:name", |n| format!("container:{n}")),
    ("glob", |n| format!("{}*", &n[..n.len() - 1])),
    ("name@", |n| format!("{n}@sha256")),
];

/// Forms of a full id.
pub const OF_AN_ID: &[Form] = &[
    ("full id", |id| id.to_owned()),
    ("12 digits", |id| id[..12].to_owned()),
    ("7 digits", |id| id[..7].to_owned()),
    ("63 digits", |id| id[..63].to_owned()),
    ("/id", |id| format!("/{id}")),
    ("id in upper case", |id| id.to_uppercase()),
    ("sha256:id", |id| format!("sha256:{id}")),
    ("id and a newline", |id| format!("{id}\n")),
    ("65 digits", |id| format!("{id}0")),
];

fn inside(name: &str, c: char) -> String {
    let (a, b) = name.split_at(name.len() / 2);
    format!("{a}{c}{b}")
}
