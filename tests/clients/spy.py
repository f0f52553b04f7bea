"""Starts the server and looks at every line of its stdout on the way to the client.

SPY_PROGRAM is the server, SPY_LOG the file that gets `line` for each line of protocol and `WRONG ...` for anything else.
"""

import json
import os
import signal
import subprocess
import sys


def fault(line: bytes) -> str | None:
    try:
        message = json.loads(line)
    except ValueError as error:
        return f"no JSON: {error}"
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return "no JSON-RPC"
    if "method" not in message and ("result" in message) == ("error" in message):
        return "no answer, request or notification"
    return None


def main() -> int:
    server = subprocess.Popen([os.environ["SPY_PROGRAM"], *sys.argv[1:]], stdout=subprocess.PIPE)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda n, _frame: server.send_signal(n))
    out = sys.stdout.buffer
    with open(os.environ["SPY_LOG"], "a", encoding="utf-8") as log:
        for line in server.stdout:
            wrong = fault(line)
            print("line" if wrong is None else f"WRONG {wrong}: {line!r}", file=log, flush=True)
            try:
                out.write(line)
                out.flush()
            except BrokenPipeError:
                break
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
