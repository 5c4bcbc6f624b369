"""The boundary around every call into a plugin, as far as it needs no event loop.

What a plugin raises reaches the rest of the program as a
:class:`~pdfsluice.core.errors.PdfsluiceError` that names the part and its distribution. That
holds for ``SystemExit`` and ``KeyboardInterrupt``, too, and for an answer that the port does
not allow. A stage process has no other boundary: it does without ``asyncio``, which takes
longer to import than all that it runs.
"""

import errno
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from pdfsluice.core.errors import Overloaded, PdfsluiceError, StageFailed, StorageFull
from pdfsluice.core.shortages import is_shortage

from .answers import Check
from .parts import Part, PartCounts

T = TypeVar("T")

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class PartFailed(StageFailed):
    """A part of a plugin raised an exception that is not one of pdfsluice's errors.

    The exception is ``__cause__``; it is logged and never sent to a client.
    """


class ThreadBoundary:
    """The boundary around calls to one part of a plugin in worker threads.

    Args:
        part: The part.
        counts: Its failures, for the metrics.
        now: Returns seconds.
        log_failures: Whether a failure is logged with its traceback.
    """

    def __init__(
        self,
        part: Part,
        counts: PartCounts,
        *,
        now: Callable[[], float] = time.perf_counter,
        log_failures: bool = True,
    ) -> None:
        self._part = part
        self._counts = counts
        self._now = now
        self._log_failures = log_failures

    def call_in_thread(
        self, function: Callable[..., T], *args: Any, check: Check | None = None, **kwargs: Any
    ) -> T:
        """Call a function of the part in the current worker thread.

        Args:
            function: The function.
            check: Checks what it returns.
        """
        calls, call = self._counts.calls, object()
        calls[call] = getattr(function, "__name__", "a call"), self._now()
        try:
            result = function(*args, **kwargs)
            return result if check is None else cast("T", check(result))
        except BaseException as error:
            self._raise_instead(error)
            raise
        finally:
            del calls[call]

    def _raise_instead(self, error: BaseException) -> None:
        """Raise what stands for an exception of the plugin, unless that passes as it is."""
        if self._passes(error):
            return
        self._counts.failures += 1
        if self._log_failures:
            logger.error("%s failed", self._part.label, exc_info=error)
        raise self._translated(error) from error

    def _passes(self, error: BaseException) -> bool:
        """Return whether an exception passes: it is none of the part's own."""
        return isinstance(error, PdfsluiceError | GeneratorExit)

    def _translated(self, error: BaseException) -> PdfsluiceError:
        what = f"The {self._part.label} failed"
        number = error.errno if isinstance(error, OSError) else None
        if number in _NO_SPACE:
            return StorageFull(f"{what}: the disk is full.", hint="Free disk space, then retry.")
        if is_shortage(error):
            return Overloaded(
                f"{what}: the system is short of a resource ({type(error).__name__}).",
                retry_after=RETRY_SECONDS,
                hint="Try again. Acknowledged bytes are kept.",
            )
        return PartFailed(
            f"{what} ({type(error).__name__}).",
            hint="This is a defect of the plugin, not of the file."
            " The operator finds the reason in the server's log.",
            details={"stage": self._part.name, "distribution": self._part.plugin.distribution},
        )
