"""One form for all log lines: text on a terminal, JSON elsewhere.

Modules log through the standard library. What is bound to the context (request and session
ids) is added to each line. Keys and tokens are never logged: the access log has the path
without its query.
"""

import logging
import sys
from collections.abc import Sequence

import structlog
from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, StreamResponse
from structlog.stdlib import ProcessorFormatter
from structlog.types import Processor

from pdfsluice.config import Settings

from .app_keys import REQUEST_ID

_PREFIX = "pdfsluice"
_QUIET_PATHS = ("/health", "/metrics", "/assets/")


def configure(settings: Settings) -> None:
    """Set up logging for the process, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(settings.log_format, terminal=sys.stderr.isatty()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_PREFIX).setLevel(settings.log_level.upper())


def formatter(style: str, *, terminal: bool) -> ProcessorFormatter:
    """Return the formatter for a ``log_format``."""
    shared: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    console = style == "console" or (style == "auto" and terminal)
    last: Sequence[Processor] = (
        (structlog.dev.ConsoleRenderer(colors=terminal),)
        if console
        else (
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        )
    )
    return ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[ProcessorFormatter.remove_processors_meta, *last],
    )


class AccessLogger(AbstractAccessLogger):
    """One line for each request: method, path, status, size, duration, address."""

    @property
    def enabled(self) -> bool:
        """Whether the lines are written."""
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        """Log a finished request; health checks and assets at debug level only."""
        quiet = request.path.startswith(_QUIET_PATHS)
        self.logger.log(
            logging.DEBUG if quiet else logging.INFO,
            "request",
            extra={
                "method": request.method,
                "path": request.path,
                "status": response.status,
                "sent_bytes": response.body_length,
                "milliseconds": round(time * 1000, 1),
                "remote": request.remote,
                "request_id": request.get(REQUEST_ID, ""),
            },
        )
