//! What a shell would make of a text: its simple commands, wherever they stand.
//!
//! The parser is bash's grammar; a container's shell may be another one. So a text counts as understood only where it is
//! plain in all of them: see [`Script::plain`].

use brush_parser::ast::{
    AndOr, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList, IoFileRedirectTarget,
    IoRedirect, Pipeline, Program, SeparatorOperator, SimpleCommand,
};
use brush_parser::{ParserOptions, TokenizerOptions, parse_tokens, uncached_tokenize_str};

/// Deeper nesting is not read: the parser goes down by recursion, and back and forth between readings.
const DEEPEST: usize = 8;

/// A text that could be read.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Its simple commands, those inside substitutions too.
    pub commands: Vec<Simple>,
    /// Nothing but literal simple commands, joined by `;`, `&&`, `||`, `|` or line ends.
    pub plain: bool,
}

/// One simple command.
#[derive(Debug, Default)]
pub(super) struct Simple {
    /// Its words as they read once quotes are taken away.
    pub words: Vec<String>,
    /// The files that it is redirected to or from.
    pub files: Vec<String>,
    /// It has redirections, of files or not.
    pub redirected: bool,
}

/// Reads a text; nothing if it is no shell's, or too deeply nested.
pub(super) fn read(text: &str) -> Option<Script> {
    read_within(text, DEEPEST)
}

fn read_within(text: &str, depth: usize) -> Option<Script> {
    if depth == 0 || nesting(text) > DEEPEST {
        return None;
    }
    let mut walk = Walk { script: Script { commands: Vec::new(), plain: true }, depth };
    walk.program(&parse(text)?);
    Some(walk.script)
}

fn parse(text: &str) -> Option<Program> {
    let options = ParserOptions { sh_mode: true, posix_mode: true, ..ParserOptions::default() };
    let tokenizer: TokenizerOptions = options.tokenizer_options();
    let tokens = uncached_tokenize_str(text, &tokenizer).ok()?;
    parse_tokens(&tokens, &options).ok()
}

/// The words of a text that is one literal command and needs no shell.
pub(super) fn one_command(text: &str) -> Option<Vec<String>> {
    let mut script = read(text)?;
    let simple = script.commands.pop()?;
    let alone = script.plain && script.commands.is_empty() && !simple.redirected;
    // A separator after it is still a shell's.
    let ends = text.trim_end().chars().next_back().is_some_and(|c| ";&\n".contains(c));
    (alone && !ends && !text.trim().contains('\n')).then_some(simple.words)
}

/// Is a quote left open?
pub(super) fn unclosed(text: &str) -> bool {
    let mut open = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (None | Some('"'), '\\') if chars.next().is_none() => return true,
            (None | Some('"'), '\\') => {}
            (None, '\'' | '"') => open = Some(c),
            (Some(quote), c) if c == quote => open = None,
            _ => {}
        }
    }
    open.is_some()
}

/// How deep brackets stand in each other, quoted ones too: an upper bound.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut ticks) = (0_usize, 0, 0);
    for c in text.chars() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            '`' => ticks += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let words = text.split(|c: char| !c.is_ascii_alphabetic());
    let compound = words.filter(|w| matches!(*w, "if" | "while" | "until" | "for" | "case")).count();
    deepest + compound / 2 + ticks / 4
}

struct Walk {
    script: Script,
    depth: usize,
}

impl Walk {
    fn program(&mut self, program: &Program) {
        for list in &program.complete_commands {
            self.list(list);
        }
    }

    fn list(&mut self, list: &CompoundList) {
        for item in &list.0 {
            // What is put into the background outlives what was asked.
            if matches!(item.1, SeparatorOperator::Async) {
                self.script.plain = false;
            }
            self.pipeline(&item.0.first);
            for and_or in &item.0.additional {
                let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = and_or;
                self.pipeline(pipeline);
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        if pipeline.bang || pipeline.timed.is_some() {
            self.script.plain = false;
        }
        for command in &pipeline.seq {
            self.command(command);
        }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Simple(simple) => return self.simple(simple),
            Command::Compound(compound, redirects) => {
                self.compound(compound);
                for redirect in redirects.iter().flat_map(|list| &list.0) {
                    self.redirect(redirect, &mut Simple::default());
                }
            }
            Command::Function(function) => self.compound(&function.body.0),
            Command::ExtendedTest(..) => {}
        }
        self.script.plain = false;
    }

    fn compound(&mut self, compound: &CompoundCommand) {
        match compound {
            CompoundCommand::Arithmetic(_) => {}
            CompoundCommand::ArithmeticForClause(it) => self.list(&it.body.list),
            CompoundCommand::BraceGroup(it) => self.list(&it.list),
            CompoundCommand::Subshell(it) => self.list(&it.list),
            CompoundCommand::ForClause(it) => {
                for word in it.values.iter().flatten() {
                    self.word(&word.value);
                }
                self.list(&it.body.list);
            }
            CompoundCommand::CaseClause(it) => {
                self.word(&it.value.value);
                for list in it.cases.iter().filter_map(|case| case.cmd.as_ref()) {
                    self.list(list);
                }
            }
            CompoundCommand::IfClause(it) => {
                self.list(&it.condition);
                self.list(&it.then);
                for other in it.elses.iter().flatten() {
                    if let Some(condition) = &other.condition {
                        self.list(condition);
                    }
                    self.list(&other.body);
                }
            }
            CompoundCommand::WhileClause(it) | CompoundCommand::UntilClause(it) => {
                self.list(&it.0);
                self.list(&it.1.list);
            }
            CompoundCommand::Coprocess(it) => self.command(&it.body),
        }
    }

    fn simple(&mut self, command: &SimpleCommand) {
        let mut simple = Simple::default();
        for item in command.prefix.iter().flat_map(|prefix| &prefix.0) {
            // A variable before a command changes what it does.
            if !matches!(item, Item::IoRedirect(_)) {
                self.script.plain = false;
            }
            self.item(item, &mut Simple::default(), &mut simple);
        }
        if let Some(word) = &command.word_or_name {
            let word = self.word(&word.value);
            simple.words.push(word);
        } else {
            self.script.plain = false;
        }
        let mut files = Simple::default();
        for item in command.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut simple, &mut files);
        }
        simple.files.append(&mut files.files);
        simple.redirected |= files.redirected;
        self.script.commands.push(simple);
    }

    fn item(&mut self, item: &Item, words: &mut Simple, files: &mut Simple) {
        match item {
            Item::Word(word) | Item::AssignmentWord(_, word) => {
                let word = self.word(&word.value);
                words.words.push(word);
            }
            Item::IoRedirect(redirect) => self.redirect(redirect, files),
            Item::ProcessSubstitution(_, shell) => {
                self.script.plain = false;
                self.list(&shell.list);
            }
        }
    }

    fn redirect(&mut self, redirect: &IoRedirect, simple: &mut Simple) {
        simple.redirected = true;
        // `10>x` is a word and a redirection to shells that know one digit only.
        if let IoRedirect::File(Some(10..), ..)
        | IoRedirect::HereDocument(Some(10..), ..)
        | IoRedirect::HereString(Some(10..), ..) = redirect
        {
            self.script.plain = false;
        }
        match redirect {
            IoRedirect::File(_, _, IoFileRedirectTarget::Filename(word))
            | IoRedirect::OutputAndError(word, _) => {
                let file = self.word(&word.value);
                simple.files.push(file);
            }
            IoRedirect::File(_, _, IoFileRedirectTarget::Fd(fd)) => self.script.plain &= *fd < 10,
            IoRedirect::File(_, _, IoFileRedirectTarget::Duplicate(word)) => {
                // `2>&1` and `2>&-` are plain; `>&name` is a file, and of `>&10` or `>&-3` each shell thinks something else.
                let one = matches!(word.value.as_bytes(), [b'-' | b'0'..=b'9']);
                if !one {
                    self.script.plain = false;
                    let file = self.word(&word.value);
                    simple.files.push(file);
                }
            }
            IoRedirect::File(_, _, IoFileRedirectTarget::ProcessSubstitution(_, shell)) => {
                self.script.plain = false;
                self.list(&shell.list);
            }
            IoRedirect::HereDocument(..) | IoRedirect::HereString(..) => self.script.plain = false,
        }
    }

    /// A word without its quotes. What is not literal makes the script not plain; commands inside are read, too.
    fn word(&mut self, raw: &str) -> String {
        let Word { text, literal, inner } = unquote(raw);
        if !literal {
            self.script.plain = false;
        }
        for inner in inner {
            match read_within(&inner, self.depth - 1) {
                Some(script) => self.script.commands.extend(script.commands),
                None => self.script.plain = false,
            }
        }
        text
    }
}

/// A word as it is written, taken apart.
struct Word {
    text: String,
    /// It reads the same in every shell, whatever its variables and files are.
    literal: bool,
    /// The texts of substitutions.
    inner: Vec<String>,
}

fn unquote(raw: &str) -> Word {
    let mut out = Word { text: String::new(), literal: true, inner: Vec::new() };
    let mut chars = raw.char_indices().peekable();
    let mut double = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' if !double => {
                for (_, c) in chars.by_ref() {
                    if c == '\'' {
                        break;
                    }
                    out.text.push(c);
                }
            }
            '"' => double = !double,
            '\\' => match chars.next() {
                Some((_, '\n')) => {}
                Some((_, c)) if double && !"$`\"\\".contains(c) => {
                    out.text.push('\\');
                    out.text.push(c);
                }
                Some((_, c)) => out.text.push(c),
                None => out.literal = false,
            },
            '$' | '`' => {
                out.literal = false;
                // `$IFS` is how a space is written by those who may not write one.
                let rest = raw.get(at..).unwrap_or_default();
                if let Some(inner) = substitution(rest) {
                    out.inner.push(inner.to_owned());
                }
                match ["${IFS}", "$IFS"].into_iter().find(|space| rest.starts_with(space)) {
                    Some(space) => {
                        out.text.push(' ');
                        for _ in 1..space.len() {
                            let _part_of_it = chars.next();
                        }
                    }
                    None => out.text.push(c),
                }
            }
            '*' | '?' | '[' | '{' | '~' | '#' | '!' | '=' if !double => {
                // `=` before the program would be a variable; braces and tildes mean different things to different shells.
                let harmless = c == '=' || (matches!(c, '~' | '#') && at > 0);
                out.literal &= harmless;
                out.text.push(c);
            }
            c => {
                // Line ends and other controls inside a word are no plain word.
                out.literal &= !c.is_control() || c == '\t';
                out.text.push(c);
            }
        }
    }
    out.literal &= !double;
    out
}

/// What stands in `$(...)` or between backticks at the beginning of this.
fn substitution(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('`') {
        return rest.split_once('`').map(|(inner, _)| inner);
    }
    let rest = text.strip_prefix("$(")?;
    let mut depth = 1_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return rest.get(..at);
        }
    }
    None
}
