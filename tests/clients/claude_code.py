"""Claude Code against a stand-in of the Messages API on the loopback, which asks for one tool after the other.

claude_code.py CLAUDE auto|legacy COMMAND
"""

import http.server
import json
import os
import subprocess
import sys
import threading

PREFIX, WORK = os.environ["PREFIX"], os.environ["WORK"]
WEB = f"{PREFIX}-web"
# What the model asks for, and what the answer must hold.
CALLS = [
    ("docker_ps", {}, WEB),
    ("docker_logs", {"container": WEB}, "the web speaks"),
    ("docker_inspect", {"container": WEB}, WEB),
    ("docker_logs", {"container": f"{PREFIX}-vault"}, "not_found"),
]
OFFERED: set[str] = set()
RESULTS: list[str] = []


def results_in(messages: list) -> list[str]:
    """What tools answered, in order."""
    found = []
    for message in messages:
        if message["role"] == "user" and isinstance(message["content"], list):
            for block in message["content"]:
                if block.get("type") == "tool_result":
                    found.append(json.dumps(block.get("content"), ensure_ascii=False))
    return found


def next_block(request: dict) -> dict:
    """What the model says next: a call, or a word at the end."""
    OFFERED.update(tool["name"] for tool in request.get("tools", []))
    results = results_in(request["messages"])
    if "mcp__docker__docker_ps" not in OFFERED or len(results) >= len(CALLS):
        RESULTS[:] = max(RESULTS, results, key=len)
        return {"type": "text", "text": "done"}
    name, arguments, _ = CALLS[len(results)]
    return {"type": "tool_use", "id": f"toolu_{len(results)}", "name": f"mcp__docker__{name}", "input": arguments}


def events(request: dict):
    block = next_block(request)
    tool = block["type"] == "tool_use"
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": request["model"], "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": usage}
    empty = {**block, "input": {}} if tool else {**block, "text": ""}
    delta = ({"type": "input_json_delta", "partial_json": json.dumps(block["input"])} if tool
             else {"type": "text_delta", "text": block["text"]})
    yield {"type": "message_start", "message": message}
    yield {"type": "content_block_start", "index": 0, "content_block": empty}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    stop = {"stop_reason": "tool_use" if tool else "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": usage}
    yield {"type": "message_stop"}


class Api(http.server.BaseHTTPRequestHandler):
    """POST /v1/messages, streamed or not."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "count_tokens" in self.path:
            return self.reply("application/json", json.dumps({"input_tokens": 1}))
        if request.get("stream"):
            body = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events(request))
            return self.reply("text/event-stream", body)
        answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": request["model"],
                  "content": [{"type": "text", "text": "done"}], "stop_reason": "end_turn", "stop_sequence": None,
                  "usage": {"input_tokens": 1, "output_tokens": 1}}
        return self.reply("application/json", json.dumps(answer))

    def do_GET(self):
        self.reply("application/json", "{}")

    do_HEAD = do_GET

    def reply(self, kind: str, body: str):
        data = body.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def main(claude: str, era: str, command: str) -> None:
    api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    config = os.path.join(WORK, "mcp.json")
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"mcpServers": {"docker": {"command": command}}}, file)
    home = os.path.join(WORK, "home")
    env = {"PATH": os.environ["PATH"], "HOME": home, "CLAUDE_CONFIG_DIR": os.path.join(home, ".claude"),
           "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{api.server_port}", "ANTHROPIC_API_KEY": "stand-in",
           "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "ENABLE_TOOL_SEARCH": "false"}
    if era == "legacy":
        env["MCP_PROTOCOL_NEGOTIATION"] = "legacy"
    run = subprocess.run(
        [claude, "-p", "look at the containers", "--mcp-config", config, "--strict-mcp-config",
         "--allowedTools", "mcp__docker", "--output-format", "json"],
        env=env, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    print(run.stdout[-2000:], run.stderr[-2000:])
    print("offered:", sorted(name for name in OFFERED if name.startswith("mcp__")))
    assert run.returncode == 0, run.returncode
    assert len(RESULTS) == len(CALLS), RESULTS
    for (name, arguments, words), result in zip(CALLS, RESULTS):
        assert words in result, f"{name} {arguments}: {result}"
        if "vault" not in str(arguments):
            assert f"{PREFIX}-vault" not in result, result


main(*sys.argv[1:])
