//! YAML as far as the pre-pass needs it: nodes with their lines, kept once however many aliases name them.
//!
//! An alias costs nothing here, and a file of a few lines can still stand for more nodes than fit in memory. So each node
//! knows how many it would be with all aliases written out, and how deep, and a file that is too large is refused while it
//! is read.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Parser, ScalarStyle, Tag, options};

use super::Fault;

const BYTES: usize = 1 << 20;
/// Nodes that stand in the file.
const NODES: usize = 100_000;
/// Nodes that it means.
const EXPANDED: usize = 200_000;
/// Children of one node. Compose compares keys of a map with each other.
const CHILDREN: usize = 10_000;
/// Whatever walks over nodes may call itself as often as this.
const DEPTH: usize = 64;

/// A file.
#[derive(Debug)]
pub(super) struct Document {
    nodes: Vec<Node>,
    root: usize,
}

#[derive(Debug)]
struct Node {
    line: usize,
    tagged: Tagged,
    kind: Kind,
    /// With all aliases written out.
    size: usize,
    height: usize,
    /// It is read to its end.
    done: bool,
}

#[derive(Debug)]
enum Kind {
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<usize>),
    /// Keys and values in turn.
    Map(Vec<usize>),
}

/// What an explicit tag makes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tagged {
    /// Nothing, or what it is anyway.
    No,
    /// `!reset`: as if it were not there.
    Reset,
    /// Something else, which may change what a text means (`!!binary`).
    Other,
}

impl Tagged {
    fn of(tag: Option<&Tag>) -> Self {
        let Some(tag) = tag else { return Self::No };
        let (handle, suffix) = tag.parts();
        match (handle, suffix) {
            ("!", "reset") => Self::Reset,
            ("!", "override") | ("", "!") | ("!", "") => Self::No,
            _ if ["str", "map", "seq"].iter().any(|core| tag.is_yaml_core_schema_tag(core)) => Self::No,
            _ => Self::Other,
        }
    }
}

/// Reads a file of one document.
pub(super) fn read(text: &str) -> Result<Document, Fault> {
    if text.len() > BYTES {
        return Err(Fault::new(None, "the file is larger than 1 MiB", "split it into several"));
    }
    let mut reader = Reader::default();
    let options = options! { flow_nesting_limit: DEPTH, block_nesting_limit: DEPTH };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match next {
            Ok(next) => next,
            // Its words hold nothing of the file but one character.
            Err(e) => {
                let line = Some(e.marker().line());
                return Err(Fault::new(line, format!("it is no YAML: {}", e.info()), "mend this line"));
            }
        };
        reader.take(event, span.start.line())?;
    }
    match reader.root {
        Some(root) => Ok(Document { nodes: reader.nodes, root }),
        None => Err(Fault::new(None, "the file is empty", "a compose file has `services` in it")),
    }
}

#[derive(Default)]
struct Reader {
    nodes: Vec<Node>,
    root: Option<usize>,
    /// Lists and maps whose ends are yet to come.
    open: Vec<usize>,
    anchors: BTreeMap<usize, usize>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() || !self.nodes.is_empty() => {
                Err(Fault::new(Some(line), "a second document begins", "one file holds one document"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                let kind =
                    Kind::Scalar { text: text.into_owned(), plain: matches!(style, ScalarStyle::Plain) };
                let at = self.add(kind, line, anchor, tag.as_deref())?;
                self.finish(at)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let at = self.add(Kind::List(Vec::new()), line, anchor, tag.as_deref())?;
                self.open.push(at);
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                let at = self.add(Kind::Map(Vec::new()), line, anchor, tag.as_deref())?;
                self.open.push(at);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(at) => self.finish(at),
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(at) if self.nodes.get(*at).is_some_and(|node| node.done) => self.put(*at, line),
                _ => Err(Fault::new(
                    Some(line),
                    "an alias to what it stands in, or to nothing",
                    "write it out",
                )),
            },
            _ => Ok(()),
        }
    }

    fn add(&mut self, kind: Kind, line: usize, anchor: usize, tag: Option<&Tag>) -> Result<usize, Fault> {
        if self.nodes.len() >= NODES {
            return Err(too_large(line));
        }
        let at = self.nodes.len();
        self.nodes.push(Node { line, tagged: Tagged::of(tag), kind, size: 1, height: 1, done: false });
        if anchor != 0 {
            self.anchors.insert(anchor, at);
        }
        Ok(at)
    }

    fn finish(&mut self, at: usize) -> Result<(), Fault> {
        let Some(node) = self.nodes.get_mut(at) else { return Ok(()) };
        node.done = true;
        let line = node.line;
        self.put(at, line)
    }

    /// Into what is open, or as all there is.
    fn put(&mut self, at: usize, line: usize) -> Result<(), Fault> {
        let Some(child) = self.nodes.get(at) else { return Ok(()) };
        let (size, height) = (child.size, child.height);
        let Some(parent) = self.open.last().and_then(|open| self.nodes.get_mut(*open)) else {
            self.root.get_or_insert(at);
            return Ok(());
        };
        parent.size = parent.size.saturating_add(size);
        parent.height = parent.height.max(height.saturating_add(1));
        if parent.size > EXPANDED {
            return Err(too_large(line));
        }
        if parent.height > DEPTH {
            return Err(Fault::new(Some(line), "too many levels within each other", "64 are the most"));
        }
        if let Kind::List(inner) | Kind::Map(inner) = &mut parent.kind {
            if inner.len() >= 2 * CHILDREN {
                return Err(too_large(line));
            }
            inner.push(at);
        }
        Ok(())
    }
}

fn too_large(line: usize) -> Fault {
    Fault::new(Some(line), "it holds too much, its aliases written out", "a compose file is much smaller")
}

/// A node of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Yaml<'a> {
    document: &'a Document,
    node: &'a Node,
}

impl Document {
    pub(super) fn root(&self) -> Option<Yaml<'_>> {
        self.at(self.root)
    }

    fn at(&self, at: usize) -> Option<Yaml<'_>> {
        self.nodes.get(at).map(|node| Yaml { document: self, node })
    }
}

impl<'a> Yaml<'a> {
    pub(super) fn line(self) -> usize {
        self.node.line
    }

    /// Absent to whoever reads it.
    pub(super) fn is_nothing(self) -> bool {
        let null = |text: &str| matches!(text, "" | "~" | "null" | "Null" | "NULL");
        self.node.tagged == Tagged::Reset
            || matches!(&self.node.kind, Kind::Scalar { text, plain: true } if null(text))
    }

    /// A text; not one with a tag that makes another of it.
    pub(super) fn text(self) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Scalar { text, .. } if self.node.tagged != Tagged::Other => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(self) -> Option<impl Iterator<Item = Yaml<'a>>> {
        match &self.node.kind {
            Kind::List(inner) => Some(inner.iter().filter_map(move |at| self.document.at(*at))),
            _ => None,
        }
    }

    /// Keys and values, those that are merged in (`<<`) included: what stands in the map itself goes before them, and of
    /// several merged maps the first.
    pub(super) fn fields(self) -> Option<Vec<(&'a str, Yaml<'a>)>> {
        let mut all = Vec::new();
        self.collect(&mut BTreeSet::new(), &mut all).then_some(all)
    }

    /// Does it stand for a map? It calls itself no deeper than the document is.
    fn collect(self, seen: &mut BTreeSet<&'a str>, all: &mut Vec<(&'a str, Yaml<'a>)>) -> bool {
        let Kind::Map(inner) = &self.node.kind else { return false };
        let mut merged = Vec::new();
        for pair in inner.chunks_exact(2) {
            let [key, value] = pair else { continue };
            let (Some(key), Some(value)) = (self.document.at(*key), self.document.at(*value)) else {
                continue;
            };
            let Kind::Scalar { text, plain } = &key.node.kind else { continue };
            if text == "<<" && *plain {
                match value.list() {
                    Some(list) => merged.extend(list),
                    None => merged.push(value),
                }
            } else if seen.insert(text) {
                all.push((text, value));
            }
        }
        for map in merged {
            map.collect(seen, all);
        }
        true
    }
}
