"""A stage process under an attacker's control, with impossible answers.

The name of the file selects the lie.
"""

import sys
from typing import Any

import orjson

FINDING: dict[str, Any] = {
    "kind": "note",
    "severity": "low",
    "stage": "liar",
    "message": "!",
    "advice": "",
    "offset": None,
    "object": None,
    "trigger": None,
    "hidden": False,
    "revision": "current",
    "excerpt": "",
    "details": {},
}
POSITIONS: dict[str, Any] = {"position.pdf": 1 << 60, "stuck.pdf": 0, "type.pdf": "far"}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Answer a request as it should be, or not."""
    lie = request["filename"]
    if request["do"] == "close":
        return {"checkpoints": 7 if lie == "checkpoints.pdf" else {}}
    if request["do"] == "finish":
        return {"reports": []}
    answer = {"position": POSITIONS.get(lie, request["limit"]), "findings": []}
    match lie:
        case "many.pdf":
            answer["findings"] = [FINDING | {"offset": place} for place in range(20_000)]
        case "severity.pdf":
            answer["findings"] = [FINDING | {"severity": "none"}]
        case "error.pdf":
            return {"raised": {"code": 7}}
        case "id.pdf":
            return {"id": {}}
        case "log.pdf":
            say({"log": "a." * 30_000, "level": 1 << 40, "message": "m" * 100_000})
    return answer


def say(message: dict[str, Any]) -> None:
    """Send a message."""
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.stdin.buffer.readline()
    say({"ready": {}})
    for line in sys.stdin.buffer:
        request = orjson.loads(line)
        say({"id": request["id"], "end": True, **answer(request)})
