"""The whole way of a caller with a token: the official Python SDK finds out from our refusal who gives tokens, gets one from a
real OpenID provider (node-oidc-provider) with its credentials, and calls. Then every algorithm, tokens that were changed, and a
provider that hangs and goes.

openid.py PROGRAM NODE FOLDER-OF-node_modules
"""

import asyncio
import base64
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import httpx2
from mcp import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client

PREFIX, WORK = os.environ["PREFIX"], pathlib.Path(os.environ["WORK"])
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
SECRET = "of-a-test"


class Storage:
    def __init__(self):
        self.tokens = self.info = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.info

    async def set_client_info(self, info):
        self.info = info


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def token(issuer: str, client: str, resource: str) -> str:
    body = {"grant_type": "client_credentials", "resource": resource}
    request = urllib.request.Request(f"{issuer}/token", urllib.parse.urlencode(body).encode())
    credentials = base64.b64encode(f"{client}:{SECRET}".encode()).decode()
    request.add_header("Authorization", f"Basic {credentials}")
    return json.load(urllib.request.urlopen(request, timeout=30))["access_token"]


def policy(url: str, bearer: str) -> tuple[int, dict]:
    request = urllib.request.Request(url.replace("/mcp", "/tools/docker_policy"), b"{}", method="POST")
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Bearer {bearer}")
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


async def by_sdk(issuer: str, url: str, client: str) -> tuple[set, str, Storage]:
    storage = Storage()
    auth = ClientCredentialsOAuthProvider(
        server_url=url, storage=storage, client_id=client, client_secret=SECRET, issuer=issuer
    )
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http), read_timeout_seconds=30) as session:
            tools = {tool.name for tool in (await session.list_tools()).tools}
            listed = await session.call_tool("docker_ps", {})
            assert not listed.is_error, listed
            return tools, str(listed.structured_content), storage


def main(program: str, node: str, modules: str) -> None:
    here = pathlib.Path(__file__).parent
    provider = subprocess.Popen([node, here / "provider.mjs", modules], stdout=subprocess.PIPE, text=True)
    server = None
    try:
        issuer = provider.stdout.readline().strip()
        assert issuer.startswith("http://"), issuer
        port = free_port()
        url = f"http://localhost:{port}/mcp"
        folder = WORK / "openid"
        folder.mkdir()
        config = folder / "config.toml"
        roles = "[roles.viewer]\nread = true\n[roles.operator]\nread = true\nlifecycle = true\n"
        config.write_text(roles)
        new_key = [program, "--config", config, "key", "new", "--role", "viewer", "--name", "own"]
        own, lines = subprocess.run(new_key, capture_output=True, text=True, check=True).stdout.split("\n", 1)
        config.write_text(
            f'{roles}[http.oidc]\nissuer = "{issuer}"\naudience = "{url}"\nrole_claim = "role"\n{lines}\n'
        )
        config.chmod(0o600)
        log = (folder / "log").open("w")
        env = os.environ | {"XDG_STATE_HOME": str(folder / "state")}
        server = subprocess.Popen(
            [program, "--config", config, "serve", "--http", f"127.0.0.1:{port}"], stderr=log, env=env
        )
        for _ in range(100):
            if "serving" in (folder / "log").read_text():
                break
            time.sleep(0.1)

        tools, listed, storage = asyncio.run(by_sdk(issuer, url, "viewer-RS256"))
        assert "docker_ps" in tools and "docker_pause" not in tools, tools
        assert f"{PREFIX}-web" in listed, listed
        tools, _, other = asyncio.run(by_sdk(issuer, url, "operator-ES256"))
        assert "docker_pause" in tools, tools
        print("the SDK found the provider by itself, and each role has its tools")

        for algorithm in ALGORITHMS:
            status, said = policy(url, token(issuer, f"operator-{algorithm}", url))
            assert status == 200 and said["levels"]["lifecycle"] is True, (algorithm, said)
        print("signed by each of", *ALGORITHMS)

        fine = token(issuer, "viewer-RS256", url)
        head, claims, signature = fine.split(".")
        decode = lambda part: json.loads(base64.urlsafe_b64decode(part + "=="))
        encode = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
        raised = encode(decode(claims) | {"role": "operator"})
        for what, bad, expected in [
            ("tampered", f"{head}.{raised}.{signature}", 401),
            ("alg none", f"{encode({'alg': 'none'})}.{raised}.", 401),
            ("for another server", token(issuer, "operator-RS256", "http://localhost:1/mcp"), 401),
            ("without a role that there is here", token(issuer, "nothing-RS256", url), 403),
        ]:
            status, said = policy(url, bad)
            assert status == expected, (what, status, said)
            print(f"{what}: {status} {said['error']['message']}")

        provider.send_signal(signal.SIGSTOP)
        assert policy(url, fine)[0] == 200 and policy(url, own)[0] == 200
        begun = time.monotonic()
        unknown = f"{encode({'alg': 'RS256', 'kid': 'other'})}.{claims}.{signature}"
        status, _ = policy(url, unknown)
        took = time.monotonic() - begun
        assert status in (401, 503) and took < 20, (status, took)
        provider.kill()
        provider.wait()
        assert policy(url, fine)[0] == 200 and policy(url, own)[0] == 200
        print("with the provider hung and gone, known keys and our own go on working")

        written = (folder / "log").read_text() + "".join(
            path.read_text() for path in (folder / "state").rglob("*.jsonl")
        )
        assert "oidc:viewer-RS256" in written and "oidc:operator-EdDSA" in written
        for secret in [fine, claims, signature, storage.tokens.access_token, other.tokens.access_token, own]:
            assert secret not in written, "a token or a key was written down"
        print("no token was written down")
    finally:
        for process in (server, provider):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


main(*sys.argv[1:])
