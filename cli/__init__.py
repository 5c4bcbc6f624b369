"""The `pdfsluice` command: a module for each subcommand, and their output.

It reaches a server through the client library; `serve` is found by name and never imported.
"""

import gc
import io
import os
import sys
from collections.abc import Sequence

if __name__ == "cli":
    raise ImportError("import this package as 'pdfsluice.cli', not as 'cli'")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit; a failure shows a traceback only if it is asked for.

    Args:
        arguments: What the user typed after ``pdfsluice``; by default ``sys.argv``.
    """
    _replace_unencodable()
    gc.disable()  # until the command is loaded: modules are no garbage
    try:
        from .program import app  # noqa: PLC0415 - typer takes long to import

        app(args=arguments, prog_name="pdfsluice")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, a pager for one, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("PDFSLUICE_TRACEBACK"):
            raise
        from .failures import report  # noqa: PLC0415 - only when something failed

        sys.exit(report(error))
    finally:
        gc.enable()


def _replace_unencodable() -> None:
    """Write ``?`` for letters that a stream's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
