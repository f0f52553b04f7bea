//! Problems as a person reads them: what, where, the line itself, and what to do.
//!
//! Messages are lowercase fragments without a full stop; the user's words stand in backticks. The text is plain, the CLI
//! may colour it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Longer lines are cut around the mark.
const WIDTH: usize = 120;

/// The text of a configuration file, able to say on which line a byte stands.
#[derive(Debug, Clone)]
pub struct TextFile {
    /// As the person named it.
    pub name: Arc<str>,
    text: Arc<str>,
    /// Byte offset of the first character of each line.
    starts: Arc<[usize]>,
}

impl TextFile {
    /// Takes the text as it is; spans are byte ranges of it.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Self { name: Arc::from(name), text: Arc::from(text), starts }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// 1-based.
    #[must_use]
    pub fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.starts.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }

    fn excerpt(&self, span: &Range<usize>) -> Option<(u32, Excerpt)> {
        let line = self.line(span.start);
        let start = *self.starts.get(usize::try_from(line).ok()?.checked_sub(1)?)?;
        let text = self.text.get(start..)?.split('\n').next()?.trim_end_matches('\r');
        let end = start + text.len();
        let before = self.text.get(start..span.start.min(end))?.chars().count();
        let marked = self.text.get(span.start.min(end)..span.end.min(end)).map_or(1, |s| s.chars().count());
        // One character stays one column: tabs and control characters would move the carets.
        let clean = text.chars().map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        });
        Some((line, Excerpt { text: clean.collect(), before, marked: marked.max(1) }))
    }
}

/// A line of the file and the part of it that is meant, both in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line without its end.
    pub text: String,
    /// Characters before the mark.
    pub before: usize,
    /// Characters under the mark, at least one.
    pub marked: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as the person named it, `$VARIABLE`, an option, or nothing.
    pub place: Option<Arc<str>>,
    /// 1-based; 0 where there is no line.
    pub line: u32,
    /// 1-based, in characters; 0 where there is no line.
    pub column: u32,
    /// Bytes of the file.
    pub span: Option<Range<usize>>,
    /// The line and the mark.
    pub excerpt: Option<Excerpt>,
    /// A lowercase fragment.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
}

impl Problem {
    /// One that stands at a span of the file.
    #[must_use]
    pub fn at(file: &TextFile, span: Range<usize>, message: String, hint: Option<String>) -> Self {
        let (line, excerpt) = match file.excerpt(&span) {
            Some((line, excerpt)) => (line, Some(excerpt)),
            None => (file.line(span.start), None),
        };
        let column = excerpt.as_ref().map_or(1, |e| u32::try_from(e.before + 1).unwrap_or(u32::MAX));
        Self { place: Some(Arc::clone(&file.name)), line, column, span: Some(span), excerpt, message, hint }
    }

    /// One that concerns a file, a variable or an option as a whole.
    #[must_use]
    pub fn of(place: Option<&str>, message: String, hint: Option<String>) -> Self {
        Self { place: place.map(Arc::from), line: 0, column: 0, span: None, excerpt: None, message, hint }
    }

    /// The problem as text under `title` (`error`, `warning`), ending with a line break.
    #[must_use]
    pub fn render(&self, title: &str) -> String {
        let mut out = format!("{title}: {}\n", self.message);
        let gutter = if self.line == 0 { 1 } else { self.line.to_string().len() };
        let pad = " ".repeat(gutter);
        match (&self.place, self.line) {
            (Some(place), 0) => out.push_str(&format!("{pad}--> {place}\n")),
            (Some(place), line) => out.push_str(&format!("{pad}--> {place}:{line}:{}\n", self.column)),
            (None, _) => {}
        }
        if let Some(excerpt) = &self.excerpt {
            let (text, before, marked) = excerpt.window();
            let carets = format!("{}{}", " ".repeat(before), "^".repeat(marked));
            out.push_str(&format!("{pad} |\n{} | {text}\n{pad} | {carets}\n", self.line));
        }
        if let Some(hint) = &self.hint {
            out.push_str(&format!("{pad} = help: {hint}\n"));
        }
        out
    }
}

impl Excerpt {
    /// The line cut to a readable width around the mark.
    fn window(&self) -> (String, usize, usize) {
        let length = self.text.chars().count();
        let from = if length <= WIDTH { 0 } else { self.before.saturating_sub(WIDTH / 3) };
        let cut = |more: bool| if more { "..." } else { "" };
        let body: String = self.text.chars().skip(from).take(WIDTH).collect();
        let text = format!("{}{body}{}", cut(from > 0), cut(length > from + WIDTH));
        let before = self.before - from + cut(from > 0).len();
        (text, before, self.marked.min(WIDTH.saturating_sub(self.before - from)).max(1))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render("error"))
    }
}

/// All that is wrong, in the order of the file; what stands in no file comes last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// At least one.
    pub list: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|p| (p.line == 0, p.span.as_ref().map_or(0, |s| s.start)));
        list.dedup();
        Self { list }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            writeln!(f, "{problem}")?;
        }
        let mut places: Vec<&str> = Vec::new();
        for place in self.list.iter().filter_map(|p| p.place.as_deref()) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let count = match self.list.len() {
            1 => "1 problem".to_owned(),
            n => format!("{n} problems"),
        };
        let place = if places.is_empty() { "the configuration".to_owned() } else { places.join(", ") };
        write!(f, "{count} in {place}; nothing was started")
    }
}

impl std::error::Error for Problems {}

/// The known name that is nearest to a misspelt one, if any is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    let limit = (word.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, name)| (*distance, name.len()))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_the_word_also_after_letters_of_several_bytes() {
        let text = "a = 1\r\nnäme = \"übel\"\r\n";
        let file = TextFile::new("config.toml", text);
        let start = text.find("\"übel\"").unwrap();
        let problem =
            Problem::at(&file, start..start + "\"übel\"".len(), "`übel` is bad".into(), Some("x".into()));
        assert_eq!((problem.line, problem.column), (2, 8));
        assert_eq!(
            problem.to_string(),
            "error: `übel` is bad\n --> config.toml:2:8\n  |\n2 | näme = \"übel\"\n  |        ^^^^^^\n  = help: x\n"
        );
    }

    #[test]
    fn a_mark_ends_with_its_line_and_long_lines_are_cut() {
        let file = TextFile::new("c", "a = [\n1,\n]");
        let problem = Problem::at(&file, 4..10, "m".into(), None);
        assert_eq!(problem.excerpt.unwrap().marked, 1);
        let long = format!("{}bad{}", " x".repeat(200), "y".repeat(300));
        let file = TextFile::new("c", &long);
        let rendered = Problem::at(&file, 400..403, "m".into(), None).to_string();
        let lines: Vec<&str> = rendered.lines().collect();
        let column = lines[4].find('^').unwrap();
        assert_eq!(&lines[3][column..column + 3], "bad");
        assert!(lines[3].len() < 140);
    }

    #[test]
    fn a_span_at_the_very_end_has_a_mark_too() {
        let file = TextFile::new("c", "a = ");
        assert_eq!(Problem::at(&file, 4..4, "m".into(), None).column, 5);
        let file = TextFile::new("c", "");
        assert_eq!(Problem::at(&file, 0..0, "m".into(), None).line, 1);
    }

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let known = ["exec", "read", "blacklist_containers", "whitelist_containers"];
        assert_eq!(nearest("blacklist_container", known), Some("blacklist_containers"));
        assert_eq!(nearest("exce", known), Some("exec"));
        assert_eq!(nearest("Blacklist-Containers", known), Some("blacklist_containers"));
        assert_eq!(nearest("zebra", known), None);
    }
}
