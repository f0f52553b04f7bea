use super::*;

fn window(want: usize, pattern: Option<&str>, context: usize) -> Window {
    let pattern = pattern.map(|p| Regex::new(p).unwrap());
    Window::new(Keep { want, pattern, invert: false, context, bytes: 4096, mask: Mask::default() })
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
fn a_colour_hides_nothing() {
    assert_eq!(fed(window(9, Some("^ERROR"), 0), &["\x1b[31mERR\x1b[0mOR"]).hits(), 1);
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
