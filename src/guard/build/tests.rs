use super::*;

fn with(text: &str, args: &[(&str, &str)]) -> Result<Vec<(usize, String)>, Refused> {
    let args = args.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let images = read(text, &args)?.images;
    Ok(images.into_iter().map(|Named { line, image }| (line, image.familiar())).collect())
}

#[track_caller]
fn images(text: &str) -> Vec<String> {
    with(text, &[]).unwrap_or_else(|e| panic!("{e}: {text}")).into_iter().map(|(_, image)| image).collect()
}

#[track_caller]
fn refused(text: &str) -> Refused {
    match with(text, &[]) {
        Ok(images) => panic!("read as {images:?}: {text}"),
        Err(e) => e,
    }
}

#[test]
fn every_image_is_seen() {
    for (text, want) in [
        ("FROM q", &["q:latest"] as &[&str]),
        ("\u{feff}# comment\r\n\r\n  from q:1 as X\r\nRUN true\r\nFROM x\r\n", &["q:1"]),
        (
            "FROM q AS b\nFROM reg.example/c:2\nCOPY --from=b / /\nCOPY --from=0 / /",
            &["q:latest", "reg.example/c:2"],
        ),
        ("FROM q\nCOPY --link --from=evil /x /x", &["q:latest", "evil:latest"]),
        (
            "FROM q\nRUN x \\\n  # comment \\\n\n  && y\nCOPY \\\n --from=ee-x / /",
            &["q:latest", "ee-x:latest"],
        ),
        ("FROM scratch\nADD [\"a b\", \"/x\"]", &[]),
        ("FROM --platform=$BUILDPLATFORM q", &["q:latest"]),
        (
            "FROM q\nRUN <<EOF cat\nFROM p\nCOPY --from=c / /\nEOF\nCOPY --from=ddx / /",
            &["q:latest", "ddx:latest"],
        ),
        ("FROM q\nRUN <<-'E' cat <<F\nx\n\tE\nF\nFROM p", &["q:latest", "p:latest"]),
        ("FROM q\nRUN x=$((1<<2))\nFROM p", &["q:latest", "p:latest"]),
        ("FROM q\nENV x <<EOF\nFROM p", &["q:latest", "p:latest"]),
        ("# Syntax = docker/dockerfile:1.7\nFROM q", &["q:latest", "docker/dockerfile:1.7"]),
        (
            "FROM q\n# syntax=evil/x\nRUN --mount=type=tmpfs,target=/x,size=1m --network=none true",
            &["q:latest"],
        ),
        ("FROM q\nONBUILD RUN true\nHEALTHCHECK --interval=5s CMD true\nRUN [ -f x ] && true", &["q:latest"]),
    ] {
        assert_eq!(images(text), want, "{text}");
    }
}

#[test]
fn variables_are_those_of_the_builder() {
    for (text, args, want) in [
        ("ARG B=q\nFROM $B", &[] as &[(&str, &str)], "q:latest"),
        ("ARG B=q\nFROM $B", &[("B", "evil")], "evil:latest"),
        ("ARG B\nFROM ${B}:${T:-3}", &[("B", "x")], ""),
        ("ARG B T\nFROM ${B}:${T:-3}", &[("B", "x")], "x:3"),
        ("ARG B= T\nFROM x:${B:-1}${T+2}", &[], "x:1"),
        ("ARG B=\"q\" T='2'\nARG I=$B:$T\nFROM $I", &[], "q:2"),
        ("ARG B=q\nARG B=z\nFROM $B", &[], "z:latest"),
        // Not declared, or only where it does not count: nothing that is known.
        ("FROM $B", &[("B", "x")], ""),
        ("FROM q\nARG B=z\nFROM $B", &[], ""),
        ("ARG TARGETARCH\nFROM ${TARGETARCH:-a}", &[], ""),
        ("ARG http_proxy=a\nFROM $http_proxy", &[], ""),
        ("ARG B=q\nFROM ${B#q}", &[], ""),
        ("ARG B=q\nFROM ${B:-$B}", &[], ""),
        ("ARG B=q\nFROM $$B", &[], ""),
        ("ARG B=evil\nARG A=\"x B=q C=d\"\nFROM $B", &[], ""),
        ("ARG B=q\\ b\nFROM x", &[], ""),
    ] {
        let got = with(text, args).ok().and_then(|images| images.last().map(|(_, i)| i.clone()));
        assert_eq!(got.unwrap_or_default(), want, "{text} {args:?}");
    }
}

/// Rows B4 and B5 of the threats, and what stands in the way of seeing them.
#[test]
fn what_no_build_may_do_is_refused_with_its_line() {
    for (text, line) in [
        ("# syntax=evil/frontend\nFROM q", 1),
        ("#syntax = docker/dockerfile-upstream:master\nFROM q", 1),
        ("# syntax=docker/dockerfile:1-labs\nFROM q", 1),
        ("# syntax=docker/dockerfile:latest\nFROM q", 1),
        ("# comment\n\n# SYNTAX=evil\nFROM q", 3),
        ("#!/bin/x\n# syntax=evil\nFROM q", 2),
        ("// syntax=evil\nFROM q", 1),
        ("{\"syntax\": \"evil\"}\nFROM q", 1),
        ("# escape=`\nFROM q", 1),
        ("FROM q\nRUN --mount=from=img,target=/x true", 2),
        ("FROM q\nRUN --mount=type=bind,from=img true", 2),
        ("FROM q\nRUN --mount=type=tmpfs,type=secret,id=x true", 2),
        ("FROM q\nRUN --mount=type=tmpfs,from=x true", 2),
        ("FROM q\nRUN --mount=type=TMPFS,target=/x true", 2),
        ("FROM q\nRUN --mount=type=$T true", 2),
        ("FROM q\nRUN --mount=target=/x true", 2),
        ("FROM q\nRUN --mount=type=secret,id=x true", 2),
        ("FROM q\nRUN --mount=type=ssh true", 2),
        ("FROM q\nRUN --mount=type=cache,target=/x true", 2),
        ("FROM q\nRUN \\\n --network=host true", 2),
        ("FROM q\nRUN --security=insecure true", 2),
        ("FROM q\nRUN --device=x true", 2),
        ("FROM q\nRUN --m\"ount=type=ssh\" true", 2),
        ("FROM q\nADD http://x/y /", 2),
        ("FROM q\nADD [\"git@host:x\", \"/\"]", 2),
        ("FROM q\nADD ht\"tp:\"//x /", 2),
        ("FROM q\nARG U=http\nADD $U /", 3),
        ("FROM q\nADD --keep-git-dir=true x /", 2),
        ("FROM q\nONBUILD ADD https://x /", 2),
        ("FROM q\nONBUILD COPY --from=x / /", 2),
        ("FROM q\nONBUILD RUN --mount=type=ssh true", 2),
        ("FROM q\nONBUILD FROM p", 2),
        ("FROM q\nCOPY --from=$X / /", 2),
        ("FROM q\nCOPY --from=0 / /", 2),
        ("FROM q AS x\nCOPY --from=later / /\nFROM p AS later", 2),
        ("FROM q AS x\nCOPY --from=x / /", 2),
        ("FROM q\nCOPY --from=https://x / /", 2),
        ("FROM 02a7b36bbbff", 1),
        ("FROM cafe", 1),
        ("FROM sha256:02a7", 1),
        ("FROM q b", 1),
        ("FROM docker-image://a", 1),
        ("FROM https://github.com/a/b", 1),
        ("FROM q\nRUN echo \"\" <<EOF\nEOF", 2),
        ("FROM q\nRUN cat <<EOF\nFROM p", 2),
        ("FROM q\nRUN cat <<< x", 2),
        ("FROM q\nRUN [\"a\", <<EOF]\nEOF", 2),
        ("FROM q\nRUN x \\\\\nFROM evil", 2),
        ("FROM q\nRUN x\u{b}", 2),
        ("FROM q\nCOPY\u{a0}--from=x / /", 2),
        ("INCLUDE x\nFROM q", 1),
        ("RUN true\nFROM q", 1),
        ("FROM q\nCMD --x", 2),
        ("", 1),
        ("root:x:0:0:root:/root:/bin/bash", 1),
    ] {
        assert_eq!(refused(text).line, line, "{text}: {}", refused(text));
    }
}

/// Row B2: a refusal says nothing of a file that is no Dockerfile.
#[test]
fn refusals_do_not_repeat_the_file() {
    for text in ["canary:x:0", "FROM canary/é", "FROM q\ncanary", "FROM q\nADD canary: /", "ARG canary!=x"] {
        let said = refused(text).to_string();
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn what_an_image_triggers_is_judged_as_a_line() {
    for fine in ["RUN make", "COPY . /src", "ADD x.tar /", "ENV A=b", "RUN --mount=type=tmpfs,target=/x true"]
    {
        assert_eq!(trigger(fine), Ok(()), "{fine}");
    }
    for bad in [
        "COPY --from=evil / /",
        "copy  --from=0 / /",
        "ADD https://example.invalid/x /",
        "RUN --mount=type=ssh true",
        "RUN --network=host true",
        "RUN true\nADD https://example.invalid/x /",
        "RUN <<EOF",
        "# syntax=evil/x",
        "ONBUILD RUN true",
        "FROM evil",
        "NOSUCH x",
        "",
    ] {
        assert!(trigger(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_build_needs_what_its_stages_reach() {
    let text = "# syntax=docker/dockerfile:1\nFROM q AS one\nFROM --platform=$BUILDPLATFORM p AS two\nCOPY --from=s / /\n\
                FROM one AS three\nCOPY --from=two / /\nFROM t AS four\nFROM scratch\nCOPY --from=1 / /\n";
    let file = read(text, &BTreeMap::new()).unwrap();
    let needs = |target: Option<&str>| {
        let word = |needed: Needed| match needed.begins {
            None => needed.named.image.familiar(),
            Some(platform) => format!("{}^{platform}", needed.named.image.familiar()),
        };
        file.needs(target).into_iter().map(word).collect::<Vec<_>>().join(" ")
    };
    let (two, copied) = ("p:latest^$BUILDPLATFORM", "s:latest");
    let front = "docker/dockerfile:1";
    for (target, want) in [
        (Some("one"), "q:latest^".to_owned()),
        (Some("TWO"), format!("{two} {copied}")),
        (Some("three"), format!("q:latest^ {two} {copied}")),
        (Some("3"), "t:latest^".to_owned()),
        (None, format!("{two} {copied}")),
        (Some("nosuch"), format!("q:latest^ {two} {copied} t:latest^")),
    ] {
        let mut have: Vec<String> = needs(target).split(' ').map(str::to_owned).collect();
        let mut want: Vec<String> = want.split(' ').chain([front]).map(str::to_owned).collect();
        have.sort();
        want.sort();
        assert_eq!(have, want, "{target:?}");
    }
}

#[test]
fn arguments_of_the_builder_itself() {
    assert!(steers_the_builder("BUILDKIT_SYNTAX") && steers_the_builder("buildkit_inline_cache"));
    assert!(!steers_the_builder("VERSION"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
        let _either = read(&text, &BTreeMap::new());
    }

    #[test]
    fn an_image_is_seen_wherever_it_stands(
        before in proptest::collection::vec("(RUN [a-z ]{1,9}( \\\\\n [a-z]{1,4})?|ENV a=[a-z]{1,3}|# [a-z]{0,5}|)", 0..6),
    ) {
        let text = format!("FROM q\n{}\nCOPY --from=evil / /\n", before.join("\n"));
        proptest::prop_assert!(images(&text).contains(&"evil:latest".to_owned()), "{}", text);
    }
}
