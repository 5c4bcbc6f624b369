"""A child process that does on request whatever a broken library might do."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pdfsluice.core.processes.child import serve


def handle(request: dict[str, Any]) -> Iterator[Mapping[str, Any]]:  # noqa: C901, PLR0912 - a list of deeds
    deed = request["do"]
    if deed == "echo":
        yield {"echo": request["value"], "pid": os.getpid()}
    elif deed == "count":
        for number in range(request["to"]):
            yield {"number": number}
    elif deed == "chat":
        print("a library talks" * 20_000)
        os.write(1, b"and writes to descriptor 1\n")
        os.write(2, b"noise" * 200_000)
        yield {"done": True}
    elif deed == "raise":
        raise ValueError("no \udc80 good")
    elif deed == "segfault":
        sys.stderr.write("last words")
        sys.stderr.flush()
        ctypes.string_at(0)
    elif deed == "sleep":
        time.sleep(request["seconds"])
        yield {"slept": True}
    elif deed == "burn":
        while True:
            pass
    elif deed == "eat":
        yield {"size": len(bytearray(request["bytes"]))}
    elif deed == "abort-on-memory":
        sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
        sys.stderr.flush()
        os.abort()
    elif deed == "big":
        yield {"text": "x" * request["bytes"]}
    elif deed == "garbage":
        os.write(request["descriptor"], b"not json\n")
        yield {}
    elif deed == "die-later":
        yield {"pid": os.getpid()}
        os.kill(os.getpid(), signal.SIGKILL)
    elif deed == "close-pipes":
        for descriptor in range(3, 16):
            try:
                os.close(descriptor)
            except OSError:
                continue
        time.sleep(60)
    elif deed == "environment":
        yield {"names": sorted(os.environ), "path": sys.path}
    elif deed == "write":
        Path(request["path"]).write_bytes(bytes(request["bytes"]))
        yield {"written": True}


if __name__ == "__main__":
    if sys.argv[1:2] == ["start for seconds"]:
        time.sleep(float(sys.argv[2]))
    serve(handle)
