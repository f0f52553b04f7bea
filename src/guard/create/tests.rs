//! Row by row: threats.md sections 3, 4 and 19.

use serde_json::json;

use crate::config::settings::{Ceilings, PublishedPorts, Roots};
use crate::policy::Source;

use super::*;

pub(super) fn settings(profile: Profile, allow: &[&str]) -> CreateSafety {
    let exception = |text: &&str| {
        let (field, value) = match text.split_once('=') {
            Some((field, value)) => (field, Some(value.to_owned())),
            None => (*text, None),
        };
        Exception { field: field.to_owned(), value, source: Source::flag("test") }
    };
    CreateSafety {
        profile,
        allow: allow.iter().map(exception).collect(),
        bind_roots: Roots::Under(vec!["/srv/work".into()]),
        published_ports: PublishedPorts::Any,
        limits: Ceilings::default(),
    }
}

fn allowed(field: &'static str, value: &str, settings: &CreateSafety) -> bool {
    let wanted = Wanted {
        asks: vec![Ask::new(field, value)],
        protected: vec!["/srv/work/audit".into()],
        ..Wanted::default()
    };
    check(&wanted, settings).is_ok()
}

/// Field, value, baseline, restricted.
const CELLS: &[(&str, &str, bool, bool)] = &[
    // Host namespaces
    ("network_mode", "host", false, false),
    ("network_mode", "container:abc", false, false),
    ("network_mode", "none", true, true),
    ("network_mode", "mynet", true, true),
    ("pid_mode", "host", false, false),
    ("pid_mode", "container:abc", false, false),
    ("ipc_mode", "host", false, false),
    ("ipc_mode", "shareable", false, false),
    ("ipc_mode", "container:abc", false, false),
    ("ipc_mode", "private", true, true),
    ("uts_mode", "host", false, false),
    ("userns_mode", "host", false, false),
    ("cgroupns_mode", "host", false, false),
    ("cgroupns_mode", "private", true, true),
    ("privileged", "true", false, false),
    // K3: capabilities spelled in any way
    ("cap_add", "ALL", false, false),
    ("cap_add", "all", false, false),
    ("cap_add", "sys_admin", false, false),
    ("cap_add", "CAP_SYS_ADMIN", false, false),
    ("cap_add", "Cap_Sys_Admin", false, false),
    ("cap_add", "NET_RAW", false, false),
    ("cap_add", "chown", true, false),
    ("cap_add", "CAP_NET_BIND_SERVICE", true, true),
    // K4: security options in all their spellings
    ("security_opt", "seccomp=unconfined", false, false),
    ("security_opt", "seccomp:unconfined", false, false),
    ("security_opt", "seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}", false, false),
    ("security_opt", "apparmor=unconfined", false, false),
    ("security_opt", "label=disable", false, false),
    ("security_opt", "label:disable", false, false),
    ("security_opt", "systempaths=unconfined", false, false),
    ("security_opt", "no-new-privileges:false", true, false),
    ("security_opt", "no-new-privileges", true, true),
    ("security_opt", "no-new-privileges:true", true, true),
    ("security_opt", "no-new-privileges: true", false, false),
    ("security_opt", " no-new-privileges", false, false),
    ("security_opt", "no-new-privileges=true", true, true),
    ("sysctl", "kernel.shmmax=1", false, false),
    ("sysctl", "net.ipv4.tcp_syncookies=1", true, true),
    // M5: paths
    ("bind", "/srv/work/data", true, false),
    ("bind", "/srv/work", false, false),
    ("bind", "/srv/work/audit/x", false, false),
    ("bind", "/srv/work/.ssh", false, false),
    ("bind", "/srv/workshop", false, false),
    ("bind", "/srv/work/../../etc", false, false),
    ("bind", "/", false, false),
    ("bind", "//etc", false, false),
    ("bind", "/etc/.", false, false),
    ("bind", "/var", false, false),
    ("bind", "/var/run/docker.sock", false, false),
    ("bind", "/run/containerd", false, false),
    ("bind", "/proc", false, false),
    ("bind", "/sys", false, false),
    ("bind", "/dev", false, false),
    ("bind", "/root", false, false),
    ("bind", "/home/someone/.docker", false, false),
    ("bind", "/srv/work/.config", false, false),
    ("bind", "/srv/work/.config/docker-mcp/x", false, false),
    ("bind", "/srv/work/.local/state/docker-mcp/audit", false, false),
    ("mount", "type=nfs,device=:/x,o=addr=10.0.0.1", false, false),
    ("host_port", "127.0.0.1:8080", true, false),
    ("host_port", "0.0.0.0:8080", true, false),
    ("tmpfs", "/run:size=16m,mode=1777", true, true),
    ("tmpfs", "/run:exec", false, false),
    ("tmpfs", "/run:suid", false, false),
    ("tmpfs", "/proc/sys", false, false),
    ("target", "/data", true, true),
    ("target", "/proc", false, false),
    ("target", "/sys/fs/cgroup", false, false),
    ("user", "root", true, false),
    ("user", "", true, false),
    ("user", "0:0", true, false),
    ("user", "1000", true, false),
    ("user", "1000:0", true, false),
    ("user", "1000:1000", true, true),
    ("restart_policy", "always", true, false),
    ("restart_policy", "on-failure:3", true, true),
    ("extra_hosts", "db=10.0.0.5", true, false),
    ("dns", "10.0.0.5", true, false),
    // Docker alone
    ("device", "/dev/sda", false, false),
    ("gpus", "all", false, false),
    ("cgroup_parent", "/", false, false),
    ("runtime", "other", false, false),
    ("volumes_from", "abc", false, false),
    ("links", "abc:x", false, false),
    ("group_add", "0", false, false),
    ("group_add", "docker", false, false),
    ("group_add", "1000", true, true),
    ("log_driver", "syslog", false, false),
    ("log_driver", "local", true, true),
    ("oom_kill_disable", "true", false, false),
    ("oom_score_adj", "-500", false, false),
    ("oom_score_adj", "500", true, true),
    ("ulimit", "nofile=1024:2048", true, true),
    ("ulimit", "nofile=99999999", false, false),
    ("ulimit", "nofile=1:2:3", false, false),
    ("ulimit", "memlock=-1", false, false),
    ("label", "team", true, true),
    ("label", "com.docker.compose.project", false, false),
    ("label", "Com.Docker.Compose.project", false, false),
    ("label", "docker-mcp.call", false, false),
    ("name", "docker-mcp-x", false, false),
    ("no_such_field", "x", false, false),
];

#[test]
fn every_cell_of_the_table() {
    let (baseline, restricted) = (settings(Profile::Baseline, &[]), settings(Profile::Restricted, &[]));
    let off = settings(Profile::Off, &[]);
    for (field, value, in_baseline, in_restricted) in CELLS {
        assert_eq!(allowed(field, value, &baseline), *in_baseline, "baseline {field}={value}");
        assert_eq!(allowed(field, value, &restricted), *in_restricted, "restricted {field}={value}");
        assert!(allowed(field, value, &off), "off {field}={value}");
        assert!(!in_restricted || *in_baseline, "restricted is tighter: {field}={value}");
    }
}

#[test]
fn exceptions_let_through_what_they_say_and_no_more() {
    for (exception, field, value, want) in [
        ("network_mode=host", "network_mode", "host", true),
        ("network_mode=host", "network_mode", "container:abc", false),
        ("network_mode=host", "pid_mode", "host", false),
        ("network_mode", "network_mode", "container:abc", true),
        ("cap_add=NET_ADMIN", "cap_add", "cap_net_admin", true),
        ("cap_add=NET_ADMIN", "cap_add", "SYS_ADMIN", false),
        ("privileged", "privileged", "true", true),
        ("device=/dev/dri", "device", "/dev/dri", true),
        ("devices=/dev/dri", "device", "/dev/dri:/dev/x", true),
        ("device=/dev/dri", "device", "/dev/dri2", false),
        ("seccomp=unconfined", "security_opt", "seccomp:unconfined", true),
        ("seccomp=unconfined", "security_opt", "apparmor=unconfined", false),
        ("security_opt=label=disable", "security_opt", "label:disable", true),
        ("bind=/opt/data", "bind", "/opt/data/x", true),
        ("bind=/opt/data", "bind", "/opt/database", false),
        ("bind=/var/run/docker.sock", "bind", "/var/run/docker.sock", true),
        ("sysctl=kernel.shmmax", "sysctl", "kernel.shmmax=1", true),
        ("label", "label", "com.docker.compose.project", false),
    ] {
        assert_eq!(
            allowed(field, value, &settings(Profile::Baseline, &[exception])),
            want,
            "{exception} {field}={value}"
        );
    }
    let restricted = settings(Profile::Restricted, &["host_port=8080", "no_new_privileges=false"]);
    assert!(allowed("host_port", "127.0.0.1:8080", &restricted));
    assert!(!allowed("host_port", "127.0.0.1:8081", &restricted));
    assert!(allowed("security_opt", "no-new-privileges:false", &restricted));
}

#[test]
fn ports_and_ceilings() {
    let mut tight = settings(Profile::Baseline, &[]);
    tight.published_ports = PublishedPorts::Loopback;
    for (value, want) in [
        ("127.0.0.1:80", true),
        ("::1:80", true),
        ("0.0.0.0:80", false),
        (":80", false),
        ("10.1.2.3:80", false),
    ] {
        assert_eq!(allowed("host_port", value, &tight), want, "{value}");
    }
    tight.published_ports = PublishedPorts::None;
    assert!(!allowed("host_port", "127.0.0.1:80", &tight));
    tight.limits = Ceilings { memory: Some(100), cpus: Some(1.5), pids: Some(10), containers: None };
    let with = |memory, cpus, pids| {
        check(&Wanted { amounts: Amounts { memory, cpus, pids }, ..Wanted::default() }, &tight).is_ok()
    };
    assert!(with(None, None, None) && with(Some(100), Some(1.5), Some(10)));
    assert!(!with(Some(101), None, None) && !with(None, Some(1.6), None) && !with(None, None, Some(11)));
    let defaults = defaults(&tight);
    assert_eq!(defaults.amounts, Amounts { memory: Some(100), cpus: Some(1.5), pids: Some(10) });
    assert!(defaults.no_new_privileges && defaults.cap_drop == ["NET_RAW"] && !defaults.read_only);
}

#[test]
fn a_refusal_names_its_rule_and_the_way_out() {
    let wanted = Wanted { asks: vec![Ask::new("cap_add", "SYS_ADMIN")], ..Wanted::default() };
    let refusal = check(&wanted, &settings(Profile::Baseline, &[])).unwrap_err();
    assert_eq!(refusal.rule, "create_safety.profile = \"baseline\"");
    assert_eq!(refusal.exception.as_deref(), Some("cap_add=SYS_ADMIN"));
}

/// M1, M4: the ten forms of a mount of the host that `local` takes.
#[test]
fn volumes_are_what_their_options_mount() {
    use super::image::{Volume, volume};
    let of = |options: serde_json::Value| volume(&json!({ "Driver": "local", "Options": options }));
    assert_eq!(of(json!(null)), Volume::Plain);
    assert_eq!(of(json!({})), Volume::Plain);
    assert_eq!(of(json!({ "type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=1" })), Volume::Plain);
    assert_eq!(of(json!({ "type": "none", "o": "bind", "device": "/" })), Volume::Bind("/".into()));
    assert_eq!(of(json!({ "type": "none", "o": "rbind,ro", "device": "/e" })), Volume::Bind("/e".into()));
    for options in [
        json!({ "type": "overlay", "o": "lowerdir=/etc:/usr", "device": "overlay" }),
        json!({ "type": "ext4", "device": "/dev/vda" }),
        json!({ "type": "proc", "device": "proc" }),
        json!({ "type": "sysfs", "device": "sysfs" }),
        json!({ "type": "devtmpfs", "device": "devtmpfs" }),
        json!({ "type": "cgroup", "o": "devices", "device": "cgroup" }),
        json!({ "type": "debugfs", "device": "debugfs" }),
        json!({ "type": "nfs", "o": "addr=10.0.0.1", "device": ":/x" }),
        json!({ "type": "tmpfs", "device": "tmpfs", "o": "exec" }),
        json!({ "type": "none", "o": "bind,shared", "device": "/srv" }),
        json!({ "type": "ext4", "o": "bind", "device": "/srv" }),
        json!({ "size": "1g" }),
    ] {
        assert!(matches!(of(options.clone()), Volume::Other(_)), "{options}");
    }
    assert!(matches!(volume(&json!({ "Driver": "other", "Options": null })), Volume::Other(_)));
}

#[test]
fn what_was_made_is_compared() {
    let none = std::collections::BTreeSet::new();
    let sent = json!({ "Image": "sha256:1", "User": "1000:1000", "HostConfig": {
        "CapDrop": ["NET_RAW"], "SecurityOpt": ["no-new-privileges"], "PidsLimit": 512, "Dns": ["10.0.0.9"],
        "Mounts": [{ "Type": "bind", "Source": "/srv/a", "Target": "/a", "ReadOnly": true }],
        "PortBindings": { "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "" }] } } });
    let made = json!({ "Image": "sha256:1", "Config": { "User": "1000:1000", "Labels": { "a": "b",
            "com.docker.compose.project": "" } },
        "HostConfig": { "CapDrop": ["CAP_NET_RAW"], "SecurityOpt": ["no-new-privileges"], "PidsLimit": 512, "Dns": ["10.0.0.9"],
            "Privileged": false, "Binds": null, "Devices": [], "NetworkMode": "default", "IpcMode": "private",
            "MaskedPaths": ["/proc/asound"], "ReadonlyPaths": ["/proc/bus"], "Memory": 0, "OomKillDisable": null,
            "PortBindings": { "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "" }] } },
        "Mounts": [{ "Type": "bind", "Source": "/srv/a", "Destination": "/a", "RW": false },
            { "Type": "volume", "Name": "a".repeat(64), "Driver": "local", "Destination": "/data", "RW": true }] });
    made::compare(&sent, &made, &none).unwrap();
    let path = |path: &str, value: serde_json::Value| {
        let mut other = made.clone();
        let (parent, key) = path.rsplit_once('/').unwrap();
        other.pointer_mut(parent).unwrap()[key] = value;
        made::compare(&sent, &other, &none).unwrap_err()
    };
    for (field, value) in [
        ("/HostConfig/Privileged", json!(true)),
        ("/HostConfig/CapAdd", json!(["SYS_ADMIN"])),
        ("/HostConfig/CapDrop", json!([])),
        ("/HostConfig/NetworkMode", json!("host")),
        ("/HostConfig/PidMode", json!("host")),
        ("/HostConfig/IpcMode", json!("host")),
        ("/HostConfig/Binds", json!(["/:/h"])),
        ("/HostConfig/SecurityOpt", json!(["seccomp=unconfined"])),
        ("/HostConfig/MaskedPaths", json!([])),
        ("/HostConfig/Devices", json!([{ "PathOnHost": "/dev/sda" }])),
        ("/HostConfig/PidsLimit", json!(0)),
        ("/HostConfig/Links", json!(["/vault:/x/safe"])),
        ("/HostConfig/RestartPolicy", json!({ "Name": "always" })),
        ("/HostConfig/Dns", json!(["10.0.0.1"])),
        ("/HostConfig/PortBindings", json!({ "80/tcp": [{ "HostIp": "", "HostPort": "" }] })),
        ("/Config/User", json!("root")),
        ("/Config/Labels", json!({ "com.docker.compose.project": "web" })),
    ] {
        let word = field.rsplit('/').next().unwrap();
        assert!(path(field, value).starts_with(word), "{field}");
    }
}
