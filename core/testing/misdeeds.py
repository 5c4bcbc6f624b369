"""What follows if a part of a plugin misbehaves, as a table for docs and tests."""

from collections.abc import Mapping
from enum import StrEnum


class Misdeed(StrEnum):
    """What a part does wrong."""

    RAISE = "raises an exception"
    EXIT = "raises `SystemExit`"
    INTERRUPT = "raises `KeyboardInterrupt`"
    STRAY = "raises a `CancelledError` that its caller did not ask for"
    RUBBISH = "returns `None` or another type"
    BLOCK = "never returns"
    HOLD = "holds the event loop"
    CANCEL = "cancels the task that calls it"
    DIE = "ends its process (`os._exit`, a native crash)"
    LEAK = "leaks tasks, memory, open files"


class Outcome(StrEnum):
    """What the server does about it."""

    REQUEST_FAILS = (
        "The request fails with `stage-failed` and the name of the part. Nothing is stored of it;"
        " the next request is served."
    )
    UPLOAD_FAILS = "The upload fails with `stage-failed` and the name of the part; others continue."
    JOB_FAILS = (
        "The job is repeated as `retry` of the importer defines, then it fails with the name of"
        " the part. Other jobs run."
    )
    EVENT_LOST = (
        "The event is lost for this sink. The failure is logged and counted, and the sink receives"
        " the next events."
    )
    PAGE_LEFT_OUT = (
        "The page stays without text. If no page can be read, the job fails with the name of the"
        " part. Other jobs run."
    )
    ORDER_KEPT = (
        "The passages stay in the order of the index, and the answer has a note that names the"
        " part. A call that does not return is ended by its time limit."
    )
    NEXT_TRIED = (
        "The next renderer is tried. Without one the request fails with `document-unreadable`;"
        " the log names the part."
    )
    TIME_LIMIT = (
        "The call is ended by its time limit and the request fails with `overloaded` (503) and"
        " the name of the part. The client may try again."
    )
    JOB_STOPPED = (
        "The job is stopped after `job_silence_timeout`, or the `timeout_seconds` of the"
        " importer, and then repeated like one that failed."
    )
    EVENTS_DROPPED = (
        "The sink alone waits. Its oldest events are dropped, which is logged and counted"
        " (`pdfsluice_events_dropped_total`)."
    )
    WAIT_REPORTED = (
        "The request waits until its client leaves. After a minute the call is logged and counted"
        " (`pdfsluice_part_calls_overdue`); a call in a worker thread keeps that thread until the"
        " server ends, so an alarm belongs on this number."
    )
    UNHARMED = "Nothing: the value is not used, or the call has no task to cancel."
    PROCESS_REPLACED = (
        "The stage process is killed or has ended, which is logged. The upload is read again in a"
        " process of its own and fails if that ends as well; others continue in another process."
    )
    PROCESS_RETIRED = (
        "The memory of the stage process is watched (`stage_memory` of `/health`). At half of"
        " `stage_process_memory` its uploads move to another process, above it the process is"
        " killed."
    )
    SERVER_RESTARTS = (
        "The process of the server ends: no boundary inside of a process can prevent that. The"
        " supervisor starts it again. Acknowledged bytes are kept and clients resume; a job"
        " counts its attempt when it is claimed, and fails after its last one."
    )
    COUNTED = (
        "Tasks are counted for the part (`pdfsluice_part_tasks`), logged from 100 on, cannot end"
        " the server, and are abandoned when it stops. Memory and open files are those of the"
        " server (`process_resident_memory_bytes`, `process_open_fds`); a request that lacks them"
        " fails with `overloaded`."
    )


_RAISED = (Misdeed.RAISE, Misdeed.EXIT, Misdeed.INTERRUPT, Misdeed.STRAY)


def _row(
    failure: Outcome,
    *,
    rubbish: Outcome | None = None,
    block: Outcome = Outcome.WAIT_REPORTED,
) -> dict[Misdeed, Outcome]:
    """Return the outcomes for a part in the server's process.

    A part that holds the event loop is interrupted, and then fails like one that raises.
    """
    return {
        **dict.fromkeys(_RAISED, failure),
        Misdeed.RUBBISH: rubbish or failure,
        Misdeed.BLOCK: block,
        Misdeed.HOLD: failure,
        Misdeed.CANCEL: failure,
        Misdeed.DIE: Outcome.SERVER_RESTARTS,
        Misdeed.LEAK: Outcome.COUNTED,
    }


_IN_A_THREAD = {Misdeed.HOLD: Outcome.WAIT_REPORTED, Misdeed.CANCEL: Outcome.REQUEST_FAILS}

OUTCOMES: Mapping[str, Mapping[Misdeed, Outcome]] = {
    "authenticators": _row(Outcome.REQUEST_FAILS, block=Outcome.TIME_LIMIT),
    "gates": _row(Outcome.REQUEST_FAILS, block=Outcome.TIME_LIMIT),
    "checksums": _row(Outcome.REQUEST_FAILS) | _IN_A_THREAD,
    "chunk_stages": _row(Outcome.REQUEST_FAILS, rubbish=Outcome.UNHARMED) | _IN_A_THREAD,
    "stream_stages": {
        **dict.fromkeys(_RAISED, Outcome.UPLOAD_FAILS),
        Misdeed.RUBBISH: Outcome.UPLOAD_FAILS,
        Misdeed.BLOCK: Outcome.PROCESS_REPLACED,
        Misdeed.HOLD: Outcome.PROCESS_REPLACED,
        Misdeed.CANCEL: Outcome.UPLOAD_FAILS,
        Misdeed.DIE: Outcome.PROCESS_REPLACED,
        Misdeed.LEAK: Outcome.PROCESS_RETIRED,
    },
    "completion_stages": _row(Outcome.UPLOAD_FAILS, block=Outcome.TIME_LIMIT),
    "policies": _row(Outcome.UPLOAD_FAILS) | {Misdeed.BLOCK: Outcome.UPLOAD_FAILS},
    "upload_stores": _row(Outcome.REQUEST_FAILS),
    "session_stores": _row(Outcome.REQUEST_FAILS),
    "catalogues": _row(Outcome.REQUEST_FAILS),
    "event_sinks": _row(Outcome.EVENT_LOST, rubbish=Outcome.UNHARMED, block=Outcome.EVENTS_DROPPED),
    "importers": _row(Outcome.JOB_FAILS, rubbish=Outcome.UNHARMED, block=Outcome.JOB_STOPPED),
    "text_extractors": _row(Outcome.JOB_FAILS, block=Outcome.JOB_STOPPED),
    "text_recognizers": _row(Outcome.PAGE_LEFT_OUT, block=Outcome.JOB_STOPPED),
    "page_renderers": _row(Outcome.NEXT_TRIED, block=Outcome.TIME_LIMIT),
    "indexes": _row(Outcome.JOB_FAILS, block=Outcome.JOB_STOPPED),
    "rerankers": _row(Outcome.ORDER_KEPT, block=Outcome.ORDER_KEPT),
    "link_signers": _row(Outcome.REQUEST_FAILS, block=Outcome.TIME_LIMIT),
}
"""The outcome for each kind of part and each misdeed.

Commands run in a process of their own, which the server does not depend on. Options are read
before the start, which they stop with a message.
"""
