"""The child process of the deep pass: inspects one file for each request."""

from collections.abc import Mapping
from typing import Any

from pikepdf import settings

from pdfsluice.core import path_from_text, serve

from .inspection import inspect

MAX_NESTING = 200
MAX_FILTERS = 64
MAX_WARNINGS = 1000


def handle(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Inspect the file ``path`` within ``seconds``; see :func:`inspect` for the rest."""
    questions = [(number, offset) for number, offset in request["questions"]]
    path, seconds = path_from_text(request["path"]), request["seconds"]
    return inspect(path, seconds, questions, request["replaced"]).to_message()


def limit_qpdf(stream_memory: int) -> None:
    """Limit qpdf: without that, a file of 500 bytes can take two gigabytes."""
    settings.set_qpdf_limits(
        doc_max_warnings=MAX_WARNINGS,
        parser_max_nesting=MAX_NESTING,
        max_stream_filters=MAX_FILTERS,
        flate_max_memory=stream_memory,
        png_max_memory=stream_memory,
        tiff_max_memory=stream_memory,
        run_length_max_memory=stream_memory,
        dct_max_memory=stream_memory,
    )


if __name__ == "__main__":
    import sys

    limit_qpdf(int(sys.argv[1]))
    serve(handle)
