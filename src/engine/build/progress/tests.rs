use super::*;

const FAILS: &str = r#"{
  "vertexes": [
    { "digest": "a", "name": "[internal] load metadata", "started": "1" }
  ]
}
{"vertexes":[{"digest":"b","name":"[1/2] FROM x","started":"1","cached":true},{"digest":"c","name":"[2/2] RUN make","started":"2"}]}
{"logs":[{"vertex":"c","stream":1,"data":"b25lCnR3bwpoYWw="},{"vertex":"nosuch","data":"b25l"}]}
{
  "vertexes": [
    { "digest": "c", "name": "[2/2] RUN make", "started": "2", "completed": "3", "error": "exit code: 2" }
  ]
}
Dockerfile:3
   1 | >>> canary
ERROR: failed to solve: dockerfile parse error on line 7: unknown instruction: canary
"#;

#[test]
fn steps_lines_and_errors_however_the_pieces_fall() {
    for size in [1, 7, 10_000] {
        let mut progress = Progress::default();
        let news: Vec<String> =
            FAILS.as_bytes().chunks(size).flat_map(|piece| progress.feed(piece)).collect();
        assert_eq!(news, ["[internal] load metadata", "cached: [1/2] FROM x", "[2/2] RUN make"]);
        assert_eq!(progress.counts(), (2, 1));
        let failure = progress.failure().unwrap();
        assert_eq!((failure.step.as_str(), failure.said.as_str()), ("[2/2] RUN make", "exit code: 2"));
        assert_eq!(failure.lines, ["one", "two", "hal"]);
        assert_eq!(progress.last_words(), "the Dockerfile cannot be read, line 7");
    }
}

#[test]
fn a_flood_is_bounded() {
    let mut progress = Progress::default();
    progress.feed(b"{\n");
    for _ in 0..200 {
        progress.feed(&[b'x'; 64 << 10]);
    }
    assert!(progress.line.len() + progress.object.len() <= LONGEST + 2);
    progress.feed(b"\n}\n{\"vertexes\":[{\"digest\":\"a\",\"name\":\"[1/1] RUN x\",\"started\":\"1\"}]}\n");
    assert_eq!(progress.counts(), (1, 0), "it goes on behind what was too long");
}

#[test]
fn the_last_words_are_told_but_for_what_they_quote() {
    let says = |text: &str| {
        let mut progress = Progress::default();
        progress.feed(text.as_bytes());
        progress.last_words()
    };
    for (text, told) in [
        (
            "Dockerfile:3\n   1 | >>> canary\nERROR: failed to solve: circular dependency detected on stage: a\n",
            "docker buildx says: circular dependency detected on stage: a",
        ),
        (
            "unknown flag: --iidfile\nSee 'docker buildx build --help'.\n",
            "docker buildx says: unknown flag: --iidfile | See 'docker buildx build --help'.",
        ),
        ("", "docker buildx ended without a word"),
        (
            "ERROR: failed to solve: target stage \"x\" could not be found\n",
            "there is no stage of that name to build",
        ),
        // As an engine 20.10 says it.
        (
            "ERROR: failed to solve: rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: failed to create LLB definition: target stage x could not be found\n",
            "there is no stage of that name to build",
        ),
        (
            "ERROR: failed to solve: rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: failed to create LLB definition: circular\n",
            "docker buildx says: circular",
        ),
        (
            "ERROR: failed to solve: rpc error: code = Unknown desc = failed to create LLB definition: dockerfile parse error line 3: canary\n",
            "the Dockerfile cannot be read, line 3",
        ),
        ("ERROR: dockerfile parse error: canary\n", "the Dockerfile cannot be read"),
    ] {
        assert_eq!(says(text), told);
    }
    // I7: not who answers where.
    let said =
        says("ERROR: failed to solve: 10.0.0.5:81/x: failed to do request: dial tcp 10.0.0.5:81: refused\n");
    assert!(said.contains("the log has its words") && !said.contains("10.0.0.5"), "{said}");
}
