//! Folders that something must lie under.

use std::path::{Path, PathBuf};

use crate::config::forms::strings;
use crate::config::layers::Form;
use crate::config::merge::beneath;
use crate::config::reader::Reader;
use crate::config::section::{How, Section, Shape};
use crate::config::settings::Roots;
use crate::config::tree::Node;
use crate::config::units::quote_all;

/// Folders. A relative one follows the folder that the server was started in, which a client may have chosen without
/// thought: for binds it never means `/`, a home or a system folder, and nowhere does it mean `/`.
pub(super) fn roots(s: &mut Section<'_, '_>, key: &'static str) -> Roots {
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
        let list = strings(reader, path, node)?;
        let count = list.len();
        let mut out = Vec::new();
        let mut left_out = 0;
        for (text, at) in list {
            match reader.base.resolve(&text) {
                Ok(folder) => match wide(reader, path, &text, &folder) {
                    Some(why) => {
                        reader.wide_roots.push((path.to_owned(), folder, why));
                        left_out += 1;
                    }
                    None => {
                        if path == "create_safety.bind_roots"
                            && let Some(why) = reader.base.too_wide(&folder)
                        {
                            let hint = Some("name the folders below it that are meant".to_owned());
                            let message = format!("`{text}` is {why}: a container could be given all of it");
                            reader.warning(&at, message, hint);
                        }
                        out.push(folder);
                    }
                },
                Err(why) => {
                    let hint = Some("write an absolute path".to_owned());
                    reader.problem(&at, format!("`{path}` cannot be used: {why}"), hint);
                }
            }
        }
        (out.len() + left_out == count).then_some(out)
    };
    let path = s.key(key);
    let mut default = Vec::new();
    if let Ok(folder) = s.reader.base.resolve(".") {
        let set = s.peek(key);
        match wide(s.reader, &path, ".", &folder) {
            Some(why) if !set => s.reader.wide_roots.push((path, folder, why)),
            Some(_) => {}
            None => default.push(folder),
        }
    }
    let show = |list: &Vec<PathBuf>| {
        let texts: Vec<String> = list.iter().map(|p| p.display().to_string()).collect();
        quote_all(texts.iter().map(String::as_str))
    };
    let shape = Shape::new("a list of folders", Form::List);
    Roots::Under(s.value(key, &shape, default, &How { parse: &parse, merge: &beneath, show: &show }))
}

fn wide(reader: &Reader<'_>, path: &str, text: &str, folder: &Path) -> Option<&'static str> {
    let relative = !text.starts_with('~') && Path::new(text).is_relative();
    let why = reader.base.too_wide(folder)?;
    (relative && (path == "create_safety.bind_roots" || folder.parent().is_none())).then_some(why)
}
