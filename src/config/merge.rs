//! What a variable may do to a value: each key names one of these rules.
//!
//! A rule takes what is in force and what the variable says, and answers what is in force then, or `None` where that would
//! loosen a guard.

use std::path::PathBuf;

use crate::policy::Pattern;

/// No guard: any value.
#[expect(clippy::unnecessary_wraps, reason = "all rules have one form")]
pub fn free<T>(_: &T, new: T) -> Option<T> {
    Some(new)
}

/// Lower is tighter: a switch may go off, a number down.
pub fn lower<T: PartialOrd>(old: &T, new: T) -> Option<T> {
    (new <= *old).then_some(new)
}

/// Higher is tighter: a switch may go on, a choice to its right.
pub fn higher<T: PartialOrd>(old: &T, new: T) -> Option<T> {
    (new >= *old).then_some(new)
}

/// 0 switches the guard off; any other number is as good.
pub fn not_off(old: &u32, new: u32) -> Option<u32> {
    (new != 0 || *old == 0).then_some(new)
}

/// A ceiling may be set and lowered, not lifted.
pub fn ceiling<T: PartialOrd + Copy>(old: &Option<T>, new: Option<T>) -> Option<Option<T>> {
    match (old, new) {
        (None, new) => Some(new),
        (Some(old), Some(new)) if new <= *old => Some(Some(new)),
        (Some(_), _) => None,
    }
}

/// Only the file may say it.
pub fn fixed<T: PartialEq>(old: &T, new: T) -> Option<T> {
    (new == *old).then_some(new)
}

/// May be unset, not set to something else.
pub fn unset_only<T: PartialEq>(old: &Option<T>, new: Option<T>) -> Option<Option<T>> {
    (new.is_none() || new == *old).then_some(new)
}

/// What a list entry is compared by.
pub trait Entry {
    /// Two entries that mean the same.
    fn same(&self, other: &Self) -> bool;
}

impl Entry for Pattern {
    fn same(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Entry for PathBuf {
    fn same(&self, other: &Self) -> bool {
        self == other
    }
}

/// A list that denies: the variable adds.
#[expect(clippy::ptr_arg, clippy::unnecessary_wraps, reason = "all rules have one form")]
pub fn union<T: Entry + Clone>(old: &Vec<T>, new: Vec<T>) -> Option<Vec<T>> {
    let mut all = old.clone();
    for entry in new {
        if !all.iter().any(|o| o.same(&entry)) {
            all.push(entry);
        }
    }
    Some(all)
}

/// A list that grants, empty granting nothing: the variable may only leave entries out.
#[expect(clippy::ptr_arg, reason = "all rules have one form")]
pub fn subset<T: Entry>(old: &Vec<T>, new: Vec<T>) -> Option<Vec<T>> {
    new.iter().all(|entry| old.iter().any(|o| o.same(entry))).then_some(new)
}

/// A list that limits, empty not limiting: the variable may set one, or leave entries out, but not all.
#[expect(clippy::ptr_arg, reason = "all rules have one form")]
pub fn narrowed<T: Entry + Clone>(old: &Vec<T>, new: Vec<T>) -> Option<Vec<T>> {
    match (old.is_empty(), new.is_empty()) {
        (true, _) => Some(new),
        (false, true) => Some(old.clone()),
        (false, false) => {
            let both: Vec<T> = new.into_iter().filter(|entry| old.iter().any(|o| o.same(entry))).collect();
            (!both.is_empty()).then_some(both)
        }
    }
}

/// Folders: each new one must lie under an old one.
#[expect(clippy::ptr_arg, reason = "all rules have one form")]
pub fn beneath(old: &Vec<PathBuf>, new: Vec<PathBuf>) -> Option<Vec<PathBuf>> {
    new.iter().all(|path| old.iter().any(|root| path.starts_with(root))).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Source;

    fn list(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|t| Pattern { text: (*t).into(), source: Source::default_value() }).collect()
    }

    fn texts(list: Option<Vec<Pattern>>) -> Option<Vec<String>> {
        list.map(|l| l.into_iter().map(|p| p.text).collect())
    }

    #[test]
    fn guards_only_tighten() {
        assert_eq!(lower(&false, true), None);
        assert_eq!(lower(&true, false), Some(false));
        assert_eq!(higher(&true, false), None);
        assert_eq!(not_off(&60, 0), None);
        assert_eq!(not_off(&60, 90), Some(90));
        assert_eq!(ceiling(&Some(5), None), None);
        assert_eq!(ceiling(&None, Some(5)), Some(Some(5)));
        assert_eq!(unset_only(&Some(1), None), Some(None));
        assert_eq!(unset_only(&None, Some(1)), None);
    }

    #[test]
    fn lists_that_deny_grow_and_lists_that_grant_shrink() {
        assert_eq!(texts(union(&list(&["a"]), list(&["a", "b"]))).unwrap(), ["a", "b"]);
        assert_eq!(texts(subset(&list(&["a"]), list(&["b"]))), None);
        assert_eq!(texts(subset(&list(&["a", "b"]), list(&["b"]))).unwrap(), ["b"]);
        assert_eq!(texts(narrowed(&list(&[]), list(&["b"]))).unwrap(), ["b"]);
        assert_eq!(texts(narrowed(&list(&["a"]), list(&[]))).unwrap(), ["a"]);
        assert_eq!(texts(narrowed(&list(&["a", "b"]), list(&["b", "c"]))).unwrap(), ["b"]);
        // An empty list would mean all.
        assert_eq!(texts(narrowed(&list(&["a"]), list(&["c"]))), None);
        assert_eq!(beneath(&vec!["/a".into()], vec!["/a/b".into()]), Some(vec!["/a/b".into()]));
        assert_eq!(beneath(&vec!["/a".into()], vec!["/ab".into()]), None);
    }
}
