# gateway/adapters/docker_mcp.py
import os, httpx
from typing import Any, Dict

MCP_BASE = os.getenv("DOCKER_MCP_BASE", "http://docker-mcp:8080")
READ_TIMEOUT = float(os.getenv("READ_TIMEOUT", "4.5"))
WRITE_TIMEOUT = float(os.getenv("WRITE_TIMEOUT", "30"))

class ToolError(Exception): ...

class DockerMCPClient:
    def __init__(self, base=MCP_BASE):
        self.base = base

    def call(self, fn: str, args: Dict[str, Any], mutating: bool = False) -> Dict[str, Any]:
        url = f"{self.base}/tools/{fn}"
        timeout = WRITE_TIMEOUT if mutating else READ_TIMEOUT
        r = httpx.post(url, json=args, timeout=timeout)
        if r.status_code >= 400:
            raise ToolError(f"MCP {fn} -> {r.status_code}: {r.text[:300]}")
        return r.json()
