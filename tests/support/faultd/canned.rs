//! What a small healthy engine answers.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::http::{Answer, Request};

/// The engine's own.
pub const ID: &str = "d5a1f0c6-0f0a-4d1e-9c1c-faultd000001";

/// A container of the canned engine.
#[derive(Debug, Clone)]
pub struct Made {
    /// 64 hex digits.
    pub id: String,
    /// Without the slash.
    pub name: String,
    /// Its output is a terminal's.
    pub tty: bool,
    /// What it wrote.
    pub log: Vec<u8>,
}

impl Made {
    /// Of that name; its id follows from the number.
    pub fn new(number: u32, name: &str) -> Self {
        let log = format!("{name} speaks\n").into_bytes();
        Self {
            id: format!("{:064x}", 0xfa17_0000_0000_u64 + u64::from(number)),
            name: name.to_owned(),
            tty: false,
            log,
        }
    }

    /// It runs in a terminal.
    pub fn tty(mut self) -> Self {
        self.tty = true;
        self
    }

    fn listed(&self) -> Value {
        json!({
            "Id": self.id, "Names": [format!("/{}", self.name)], "Image": "docker-mcp/base:latest",
            "ImageID": format!("sha256:{}", "ba5e".repeat(16)), "Command": "sleep 9999", "Created": 1_700_000_000,
            "Ports": [], "Labels": {}, "State": "running", "Status": "Up 2 hours",
            "HostConfig": { "NetworkMode": "bridge" }, "NetworkSettings": { "Networks": {} }, "Mounts": [],
        })
    }

    fn inspected(&self) -> Value {
        json!({
            "Id": self.id, "Name": format!("/{}", self.name), "Created": "2023-11-14T22:13:20Z",
            "Path": "sleep", "Args": ["9999"], "Image": format!("sha256:{}", "ba5e".repeat(16)), "RestartCount": 0,
            "State": { "Status": "running", "Running": true, "Paused": false, "Pid": 4711, "ExitCode": 0,
                       "StartedAt": "2023-11-14T22:13:20Z", "FinishedAt": "0001-01-01T00:00:00Z" },
            "Config": { "Hostname": "x", "Tty": self.tty, "Env": [], "Cmd": ["sleep", "9999"],
                        "Image": "docker-mcp/base:latest", "Labels": {} },
            "HostConfig": { "NetworkMode": "bridge", "LogConfig": { "Type": "json-file" },
                            "RestartPolicy": { "Name": "no" } },
            "NetworkSettings": { "Networks": {} }, "Mounts": [],
        })
    }

    /// Two of them a second apart say 50 %.
    fn used() -> Value {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let nanos = u64::try_from(since.as_nanos()).unwrap();
        let read = jiff::Timestamp::now().to_string();
        json!({
            "read": read, "preread": "0001-01-01T00:00:00Z", "pids_stats": { "current": 3 },
            "cpu_stats": { "cpu_usage": { "total_usage": nanos / 2 }, "system_cpu_usage": nanos, "online_cpus": 1 },
            "memory_stats": { "usage": 1_000_000, "limit": 2_000_000, "stats": {} },
            "networks": {}, "blkio_stats": { "io_service_bytes_recursive": [] },
        })
    }
}

/// A moment as the `Date` header has it.
pub fn date(skew: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(skew);
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap()
}

/// The newest API, where nothing else is said.
pub const API: (u32, u32) = (1, 45);

/// Asked in an API that is too new for it, an engine says so.
pub fn refused(request: &Request, speaks: (u32, u32)) -> Option<Answer> {
    let (major, minor) = request.version()?;
    let words = format!(
        "client version {major}.{minor} is too new. Maximum supported API version is {}.{}",
        speaks.0, speaks.1
    );
    ((major, minor) > speaks).then(|| Answer::json(400, &json!({ "message": words }).to_string()))
}

/// The answer, after which the stream ends.
pub fn answer(request: &Request, made: &[Made]) -> Answer {
    let json = |value: Value| Answer::json(200, &value.to_string());
    let path = request.path.as_str();
    let answer = match (request.method.as_str(), path) {
        ("GET" | "HEAD", "/_ping") => Answer::new(200, "text/plain; charset=utf-8", b"OK"),
        ("GET", "/version") => json(json!({
            "Version": "26.1.5", "ApiVersion": "1.45", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64",
        })),
        ("GET", "/info") => json(json!({
            "ID": ID, "Name": "faultd", "ServerVersion": "26.1.5", "Containers": made.len(),
            "ContainersRunning": made.len(), "Driver": "overlay2", "OSType": "linux", "SystemTime": jiff::Timestamp::now().to_string(),
        })),
        ("GET", "/containers/json") => json(made.iter().map(Made::listed).collect()),
        ("GET", "/images/json" | "/networks" | "/services") => json(json!([])),
        ("GET", "/volumes") => json(json!({ "Volumes": [], "Warnings": null })),
        ("GET", _) => of_container(path, made),
        ("POST", _) if of_container(&format!("{path}/json"), made).status == 200 => Answer::new(204, "", b""),
        ("POST" | "DELETE", _) if known(path, made).is_some() => Answer::new(204, "", b""),
        _ => Answer::json(404, r#"{"message":"page not found"}"#),
    };
    answer.header("Api-Version", "1.45").header("Server", "Docker/26.1.5 (linux)").header("Date", &date(0))
}

fn known<'a>(path: &'a str, made: &'a [Made]) -> Option<(&'a Made, &'a str)> {
    let (who, what) = path.strip_prefix("/containers/")?.split_once('/')?;
    Some((made.iter().find(|m| m.id == who || m.name == who)?, what))
}

fn of_container(path: &str, made: &[Made]) -> Answer {
    let Some((who, what)) = known(path, made) else {
        return Answer::json(404, r#"{"message":"No such container"}"#);
    };
    match what {
        "json" => Answer::json(200, &who.inspected().to_string()),
        "stats" => Answer::json(200, &Made::used().to_string()),
        "logs" if who.tty => Answer::new(200, "application/vnd.docker.raw-stream", &who.log),
        "logs" => {
            let mut body = frame_head(1, u32::try_from(who.log.len()).unwrap()).to_vec();
            body.extend_from_slice(&who.log);
            Answer::new(200, "application/vnd.docker.multiplexed-stream", &body)
        }
        "top" => Answer::json(200, r#"{"Titles":["PID","CMD"],"Processes":[["4711","sleep 9999"]]}"#),
        _ => Answer::json(404, r#"{"message":"page not found"}"#),
    }
}

/// The header of a frame of that stream.
pub fn frame_head(kind: u8, length: u32) -> [u8; 8] {
    let [a, b, c, d] = length.to_be_bytes();
    [kind, 0, 0, 0, a, b, c, d]
}
