"""ClamAV for real: a clamd with a signature of our own, on a socket of our own."""

import asyncio
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.error import HTTPError

import pytest
from pydantic import ValidationError

from pdfsluice.core.errors import Overloaded
from pdfsluice.core.models.findings import Finding, Severity, StageReport
from pdfsluice.core.plugins.ports.stages import CompletionContext
from pdfsluice.core.scanning.merging import merge_reports
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins.clamav.options import ClamavOptions
from pdfsluice.plugins.clamav.protocol import (
    ClamdError,
    Instream,
    parse_address,
    ping,
)
from pdfsluice.plugins.clamav.stages import ClamavStage, RescanStage
from tests.conformance.wire import eventually
from tests.support.active_pdfs import completion_context
from tests.support.commands import Outcome, pdfsluice_here
from tests.support.servers import RunningServer, Serve
from tests.support.stored import get_json

CLAMD = shutil.which("clamd") or shutil.which("/usr/sbin/clamd")
BAIT = b"pdfsluice-test-virus"
LIMIT = 1024 * 1024

needs_clamd = pytest.mark.skipif(
    CLAMD is None, reason="clamd is not installed (Debian: clamav-daemon)"
)


@dataclass
class Clamd:
    """A clamd that this test run started."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    reader: threading.Thread = field(default_factory=threading.Thread)

    @property
    def socket(self) -> str:
        return str(self.folder / "s")

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(CLAMD), "--config-file", str(self.folder / "clamd.conf")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:  # it logs that when it listens
            if b"Self checking" in line:
                break
        else:
            pytest.fail("clamd did not start")
        self.reader = threading.Thread(target=self.process.stdout.read)
        self.reader.start()

    def stop(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stdout.close()


@contextmanager
def running_clamd(folder: Path) -> Iterator[Clamd]:
    database = folder / "db"
    database.mkdir()
    (database / "test.ndb").write_text(f"Pdfsluice.Test:0:*:{BAIT.hex()}\n")
    (database / "pua.ndb").write_text(f"PUA.Pdfsluice.Odd:0:*:{b'an odd thing'.hex()}\n")
    (folder / "clamd.conf").write_text(
        f"LocalSocket {folder}/s\nDatabaseDirectory {database}\nTemporaryDirectory {folder}\n"
        f"Foreground yes\nStreamMaxLength {LIMIT}\nReadTimeout 2\nDetectPUA yes\n"
    )
    running = Clamd(folder)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    with running_clamd(tmp_path_factory.mktemp("c")) as running:
        yield running


@pytest.fixture
def mortal_clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """A clamd that a test may stop and start."""
    with running_clamd(tmp_path_factory.mktemp("c")) as running:
        yield running


def options(clamd: Clamd, **changes: object) -> ClamavOptions:
    return ClamavOptions.model_validate(
        {"socket": clamd.socket, "stream_max_length": LIMIT, **changes}
    )


def stream(stage: ClamavStage, content: bytes, size: int) -> StageReport:
    """Feed content in slices, as an upload does; the buffer is reused."""
    findings: list[Finding] = []
    buffer = bytearray(size)
    for offset in range(0, len(content), size):
        piece = content[offset : offset + size]
        buffer[: len(piece)] = piece
        findings.extend(stage.feed(memoryview(buffer)[: len(piece)], offset))
    report = stage.finish()
    stage.close()
    return replace(report, findings=(*findings, *report.findings))


def rescan(stage: RescanStage, path: Path, first: StageReport) -> StageReport:
    context = completion_context(path)
    session = replace(context.session, unscanned=first.unscanned)
    return asyncio.run(stage.inspect(CompletionContext(session=session, path=path)))


@needs_clamd
@pytest.mark.parametrize("size", [7, 4096, 1 << 20])
def test_a_virus_is_recognised_for_every_slicing(clamd: Clamd, size: int) -> None:
    report = stream(ClamavStage(options(clamd)), b"x" * 5000 + BAIT + b"y" * 5000, size)
    (found,) = report.findings
    assert (found.kind, found.severity) == ("malware", Severity.CRITICAL)
    assert found.message == "ClamAV recognizes Pdfsluice.Test.UNOFFICIAL."
    assert not report.unscanned


@needs_clamd
def test_a_clean_file_has_no_finding(clamd: Clamd) -> None:
    assert stream(ClamavStage(options(clamd)), b"harmless" * 1000, 999) == StageReport()
    assert stream(ClamavStage(options(clamd)), b"", 1) == StageReport()


@needs_clamd
def test_an_unwanted_program_is_less_than_a_virus(clamd: Clamd) -> None:
    report = stream(ClamavStage(options(clamd)), b"this is an odd thing", 100)
    assert [found.severity for found in report.findings] == [Severity.MEDIUM]


@needs_clamd
def test_the_limit_of_clamd_is_respected(clamd: Clamd) -> None:
    before = stream(ClamavStage(options(clamd)), BAIT + bytes(LIMIT), 100_000)
    assert [found.kind for found in before.findings] == ["malware"]
    assert [item.reason for item in before.unscanned] == ["limit"]
    behind = stream(ClamavStage(options(clamd)), bytes(LIMIT) + BAIT, 100_000)
    assert not behind.findings
    assert [item.reason for item in behind.unscanned] == ["limit"]
    exact = stream(ClamavStage(options(clamd)), bytes(LIMIT - len(BAIT)) + BAIT, 100_000)
    assert [found.kind for found in exact.findings] == ["malware"]
    assert not exact.unscanned


@needs_clamd
def test_a_limit_that_is_set_too_high_is_noticed(clamd: Clamd, tmp_path: Path) -> None:
    high = options(clamd, stream_max_length=8 * LIMIT)
    path = tmp_path / "f.pdf"
    path.write_bytes(bytes(3 * LIMIT))
    first = stream(ClamavStage(high), path.read_bytes(), 100_000)
    assert "stream_max_length" in first.unscanned[0].message
    second = rescan(RescanStage(high), path, first)
    merged = merge_reports([first, second])
    assert [item.reason for item in merged.unscanned] == ["limit"]


@needs_clamd
def test_a_scan_that_was_interrupted_is_made_up_for(clamd: Clamd, tmp_path: Path) -> None:
    path = tmp_path / "f.pdf"
    path.write_bytes(b"x" * 100_000 + BAIT)
    stage = ClamavStage(options(clamd))
    assert stage.feed(memoryview(b"x" * 1000), 0) == ()
    assert stage._stream is not None
    stage._stream._socket.shutdown(socket.SHUT_RDWR)  # as after a pause that clamd does not wait
    stage.feed(memoryview(b"x" * 99_000 + BAIT), 1000)
    first = stage.finish()
    stage.close()
    assert [item.reason for item in first.unscanned] == ["interrupted"]
    second = rescan(RescanStage(options(clamd)), path, first)
    merged = merge_reports([first, second])
    assert [found.kind for found in merged.findings] == ["malware"]
    assert not merged.unscanned


@needs_clamd
def test_a_finished_scan_is_not_repeated(clamd: Clamd, tmp_path: Path) -> None:
    gone = options(clamd, socket=str(tmp_path / "nobody"))
    assert rescan(RescanStage(gone), tmp_path / "f.pdf", StageReport()) == StageReport()


def test_without_clamd_nothing_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "f.pdf").write_bytes(b"x")
    closed = ClamavOptions.model_validate({"socket": str(tmp_path / "nobody")})
    first = stream(ClamavStage(closed), b"x" * 10, 5)
    assert [item.reason for item in first.unscanned] == ["interrupted"]
    with pytest.raises(Overloaded) as caught:
        rescan(RescanStage(closed), tmp_path / "f.pdf", first)
    assert caught.value.retryable


def log_lines(running: RunningServer, text: str) -> list[str]:
    return [line for line in running.log_tail().splitlines() if text in line]


def upload(running: RunningServer, folder: Path) -> Outcome:
    pdf = folder / "f.pdf"
    pdf.write_bytes(make_pdf(["harmless"]))
    return pdfsluice_here("upload", pdf, "--server", running.base_url, "--patience", "0")


@pytest.mark.long
def test_a_missing_clamd_is_logged_at_the_start_and_for_each_upload(
    serve: Serve, tmp_path: Path
) -> None:
    gone = str(tmp_path / "nobody")
    running = serve(
        PDFSLUICE_PLUGINS__CLAMAV__SOCKET=gone, PDFSLUICE_PLUGINS__CLAMAV__WHEN_DOWN="fail-open"
    )
    (warning,) = log_lines(running, "clamd")
    assert "until it can, uploads are accepted without a virus scan" in warning
    assert upload(running, tmp_path).code == 0
    (line,) = log_lines(running, "was not scanned for viruses")
    assert gone in line


def obstacles(running: RunningServer) -> dict[str, str]:
    """Return the checks of a server that is not ready; nothing if it is."""
    try:
        get_json(f"{running.base_url}/health/ready")
    except HTTPError as unready:
        with unready:
            checks: dict[str, str] = json.load(unready)["checks"]
            return checks
    return {}


@pytest.mark.long
@needs_clamd
def test_a_server_whose_clamd_went_away_is_not_ready(
    mortal_clamd: Clamd, serve: Serve, tmp_path: Path
) -> None:
    running = serve(PDFSLUICE_PLUGINS__CLAMAV__SOCKET=mortal_clamd.socket)
    mortal_clamd.stop()
    checks = eventually(lambda: obstacles(running))  # an answer is a second old at most
    assert checks["completion_stages:clamav-rescan"] == "the virus scanner does not answer"
    assert "virus scanner does not answer" in upload(running, tmp_path).err
    assert len(log_lines(running, "was not scanned for viruses")) == 1
    assert "Traceback" not in running.log_tail()
    mortal_clamd.start()
    eventually(lambda: not obstacles(running))


@needs_clamd
def test_a_clamd_that_is_there_is_no_matter_for_the_log(clamd: Clamd, serve: Serve) -> None:
    running = serve(PDFSLUICE_PLUGINS__CLAMAV__SOCKET=clamd.socket)
    assert log_lines(running, "clamd") == []


def test_what_is_no_clamd_is_reported(tmp_path: Path) -> None:
    address = str(tmp_path / "s")
    with socket.create_server(address, family=socket.AF_UNIX) as listener:
        with pytest.raises(ClamdError, match="does not answer"):
            ping(address, seconds=0.2)
        listener.accept()[0].close()

        def say_something() -> None:
            with listener.accept()[0] as peer:
                peer.recv(64)
                peer.sendall(b"220 smtp.example.org")

        thread = threading.Thread(target=say_something)
        thread.start()
        with pytest.raises(ClamdError, match="is no clamd"):
            ping(address, seconds=60)
        thread.join()


def test_without_clamd_everything_is_accepted_if_that_is_wanted(tmp_path: Path) -> None:
    values = {"socket": str(tmp_path / "nobody"), "when_down": "fail-open"}
    opened = ClamavOptions.model_validate(values)
    (tmp_path / "f.pdf").write_bytes(b"x")
    first = stream(ClamavStage(opened), b"x", 1)
    second = rescan(RescanStage(opened), tmp_path / "f.pdf", first)
    merged = merge_reports([first, second])
    assert [item.reason for item in merged.unscanned] == ["unavailable"]


def test_a_clamd_that_answers_nonsense_is_as_good_as_none(tmp_path: Path) -> None:
    address = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        for answer in (b"", b"stream: what?\0", b"x" * 10_000):
            with Instream(address, connect_seconds=5, answer_seconds=5) as instream:
                peer, _ = listener.accept()
                peer.sendall(answer)
                peer.shutdown(socket.SHUT_WR)
                with pytest.raises(ClamdError, match="clamd"):
                    instream.finish()
                peer.close()


class Listening(socket.socket):
    """A socket that knows how often it was listened to."""

    heard = 0

    def recv(self, *arguments: int) -> bytes:
        self.heard += 1
        return super().recv(*arguments)


@pytest.mark.parametrize(("size", "heard"), [(1, 1), (64 << 20, 0)])
def test_a_clamd_that_stalls_is_waited_for_once(tmp_path: Path, size: int, heard: int) -> None:
    address = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        with Instream(address, connect_seconds=5, answer_seconds=0.2) as instream:
            line = Listening(fileno=instream._socket.detach())
            line.settimeout(0.2)
            instream._socket = line
            with pytest.raises(ClamdError, match=r"neither read nor answered for 0\.2"):
                send_all(instream, size)  # much of it fits into no buffer
            assert line.heard == heard


def send_all(instream: Instream, size: int) -> None:
    instream.send(memoryview(bytes(size)))
    instream.finish()


@pytest.mark.parametrize(
    ("address", "parsed"),
    [
        ("/run/clamd.ctl", "/run/clamd.ctl"),
        ("unix:/run/clamd.ctl", "/run/clamd.ctl"),
        ("tcp:localhost:3310", ("localhost", 3310)),
        ("tcp:[::1]:3310", ("::1", 3310)),
    ],
)
def test_addresses(address: str, parsed: object) -> None:
    assert parse_address(address) == parsed


@pytest.mark.parametrize("address", ["localhost:3310", "tcp:3310", "tcp:h:port", "clamd.ctl"])
def test_an_address_that_is_none_stops_start_up(address: str) -> None:
    with pytest.raises(ValidationError):
        ClamavOptions.model_validate({"socket": address})
