"""The processors of the server and of its children."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.processes.cpu_affinity import share_out

USABLE = st.sets(st.integers(0, 1023), min_size=1, max_size=128)


@given(usable=USABLE)
def test_each_process_has_some_and_all_are_used(usable: set[int]) -> None:
    shares = share_out(usable, "apart")
    if len(usable) == 1:
        assert shares is None
        return
    assert shares is not None
    assert shares.server | shares.apart == usable == shares.usable
    assert not shares.server & shares.apart
    assert 0 <= len(shares.server) - len(shares.apart) <= 1


@given(usable=USABLE)
def test_by_default_the_scheduler_decides(usable: set[int]) -> None:
    assert share_out(usable, "auto") is None
    assert share_out(usable, "shared") is None


PROGRAM = """
import asyncio, os
from pdfsluice.core.processes import cpu_affinity
from pdfsluice.core.processes.child import Limits, spawn

async def main():
    print(*sorted(os.sched_getaffinity(0)))
    for apart in (True, False):
        async with spawn("tests.support.odd_child", Limits(apart=apart)) as child:
            print(*sorted(os.sched_getaffinity(child.pid)))

cpu_affinity.keep_to_own({sharing!r})
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not know of this")
@pytest.mark.parametrize("sharing", ["apart", "shared"])
def test_a_process_and_its_children_keep_to_theirs(sharing: str) -> None:
    usable = os.sched_getaffinity(0)
    shares = share_out(usable, "apart" if sharing == "apart" else "shared")
    expected = [usable] * 3 if shares is None else [shares.server, shares.apart, shares.usable]
    program = PROGRAM.format(sharing=sharing)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert [{*map(int, line.split())} for line in done.stdout.splitlines()] == expected
