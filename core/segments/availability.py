"""Whether an object store answers, by the requests that are sent anyway."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock, Thread

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.plugins.ports.objects import ObjectStore

from . import names

logger = logging.getLogger(__name__)


class Availability:
    """The state of the last request; only after a failure does a check send one.

    Args:
        objects: The object store.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._reason = ""
        self._lock = Lock()
        self._probe: Thread | None = None

    @contextmanager
    def observed(self) -> Generator[None]:
        """Note whether a request within the context failed."""
        try:
            yield
        except PdfsluiceError as error:
            if error.retryable:
                self._reason = f"the object store fails: {error.message}"
            raise
        self._reason = ""

    def obstacle(self) -> str:
        """Return why nothing can be stored now, or an empty string.

        While there is a reason, each call has the store asked again, on a thread that nothing
        waits for: a request to a lost host takes half a minute.
        """
        reason = self._reason
        if reason:
            with self._lock:
                if self._probe is None or not self._probe.is_alive():
                    self._probe = Thread(target=self._look, name="object-store-probe", daemon=True)
                    self._probe.start()
        return reason

    def _look(self) -> None:
        try:
            with self.observed():
                self._objects.size(names.IDENTITY)
        except PdfsluiceError:
            logger.debug("the object store still fails")
        except Exception:
            logger.exception("the object store cannot be asked whether it answers")
