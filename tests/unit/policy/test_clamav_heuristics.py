"""What the names mean that clamd gives to limits and encryption."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pdfsluice.core import FindingKind, Severity, StageReport
from pdfsluice.plugins.clamav.options import ClamavOptions
from pdfsluice.plugins.clamav.stages import ClamavStage


@contextmanager
def clamd(address: str, answer: bytes) -> Iterator[None]:
    """Answer one stream as clamd does, once its last piece has come."""

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, peer.makefile("rb") as lines:
            assert lines.read(len(b"zINSTREAM\0")) == b"zINSTREAM\0"
            while size := struct.unpack("!I", lines.read(4))[0]:
                lines.read(size)
            peer.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        listener.settimeout(10)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield
        thread.join(10)


def report(tmp_path: Path, signature: str) -> StageReport:
    address = str(tmp_path / "s")
    with clamd(address, f"stream: {signature} FOUND\0".encode()):
        stage = ClamavStage(ClamavOptions.model_validate({"socket": address}))
        findings = stage.feed(memoryview(b"content"), 0)
        done = stage.finish()
        stage.close()
    assert not findings
    return done


@pytest.mark.parametrize(
    "signature",
    [
        "Heuristics.Limits.Exceeded.MaxFileSize",
        "Heuristics.Limits.Exceeded.MaxScanSize",
        "Heuristics.Limits.Exceeded.MaxRecursion",
        "Heuristics.Limits.Exceeded.MaxScanTime",
    ],
)
def test_a_limit_of_the_scanner_is_unscanned_and_no_malware(signature: str, tmp_path: Path) -> None:
    done = report(tmp_path, signature)
    assert done.findings == ()
    (entry,) = done.unscanned
    assert entry.reason == "limit"
    assert signature in entry.message


@pytest.mark.parametrize("form", ["PDF", "Zip", "RAR", "7Zip", "Doc"])
def test_encryption_is_a_finding_of_its_own_and_no_malware(form: str, tmp_path: Path) -> None:
    done = report(tmp_path, f"Heuristics.Encrypted.{form}")
    assert done.unscanned == ()
    (finding,) = done.findings
    assert (finding.kind, finding.severity) == (FindingKind.ENCRYPTED, Severity.LOW)


@pytest.mark.parametrize(
    ("signature", "severity"),
    [
        ("Heuristics.Phishing.Email.SpoofedDomain", Severity.MEDIUM),
        ("PUA.Win.Packer.Upx", Severity.MEDIUM),
        ("Win.Test.EICAR_HDB-1", Severity.CRITICAL),
    ],
)
def test_other_names_are_malware(signature: str, severity: Severity, tmp_path: Path) -> None:
    (finding,) = report(tmp_path, signature).findings
    assert (finding.kind, finding.severity) == (FindingKind.MALWARE, severity)
