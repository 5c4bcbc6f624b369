"""Writes the page on parts of plugins that misbehave."""

from pdfsluice.core.plugins.parts import singular
from pdfsluice.core.testing.misdeeds import OUTCOMES, Misdeed, Outcome

_INTRODUCTION = """\
What the server does if a part of a plugin misbehaves, for each kind of part. Tests do the
misdeeds to a running pdfsluice and compare what follows with this table. Each error and each
line of the log names the part and its distribution, and no client sees the text of an
exception, a traceback or a path.

A part that holds the event loop for over 100 ms is logged and counted
(`pdfsluice_part_loop_holds_total`). After `loop_hold_timeout` it is interrupted, and then fails
like a part that raises. Three things remain that no boundary inside of a process can contain:
native code that neither returns nor checks for signals, a coroutine that ignores each
cancellation, and a callback that a part gives to the event loop itself.

A part that parses untrusted bytes, or runs native code that may crash, therefore belongs in a
process of its own. A stream stage runs in a stage process. Extractors, renderers, recognizers
and completion stages can start child processes with limits, as the built-in ones do. Commands
run in the process of their user. Options are read before the start, which they stop with a
message."""

_RAISES = (
    "*Raises* is any exception, `SystemExit`, `KeyboardInterrupt`, and a `CancelledError` that the"
    " caller did not ask for."
)

_COLUMNS = {
    "raises": (Misdeed.RAISE, Misdeed.EXIT, Misdeed.INTERRUPT, Misdeed.STRAY),
    **{misdeed.value: (misdeed,) for misdeed in list(Misdeed)[4:]},
}


def misdeeds_page(notice: str) -> str:
    """Return the page."""
    lines = ["# Parts that misbehave", "", notice, "", _INTRODUCTION, ""]
    lines += [
        f"| | {' | '.join(_COLUMNS)} |",
        f"|---|{'---|' * len(_COLUMNS)}",
    ]
    for kind, outcomes in OUTCOMES.items():
        cells = [_links({outcomes[each] for each in misdeeds}) for misdeeds in _COLUMNS.values()]
        lines.append(f"| **{singular(kind)}** | {' | '.join(cells)} |")
    lines += ["", _RAISES]
    for outcome in Outcome:
        lines += ["", f"## {_title(outcome).capitalize()}", "", outcome.value]
    return "\n".join(lines) + "\n"


def _title(outcome: Outcome) -> str:
    return outcome.name.lower().replace("_", " ")


def _links(outcomes: set[Outcome]) -> str:
    titles = sorted(_title(outcome) for outcome in outcomes)
    return ", ".join(f"[{title}](#{title.replace(' ', '-')})" for title in titles)
