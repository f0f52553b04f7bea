use super::*;

fn inspection() -> Value {
    let volume = "ab".repeat(32);
    json!({
        "Id": "c".repeat(64),
        "Config": {
            "Hostname": "cccccccccccc", "Image": "a:1", "Env": ["A=1", "PATH=/bin"], "Cmd": ["x"],
            "Labels": { "own": "1", "img": "2", "docker-mcp.recreate.of": "z" }, "User": "",
        },
        "HostConfig": {
            "NetworkMode": "net", "Binds": ["data:/data:ro"], "Mounts": [{ "Type": "volume", "Target": "/m" }],
            "Links": ["/db:/web/alias"], "VolumesFrom": ["other"], "Privileged": true,
            "PortBindings": { "80/tcp": [{ "HostIp": "", "HostPort": "8080" }], "81/tcp": [{ "HostPort": "" }] },
        },
        "Mounts": [
            { "Type": "volume", "Name": "data", "Destination": "/data", "RW": false },
            { "Type": "volume", "Name": volume, "Destination": "/m", "RW": false },
            { "Type": "volume", "Name": "lent", "Destination": "/lent", "RW": true },
            { "Type": "bind", "Source": "/srv", "Destination": "/srv", "RW": false },
        ],
        "NetworkSettings": { "Networks": {
            "net": { "Aliases": ["app", "cccccccccccc"], "NetworkID": "n", "IPAddress": "10.0.0.2", "IPAMConfig": {} },
            "two": { "IPAMConfig": { "IPv4Address": "10.1.0.9" } },
        } },
    })
}

#[test]
fn everything_is_there_and_nothing_of_the_moment() {
    let Copied { body, contended, unnamed } =
        copy(&inspection(), "a:1", None, &[("docker-mcp.recreate.of", "x")], Macs::Derived).unwrap();
    assert_eq!(unnamed, ["/m"]);
    assert_eq!(body["Labels"], json!({ "own": "1", "img": "2", "docker-mcp.recreate.of": "x" }));
    assert!(body.get("Hostname").is_none(), "the engine gives it its own");
    let host = &body["HostConfig"];
    assert_eq!(host["Binds"], json!(["data:/data:ro", "lent:/lent", "/srv:/srv:ro"]));
    assert_eq!(host["Mounts"][0]["Source"], json!("ab".repeat(32)));
    assert_eq!((&host["Links"], &host["VolumesFrom"]), (&json!(["db:alias"]), &Value::Null));
    assert_eq!(host["Privileged"], true, "as it was");
    assert_eq!(
        body["NetworkingConfig"]["EndpointsConfig"],
        json!({ "net": { "Aliases": ["app"] }, "two": { "IPAMConfig": { "IPv4Address": "10.1.0.9" } } })
    );
    assert_eq!(
        contended,
        ["what is written to /lent", "port 8080 of the host for 80/tcp", "a fixed address in `two`"]
    );
}

#[test]
fn another_image_brings_its_own() {
    let old = json!({ "Env": ["PATH=/bin"], "Cmd": ["x"], "Labels": { "img": "2" }, "User": "" });
    let body = copy(&inspection(), "b:2", Some(&old), &[], Macs::Derived).unwrap().body;
    assert_eq!((&body["Env"], &body["Labels"]), (&json!(["A=1"]), &json!({ "own": "1" })));
    assert!(body.get("Cmd").is_none() && body["Image"] == "b:2");
}

#[test]
fn what_was_cut_is_not_copied() {
    let mut long = inspection();
    long["Config"]["Labels"]["x"] = json!("aaa…[cut]");
    assert!(copy(&long, "a", None, &[], Macs::Derived).is_err());
}

#[test]
fn a_hardware_address_is_copied_where_somebody_chose_it() {
    let chosen = json!("02:42:00:11:22:33");
    let ends = |macs, change: &dyn Fn(&mut Value)| {
        let mut facts = inspection();
        facts["State"] = json!({ "Status": "running" });
        facts["NetworkSettings"]["Networks"]["net"]["MacAddress"] = json!("02:42:0a:00:00:02");
        change(&mut facts);
        let body = copy(&facts, "a", None, &[], macs).unwrap().body;
        let end = body["NetworkingConfig"]["EndpointsConfig"]["net"]["MacAddress"].clone();
        (body["MacAddress"].clone(), end)
    };
    let wide = |facts: &mut Value| facts["Config"]["MacAddress"] = chosen.clone();
    let own = |facts: &mut Value| facts["NetworkSettings"]["Networks"]["net"]["MacAddress"] = chosen.clone();
    for macs in [Macs::OfContainer, Macs::Derived, Macs::AtRandom] {
        assert_eq!(ends(macs, &|_| {}), (Value::Null, Value::Null), "the engine's own: {macs:?}");
    }
    assert_eq!(ends(Macs::OfContainer, &wide), (chosen.clone(), Value::Null));
    assert_eq!(ends(Macs::Derived, &wide), (Value::Null, chosen.clone()));
    assert_eq!(ends(Macs::AtRandom, &wide), (Value::Null, chosen.clone()));
    assert_eq!(ends(Macs::Derived, &own), (Value::Null, chosen.clone()));
    assert_eq!(ends(Macs::AtRandom, &own), (Value::Null, Value::Null), "it may be anybody's");
}
