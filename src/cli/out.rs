//! What commands print: for people in colour and tables, plain where a pipe reads.

use std::io::{IsTerminal, Write};

use crate::output::{Learned, Redactor};

use super::Color;

/// Decides once about colour, by `--color`, `NO_COLOR` and whether a person looks.
pub(super) fn colour(when: Color) {
    let choice = match when {
        Color::Auto => return, // anstream looks at NO_COLOR and the terminal by itself
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// stderr shows colours.
pub(super) fn stderr_is_coloured() -> bool {
    !matches!(anstream::AutoStream::choice(&std::io::stderr()), anstream::ColorChoice::Never)
}

/// A person reads stdout.
pub(super) fn is_watched() -> bool {
    std::io::stdout().is_terminal()
}

/// A line on stdout. A reader that has gone is no error of ours.
pub(super) fn line(text: &str) {
    let _closed = writeln!(anstream::stdout(), "{text}");
}

/// A line on stderr.
pub(super) fn note(text: &str) {
    let _closed = writeln!(anstream::stderr(), "{text}");
}

/// What is wrong with a configuration: it shows lines of the file, in which a password may stand.
pub(super) fn problems(text: &str) {
    note(&Redactor::default().text(text, &Learned::default()));
}

/// A failure on stderr.
pub(super) fn error(text: &str) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let _closed = writeln!(anstream::stderr(), "{red}error{red:#}: {text}");
}

/// A heading within text on stdout.
pub(super) fn bold(text: &str) -> String {
    let bold = anstyle::Style::new().bold();
    format!("{bold}{text}{bold:#}")
}

/// A table's first line stands out where a person looks.
pub(super) fn heading(text: &str) -> String {
    match text.split_once('\n') {
        Some((first, rest)) if first.chars().any(char::is_alphabetic) && first == first.to_uppercase() => {
            format!("{}\n{rest}", bold(first))
        }
        _ => text.to_owned(),
    }
}

/// Less important text within a line on stdout.
pub(super) fn dim(text: &str) -> String {
    let dim = anstyle::Style::new().dimmed();
    format!("{dim}{text}{dim:#}")
}

/// Asks a person, if there is one at both ends: stdin and stderr are a terminal.
pub(super) fn confirms(question: &str) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    note(&format!("{question} [y/N]"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
