use super::*;

fn window(want: usize, pattern: Option<&str>, context: usize) -> Window {
    let pattern = pattern.map(|p| Regex::new(p).unwrap());
    Window::new(Keep { want, pattern, invert: false, context, bytes: 4096 })
}

fn fed(mut window: Window, lines: &[&str]) -> Window {
    for text in lines {
        let (source, timestamp) = (Source::Stdout, Some("T".into()));
        window.push(LogLine { source, text: (*text).into(), timestamp, more: false });
    }
    window
}

#[test]
fn the_newest_lines_stay() {
    let w = fed(window(2, None, 0), &["a", "b", "c"]);
    assert_eq!((w.text(false).as_str(), w.seen(), w.full()), ("b\nc", 3, true));
    assert_eq!(w.newest(1, true), "T c");
    assert!(!fed(window(2, None, 0), &["a"]).full());
}

#[test]
fn hits_have_lines_around_them() {
    let lines = ["1", "2", "x3", "4", "5", "6", "7", "x8", "x9", "10", "11"];
    let shown = |want| fed(window(want, Some("x"), 1), &lines).text(false);
    assert_eq!(shown(9), "2\nx3\n4\n--\n7\nx8\nx9\n10");
    assert_eq!(shown(2), "7\nx8\nx9\n10");
    // A hit that fell out is no context.
    assert_eq!(shown(1), "x9\n10");
    let none = fed(window(9, Some("x"), 0), &lines);
    assert_eq!((none.text(false).as_str(), none.hits()), ("x3\nx8\nx9", 3));
    let overlap = fed(window(9, Some("x"), 2), &["a", "x", "b", "c", "d", "x", "e"]);
    assert_eq!(overlap.text(false), "a\nx\nb\nc\nd\nx\ne");
}

#[test]
fn the_other_lines() {
    let mut w = window(9, Some("x"), 0);
    w.keep.invert = true;
    assert_eq!(fed(w, &["a", "x", "b"]).text(false), "a\nb");
}

#[test]
fn what_was_only_read_to_know_counts_for_nothing() {
    let mut w = fed(window(9, Some("x"), 1), &["x1", "x2", "3", "4", "x5", "6"]);
    w.forget(2, 2);
    assert_eq!((w.text(false).as_str(), w.seen(), w.hits(), w.kept_hits()), ("4\nx5\n6", 4, 1, 1));
    // What fell out before the lines that are wanted is not missed.
    let long = "y".repeat(3000);
    let w = fed(window(2, None, 0), &[&long, &long, "a", "b"]);
    assert!(!w.squeezed() && w.text(false) == "a\nb");
    assert!(fed(window(3, None, 0), &["a", &long, &long]).squeezed());
}

#[test]
fn memory_is_bounded() {
    let long = "y".repeat(1000);
    let mut w = window(100, None, 0);
    for _ in 0..1000 {
        w = fed(w, &[&long]);
        assert!(w.bytes <= 4096);
    }
    assert!(w.squeezed() && w.full() && w.len() == 4);
}
