"""The deep pass ends with a report for any file, and continues with the next."""

import functools
import io
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pikepdf import Dictionary, Name, String

from pdfsluice.core.models.findings import FindingKind, StageReport
from pdfsluice.plugins.pdf.deep.stage import DeepStage
from tests.support import active_pdfs as pdfs
from tests.support.shares import examples


@functools.cache
def sound_file(*, compressed: bool) -> bytes:
    target = io.BytesIO()
    link = Dictionary(S=Name.URI, URI=String("https://example.org/"))
    with pdfs.make(
        pdfs.opens_with(pdfs.javascript()),
        pdfs.page_script,
        pdfs.attached(pdfs.windows_program(), "a.exe"),
        pdfs.annotation(A=link),
    ) as pdf:
        pdf.save(target, **(pdfs.OBJECT_STREAMS if compressed else {}))
    return target.getvalue()


SPLICES = st.sampled_from(
    [b"", b"<<", b">>", b"[", b"(", b"/S/JavaScript", b" 1 0 R", b"endobj\n", b"stream\n", b"\0"]
)
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 40),
        SPLICES | st.binary(max_size=8),
    ),
    min_size=1,
    max_size=12,
)


def edited(content: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Replace some bytes here and there."""
    for place, length, new in edits:
        start = int(place * len(content))
        content = content[:start] + new + content[start + length :]
    return content


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(edits=EDITS, compressed=st.booleans())
async def test_a_damaged_file_is_inspected_or_reported_as_damaged(
    stage: DeepStage,
    tmp_path: Path,
    edits: list[tuple[float, int, bytes]],
    compressed: bool,
) -> None:
    path = tmp_path / "f.pdf"
    path.write_bytes(edited(sound_file(compressed=compressed), edits))
    report = await stage.inspect(pdfs.completion_context(path))
    assert isinstance(report, StageReport)
    for finding in report.findings:
        assert finding.kind in set(FindingKind)
        assert finding.message.isprintable()
        assert finding.excerpt.isprintable()
    assert report.settles or report.unscanned
    assert all(item.reason != "crashed" for item in report.unscanned)
