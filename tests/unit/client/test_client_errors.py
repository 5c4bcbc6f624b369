"""Problem answers become typed errors."""

import pytest

from pdfsluice.client import errors
from pdfsluice.client.findings import Severity
from pdfsluice.client.problems import error_from_problem
from pdfsluice.core import errors as core_errors
from pdfsluice.server.problems import status_of


def problem(code: str, **details: object) -> dict[str, object]:
    return {"code": code, "detail": "what happened", "hint": "what next", "details": details}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("authentication-required", errors.AuthenticationFailed),
        ("permission-denied", errors.PermissionDenied),
        ("session-not-found", errors.NotFound),
        ("session-expired", errors.SessionGone),
        ("session-ended", errors.SessionGone),
        ("duplicate-document", errors.DuplicateDocument),
        ("content-rejected", errors.ContentRejected),
        ("upload-incomplete", errors.UploadIncomplete),
    ],
)
def test_codes_have_classes(code: str, kind: type[errors.ClientError]) -> None:
    error = error_from_problem(400, problem(code), retry_after=None)
    assert type(error) is kind
    assert (error.code, error.message, error.hint) == (code, "what happened", "what next")


def test_every_code_of_the_core_is_retryable_as_in_the_core() -> None:
    kinds = [
        kind
        for kind in vars(core_errors).values()
        if isinstance(kind, type) and issubclass(kind, core_errors.PdfsluiceError)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        error = error_from_problem(status_of(kind), problem(kind.code), retry_after=None)
        assert error.retryable is kind.retryable, kind


@pytest.mark.parametrize(("status", "retryable"), [(502, True), (503, True), (404, False)])
def test_answers_of_others_are_judged_by_their_status(status: int, retryable: bool) -> None:
    assert errors.ClientError("a proxy says no", status=status).retryable is retryable


def test_findings_are_typed() -> None:
    finding = {
        "kind": "javascript",
        "severity": "high",
        "stage": "pdf-security",
        "offset": 12,
        "object": None,
        "trigger": "open",
        "hidden": True,
        "revision": "current",
        "message": "runs on opening",
        "advice": "remove it",
        "excerpt": "",
    }
    error = error_from_problem(
        422, problem("content-rejected", findings=[finding]), retry_after=None
    )
    assert isinstance(error, errors.ContentRejected)
    (found,) = error.findings
    assert (found.severity, found.trigger, found.hidden) == (Severity.HIGH, "open", True)


def test_missing_ranges_are_typed() -> None:
    error = error_from_problem(
        409, problem("upload-incomplete", missing_ranges=[[0, 5], [9, 12]]), retry_after=None
    )
    assert isinstance(error, errors.UploadIncomplete)
    assert error.missing_ranges == ((0, 5), (9, 12))


def test_nonsense_is_no_traceback() -> None:
    error = error_from_problem(500, {"details": "text", "hint": None}, retry_after=None)
    assert error.code == "http-500"
    assert error.details == {}


def test_a_refusal_with_unreadable_findings_is_a_refusal() -> None:
    answer = problem("content-rejected", findings=[{"kind": 7}])
    error = error_from_problem(422, answer, retry_after=None)
    assert isinstance(error, errors.ContentRejected)
    assert error.findings == ()
