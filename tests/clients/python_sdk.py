"""The official Python SDK: lists, calls, an error, progress and cancellation, in the era that is named.

python_sdk.py legacy|auto|VERSION COMMAND
"""

import asyncio
import os
import sys

from mcp import Client, StdioServerParameters

PREFIX = os.environ["PREFIX"]


def text(result) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


async def main(era: str, command: str) -> None:
    server = StdioServerParameters(command=command)
    async with Client(server, mode=era, read_timeout_seconds=30) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"docker_ps", "docker_logs", "docker_inspect", "docker_health"} <= tools.keys(), sorted(tools)
        assert all(tool.annotations.read_only_hint for tool in tools.values())

        ps = await client.call_tool("docker_ps", {})
        assert not ps.is_error, text(ps)
        names = [container["name"] for container in ps.structured_content["containers"]]
        assert f"{PREFIX}-web" in names and f"{PREFIX}-vault" not in names, names
        assert f"{PREFIX}-web" in text(ps)

        logs = await client.call_tool("docker_logs", {"container": f"{PREFIX}-web"})
        assert "the web speaks" in text(logs) and "the web speaks" in str(logs.structured_content)

        inspect = await client.call_tool("docker_inspect", {"container": f"{PREFIX}-web"})
        assert not inspect.is_error and f"{PREFIX}-web" in text(inspect), text(inspect)

        hidden = await client.call_tool("docker_logs", {"container": f"{PREFIX}-vault"})
        assert hidden.is_error and hidden.structured_content["error"]["kind"] == "not_found", text(hidden)

        reports = []

        async def report(progress, total, message):
            reports.append(progress)

        follow = {"container": f"{PREFIX}-web", "follow": True, "duration": "2s"}
        followed = await client.call_tool("docker_logs", follow, progress_callback=report)
        assert not followed.is_error and reports, (text(followed), reports)

        # One of many is given up; the others and the session go on.
        endless = {"container": f"{PREFIX}-web", "follow": True, "duration": "60s"}
        task = asyncio.create_task(client.call_tool("docker_logs", endless))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        many = await asyncio.gather(*(client.call_tool("docker_ps", {}) for _ in range(20)))
        assert not any(one.is_error for one in many)


asyncio.run(main(*sys.argv[1:]))
