"""The smoke tests of the gateway's guide, through its own client, against a server with examples/configs/pi-stack.toml.

smoke.py stack PORT FILE     the stack of FILE is up: sonarr and sabnzbd
smoke.py hung PORT           its engine takes connections and says nothing
"""

import json
import os
import socket
import subprocess
import sys
import time

PORT = int(sys.argv[2])
resolve = socket.getaddrinfo


def as_on_its_network(host, port, *rest, **more):
    """The name that the guide's network gives the server; the port is one that is free here."""
    return resolve("127.0.0.1", PORT, *rest, **more) if (host, port) == ("docker-mcp", 8080) else resolve(host, port, *rest, **more)


socket.getaddrinfo = as_on_its_network

from docker_mcp import READ_TIMEOUT, DockerMCPClient, ToolError  # noqa: E402

MCP = DockerMCPClient()


def refused(status: int, words: str, fn: str, args: dict, mutating: bool = True) -> None:
    try:
        result = MCP.call(fn, args, mutating=mutating)
    except ToolError as e:
        assert f"{fn} -> {status}:" in str(e) and words in str(e), e
        print("refused as it should be:", e)
    else:
        raise AssertionError(f"{fn} {args} went through: {result}")


def started(service: str) -> str:
    of = ["--filter", f"label=com.docker.compose.service={service}", "--filter", f"label=com.docker.compose.project={os.environ['PREFIX']}-stack"]
    name = subprocess.run(["docker", "ps", "-aq", *of], check=True, capture_output=True, text=True).stdout.strip()
    look = ["docker", "inspect", "--format", "{{.State.StartedAt}}", name]
    return subprocess.run(look, check=True, capture_output=True, text=True).stdout.strip()


def stack(file: str) -> None:
    running = json.dumps(MCP.call("docker_ps", {}))
    print("docker_ps:", running)
    assert "sonarr" in running and "sabnzbd" in running and "-beside" not in running, running
    status = MCP.call("compose_ps", {"file": file})
    print("compose_ps:", status)
    services = {row["service"]: row["state"] for row in status["containers"]}
    assert services == {"sonarr": "running", "sabnzbd": "running"}, status
    logs = json.dumps(MCP.call("compose_logs", {"file": file, "service": "sabnzbd", "tail": 150}))
    print("compose_logs:", logs)
    assert "queue is empty" in logs and "sonarr speaks" not in logs, logs
    assert "0123hidden" not in logs and "apikey=" not in logs, "a key is shown"

    before, other = started("sonarr"), started("sabnzbd")
    done = MCP.call("compose_restart", {"file": file, "service": "sonarr"}, mutating=True)
    print("compose_restart:", done)
    assert [one["changed"] for one in done["results"]] == [True], done
    assert started("sonarr") != before and started("sabnzbd") == other, "another one was restarted"

    refused(429, "cooldown", "compose_restart", {"file": file, "service": "sonarr"})
    # By another name it is the same service; another service is another.
    refused(403, "permission_denied", "docker_restart", {"containers": "sonarr"})
    MCP.call("compose_restart", {"file": file, "service": "sabnzbd"}, mutating=True)
    assert started("sabnzbd") != other

    refused(403, "docker_compose_pull", "compose_pull", {"file": file})
    refused(403, "docker_compose_up", "compose_up", {"file": file})
    beside = os.path.join(os.path.dirname(file), "other.yml")
    for fn in ("compose_ps", "compose_restart"):
        for other in ({"file": beside}, {"file": "/etc/passwd"}, {"project": os.environ["PREFIX"] + "-beside"}):
            refused(404, "not_found", fn, other)
    refused(404, "not_found", "compose_restart", {"file": file, "service": "radarr"})
    refused(400, "invalid_arguments", "compose_restart", {"file": file, "service": "sonarr", "approved": True})


def hung() -> None:
    for fn in ("docker_ps", "compose_ps"):
        begun = time.monotonic()
        # Of its own, before the client gives up: httpx would raise something else.
        refused(504, "daemon_timeout", fn, {}, mutating=False)
        took = time.monotonic() - begun
        print(f"{fn} was answered after {took:.2f} s")
        assert took < READ_TIMEOUT, took


if __name__ == "__main__":
    stack(sys.argv[3]) if sys.argv[1] == "stack" else hung()
