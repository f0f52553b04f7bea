use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::{Gathered, NotRead, Sort, inline};
use super::Host;

/// What the mirror holds, as names from the host's folder on.
fn copies(host: &Host, gathered: &Gathered) -> BTreeSet<String> {
    fn walk(folder: &Path, all: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            match entry.file_type().unwrap().is_dir() {
                true => {
                    assert_eq!(mode, 0o700, "{entry:?}");
                    walk(&entry.path(), all);
                }
                false => {
                    assert_eq!(mode, 0o600, "{entry:?}");
                    all.push(entry.path());
                }
            }
        }
    }
    let mut all = Vec::new();
    walk(&gathered.prefix(), &mut all);
    let prefix = gathered.prefix().join(host.path("").strip_prefix("/").unwrap());
    all.iter().map(|path| path.strip_prefix(&prefix).unwrap().display().to_string()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_files_name_is_followed_by_the_rules_of_compose() {
    let host = Host::new();
    host.write("root/app/.env", "TAG=1\nCOMPOSE_PROFILES=a,b\nDOCKER_HOST=tcp://x\n");
    host.write(
        "root/app/compose.yaml",
        "include:\n  - sub/compose.yaml\n  - { path: ../other/c.yaml, project_directory: ../proj, env_file: inc.env }\n\
         services:\n web:\n  env_file: [.env, envs/1.env, absent.env]\n  extends: { file: ../shared/base.yaml, service: b }\n",
    );
    host.write("root/app/envs/1.env", "E=1\n");
    host.write(
        "root/app/sub/compose.yaml",
        "services:\n s:\n  env_file: s.env\ninclude: [deep/compose.yaml]\n",
    );
    host.write("root/app/sub/.env", "S=1\n");
    host.write("root/app/sub/s.env", "S=1\n");
    host.write(
        "root/app/sub/deep/compose.yaml",
        "services:\n d:\n  env_file: 1.env\ninclude: [../compose.yaml]\n",
    );
    host.write("root/app/sub/deep/1.env", "D=1\n");
    host.write("root/app/inc.env", "I=1\n");
    host.write("root/other/c.yaml", "services:\n o:\n  env_file: o.env\n");
    host.write("root/other/.env", "not=read\n");
    host.write("root/proj/o.env", "O=1\n");
    host.write(
        "root/shared/base.yaml",
        "include: [nosuch.yaml]\nservices:\n b:\n  env_file: b.env\n c:\n  extends: { file: base2.yaml, service: x }\n",
    );
    host.write("root/shared/b.env", "B=1\n");
    host.write("root/shared/base2.yaml", "services:\n x:\n  env_file: nosuch.env\n");
    let gathered = host.gather(Some("app")).unwrap();
    let want = set(&[
        "root/app/.env",
        "root/app/compose.yaml",
        "root/app/envs/1.env",
        "root/app/inc.env",
        "root/app/sub/.env",
        "root/app/sub/compose.yaml",
        "root/app/sub/deep/1.env",
        "root/app/sub/deep/compose.yaml",
        "root/app/sub/s.env",
        "root/other/c.yaml",
        "root/proj/o.env",
        "root/shared/b.env",
        "root/shared/base.yaml",
        "root/shared/base2.yaml",
    ]);
    assert_eq!(copies(&host, &gathered), want);
    // As a container's own it is whole; for the CLI, without what steers.
    let whole = gathered.mirrored(&host.path("root/app/.env"));
    assert!(fs::read_to_string(whole).unwrap().contains("DOCKER_HOST"));
    assert_eq!(fs::read_to_string(&gathered.env_files[0]).unwrap(), "TAG=1\n\n\n");
    assert_eq!(gathered.profiles, ["a", "b"]);
    let root = gathered.root.clone();
    assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o7777, 0o700);
    drop(gathered);
    assert!(!root.exists());
}

/// Whether names may have variables at all is the guard's to say.
#[test]
fn variables_in_names_are_those_of_where_they_stand() {
    if crate::guard::compose::references("services:\n a:\n  env_file: \"${X}.env\"\n").is_err() {
        return;
    }
    let host = Host::new();
    host.write("root/.env", "MODE=dev\n");
    host.write("root/compose.yaml", "include: [sub/c.yaml]\nservices:\n a:\n  env_file: \"${MODE}.env\"\n");
    host.write("root/dev.env", "A=1\n");
    host.write("root/sub/.env", "MODE=other\nSUB=s\n");
    host.write("root/sub/c.yaml", "services:\n b:\n  env_file: [\"${SUB}.env\", \"${MODE}.env\"]\n");
    host.write("root/sub/s.env", "A=1\n");
    host.write("root/sub/dev.env", "A=1\n");
    host.write("root/sub/other.env", "A=1\n");
    let copied = copies(&host, &host.gather(None).unwrap());
    let want = ["root/compose.yaml", "root/dev.env", "root/sub/.env", "root/sub/c.yaml", "root/sub/dev.env"];
    assert_eq!(copied, set(&[want.as_slice(), &["root/sub/s.env"]].concat()));
}

/// Rows C7, C11 and E5: nothing outside is read, and nothing fetched.
#[test]
fn what_lies_elsewhere_is_refused_with_its_line() {
    let host = Host::new();
    host.write("root/app/fine.env", "A=1\n");
    host.write("root/app/other.yaml", "services:\n x:\n  env_file: ../../outside/secret.env\n");
    host.link("outside/secret.env", "root/app/linked.env");
    host.link("outside/nosuch", "root/app/dangling.env");
    host.link("outside", "root/app/away");
    let up = "../".repeat(60);
    for (reads, sort) in [
        ("  env_file: ../../outside/secret.env".to_owned(), Sort::Outside),
        ("  env_file: ../../outside/nosuch.env".to_owned(), Sort::Outside),
        ("  env_file: [{ path: ../../outside/nosuch.env, required: false }]".to_owned(), Sort::Outside),
        ("  env_file: linked.env".to_owned(), Sort::Outside),
        ("  env_file: dangling.env".to_owned(), Sort::Outside),
        ("  env_file: away/secret.env".to_owned(), Sort::Outside),
        ("  env_file: away/nosuch.env".to_owned(), Sort::Outside),
        (format!("  env_file: {up}etc/passwd"), Sort::Outside),
        (
            format!(
                "  env_file: {up}{}",
                host.path("root/app/fine.env").display().to_string().trim_start_matches('/')
            ),
            Sort::Outside,
        ),
        ("  label_file: ../../outside/secret.env".to_owned(), Sort::Outside),
        ("  extends: { file: ../../outside/compose.yaml, service: x }".to_owned(), Sort::Outside),
        ("  extends: { file: nosuch.yaml, service: x }".to_owned(), Sort::Outside),
        ("  extends: { file: other.yaml, service: x }".to_owned(), Sort::Outside),
        ("include: [../../outside/compose.yaml]".to_owned(), Sort::Outside),
        ("include: [away/compose.yaml]".to_owned(), Sort::Outside),
        ("include: [other.yaml]".to_owned(), Sort::Outside),
        ("include: [{ path: fine.yaml, env_file: ../../outside/secret.env }]".to_owned(), Sort::Outside),
        ("include: [oci://x/y]".to_owned(), Sort::Unfit),
        ("include: [https://x/y.git]".to_owned(), Sort::Unfit),
        ("include: [git@x]".to_owned(), Sort::Unfit),
        ("  env_file: /etc/passwd".to_owned(), Sort::Unfit),
        (format!("  env_file: {}", host.path("root/app/fine.env").display()), Sort::Unfit),
        ("  env_file: \"~/x.env\"".to_owned(), Sort::Unfit),
        ("  env_file: \"$HOME/x.env\"".to_owned(), Sort::Unfit),
        ("  env_file: \"${NOSUCH}.env\"".to_owned(), Sort::Unfit),
        ("  env_file: away".to_owned(), Sort::Outside),
        ("  env_file: ../app".to_owned(), Sort::Unfit),
    ] {
        host.write("root/app/fine.yaml", "services: {}\n");
        host.write("root/app/compose.yaml", &format!("services:\n web:\n{reads}\n"));
        let refused = host.gather(Some("app")).err().unwrap_or_else(|| panic!("{reads}"));
        assert_eq!(refused.sort, sort, "{reads}: {refused}");
        assert!(refused.message.contains(" line 3"), "{reads}: {refused}");
        assert!(!format!("{refused:?}").contains("canary"), "{refused:?}");
    }
    host.write("root/app/compose.yaml", "\tx\n");
    let faulty = host.gather(Some("app")).unwrap_err();
    assert!(faulty.message.starts_with("`compose.yaml`") && faulty.sort == Sort::Unfit, "{faulty}");
}

#[test]
fn links_within_the_roots_are_copied_where_they_stand() {
    let host = Host::new();
    host.write("root/real/base.yaml", "services:\n b:\n  env_file: b.env\n");
    host.write("root/real/b.env", "REAL=1\n");
    host.write("root/app/links/b.env", "BESIDE=1\n");
    host.link("root/real/base.yaml", "root/app/links/base.yaml");
    host.link("root/real", "root/app/folder");
    host.write(
        "root/app/compose.yaml",
        "services:\n web:\n  extends: { file: links/base.yaml, service: x }\n db:\n  extends: { file: folder/base.yaml, service: x }\n",
    );
    let want = ["root/app/compose.yaml", "root/app/folder/b.env", "root/app/folder/base.yaml"];
    let want = set(&[want.as_slice(), &["root/app/links/b.env", "root/app/links/base.yaml"]].concat());
    let gathered = host.gather(Some("app")).unwrap();
    assert_eq!(copies(&host, &gathered), want);
}

#[test]
fn there_is_an_end() {
    let host = Host::new();
    host.write("root/a.yaml", "include: [b.yaml]\n");
    host.write("root/b.yaml", "include: [a.yaml]\nservices:\n x:\n  extends: { file: b.yaml, service: x }\n");
    assert_eq!(host.gather(Some("a.yaml")).unwrap().files.len(), 1, "a circle is compose's to complain of");
    for n in 0..30 {
        host.write(&format!("root/deep{n}.yaml"), &format!("include: [deep{}.yaml]\n", n + 1));
    }
    assert!(host.gather(Some("deep0.yaml")).unwrap_err().message.contains("20 other files"));
    let many: String = (0..120).map(|n| format!(" s{n}:\n  env_file: e{n}.env\n")).collect();
    host.write("root/many.yaml", &format!("services:\n{many}"));
    (0..120).for_each(|n| host.write(&format!("root/e{n}.env"), "A=1\n"));
    assert!(host.gather(Some("many.yaml")).unwrap_err().message.contains("one file too many"));
    (0..9).for_each(|n| host.write(&format!("root/e{n}.env"), &"#".repeat(1_000_000)));
    assert!(host.gather(Some("many.yaml")).unwrap_err().message.contains("8 MiB"));
}

#[test]
fn every_file_of_a_trusted_project_is_trusted() {
    let mut host = Host::new();
    host.write(
        "root/compose.yaml",
        "services:\n web:\n  extends: { file: base.yaml, service: x }\n  env_file: a.env\n",
    );
    host.write("root/base.yaml", "services:\n x:\n  image: x\n");
    host.write("root/a.env", "A=1\n");
    host.places.trusted = vec![host.path("root/compose.yaml")];
    assert!(!host.gather(None).unwrap().trusted);
    host.places.trusted.push(host.path("root/base.yaml"));
    assert!(host.gather(None).unwrap().trusted, "env files are no compose files");
}

/// Row C16.
#[test]
fn a_text_reads_nothing() {
    assert!(inline("services:\n web:\n  image: x\n").is_ok());
    for reads in
        ["include: [a.yaml]", "  env_file: .env", "  extends: { file: x, service: x }", "  label_file: x"]
    {
        match inline(&format!("services:\n web:\n{reads}\n")) {
            Err(NotRead::Refused(refused)) => assert!(refused.message.starts_with("line 3: "), "{refused}"),
            other => panic!("{reads}: {other:?}"),
        }
    }
    assert!(inline(&"#".repeat((1 << 20) + 1)).is_err());
}
