use super::*;

const STAMP: &str = "2026-01-31T12:00:00.000000000Z";

/// All lines of a stream that arrives in these pieces.
fn lines(mut lines: Lines, pieces: &[&[u8]]) -> Vec<Text> {
    let mut out = Vec::new();
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(line) = lines.take(&mut input) {
            out.push(line);
        }
    }
    out.extend(lines.finish());
    out
}

fn texts(lines: &[Text]) -> Vec<&str> {
    lines.iter().map(|l| l.text.as_str()).collect()
}

#[test]
fn every_split_gives_the_same_lines() {
    let stream = "one\r\n\ntwö\nprogress 1%\rprogress 2%\r\nlast".as_bytes();
    for a in 0..=stream.len() {
        for b in a..=stream.len() {
            let got = lines(Lines::new(false, false), &[&stream[..a], &stream[a..b], &stream[b..]]);
            assert_eq!(texts(&got), ["one", "", "twö", "progress 1%\rprogress 2%", "last"], "{a} {b}");
        }
    }
    let stamped =
        format!("{STAMP} one\n{STAMP} \n{STAMP} x y\nno stamp here, it is long enough\nshort\n{STAMP} end");
    for a in 0..=stamped.len() {
        let got = lines(Lines::new(true, false), &[&stamped.as_bytes()[..a], &stamped.as_bytes()[a..]]);
        assert_eq!(
            texts(&got),
            ["one", "", "x y", "no stamp here, it is long enough", "short", "end"],
            "{a}"
        );
        assert_eq!(got.iter().filter(|l| l.timestamp.as_deref() == Some(STAMP)).count(), 4, "{a}");
    }
}

#[test]
fn an_empty_stream_has_no_line() {
    assert!(lines(Lines::new(true, true), &[b""]).is_empty());
    assert_eq!(texts(&lines(Lines::new(false, true), &[b"\n"])), [""]);
}

#[test]
fn long_lines_are_split_and_say_so() {
    let stream = [vec![b'x'; 2 * LINE_MAX], b"\nnext\n".to_vec()].concat();
    for step in [1000, 4096, LINE_MAX, LINE_MAX + 1, stream.len()] {
        let pieces: Vec<&[u8]> = stream.chunks(step).collect();
        let got = lines(Lines::new(false, true), &pieces);
        let shape: Vec<_> = got.iter().map(|l| (l.text.len(), l.more)).collect();
        assert_eq!(shape, [(LINE_MAX, true), (LINE_MAX, false), (4, false)], "{step}");
    }
}

#[test]
fn a_character_is_not_split() {
    let stream = [vec![b'x'; 7], "ä".as_bytes().to_vec(), b"yy".to_vec()].concat();
    assert_eq!(texts(&lines(Lines::new(false, true).up_to(8), &[&stream])), ["xxxxxxx", "äyy"]);
    // Bytes that are no text do not stop the way.
    let junk = vec![0xff; 64];
    let got = lines(Lines::new(false, true).up_to(8), &[&junk]);
    assert_eq!(got.len(), 8);
}

#[test]
fn parts_of_a_long_line_lose_their_stamps() {
    let body = "y".repeat(PART);
    // Frames, as the engine sends them for json-file.
    let mut framed = Lines::new(true, true);
    let mut out = Vec::new();
    for part in [body.as_str(), &body, "end\n"] {
        framed.frame();
        let frame = format!("{STAMP} {part}");
        for piece in frame.as_bytes().chunks(1000) {
            let mut input = Bytes::copy_from_slice(piece);
            out.extend(framed.take(&mut input));
        }
    }
    assert_eq!(texts(&out), [format!("{body}{body}end")]);
    assert_eq!(framed.messages(), 3);
    // A terminal: one long text with stamps inside.
    let raw = format!("{STAMP} {body}{STAMP} {body}{STAMP} end\n{STAMP} z\n");
    for step in [1, 7, 1000, raw.len()] {
        let pieces: Vec<&[u8]> = raw.as_bytes().chunks(step).collect();
        assert_eq!(texts(&lines(Lines::new(true, false), &pieces)), [format!("{body}{body}end"), "z".into()]);
    }
}

#[test]
fn work_is_linear() {
    let chunk = Bytes::from(vec![b'x'; LINE_MAX]);
    let mut lines = Lines::new(false, false);
    let mut split = 0;
    for _ in 0..4800 {
        let mut input = chunk.clone();
        while lines.take(&mut input).is_some() {
            split += 1;
        }
        assert!(lines.held.capacity() <= 2 * LINE_MAX);
    }
    assert_eq!(split, 4799);
}
