"""Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload, version 8)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.conformance.ietf import Ietf, digest
from tests.conformance.wire import Response, eventually

NewPdf = Callable[[int], bytes]
PROBLEMS = "https://iana.org/assignments/http-problem-types#"


def interim(response: Response) -> list[Response]:
    return [each for each in response.interim if each.status == 104]


class TestLimits:
    def test_options(self, ietf: Ietf) -> None:
        """4.1.4: OPTIONS MUST include Accept-Patch with application/partial-upload."""
        assert ietf.options.status in {200, 204}
        assert ietf.media_type in ietf.options.headers.listed("Accept-Patch")

    def test_too_large(self, ietf: Ietf) -> None:
        """4.1.4: a 413 as a result of limits MUST include Upload-Limit."""
        response = ietf.post(complete=False, Upload_Length=str(10**15 - 1))
        assert response.status == 413
        assert "max-size=" in response.headers["Upload-Limit"]


class TestCreation:
    @pytest.mark.parametrize("version", [6, 8])
    def test_resource_is_announced(self, ietf: Ietf, new_pdf: NewPdf, version: int) -> None:
        """4.2.2: a 104 MUST include Location and Upload-Limit; B: and the version."""
        response = replace(ietf, version=version).post(new_pdf(0), complete=True)
        assert response.status in {200, 201}
        if not interim(response):
            pytest.skip("the server sends no interim responses for this version")
        first = interim(response)[0]
        assert first.headers["Upload-Draft-Interop-Version"] == str(version)
        assert "Upload-Limit" in first.headers
        assert ietf.offset(first.headers["Location"]) > 0

    @pytest.mark.parametrize("version", ["", "1", "9", "?1", "8.0", "text"])
    def test_no_interim_response_to_strangers(
        self, ietf: Ietf, new_pdf: NewPdf, version: str
    ) -> None:
        """Appendix B: no 104 when the interop version is missing or mismatching."""
        headers = {"Upload-Complete": "?1"}
        if version:
            headers["Upload-Draft-Interop-Version"] = version
        response = ietf.server.request("POST", ietf.path, headers, new_pdf(0))
        assert response.status in {200, 201}
        assert not interim(response)

    def test_incomplete_creation(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.2.2: a response to ?0 MUST have Location and Upload-Limit; SHOULD be 201."""
        pdf = new_pdf(0)
        response = ietf.post(pdf[:100], complete=False, Upload_Length=str(len(pdf)))
        assert response.status == 201
        assert "Upload-Limit" in response.headers
        assert ietf.offset(response.headers["Location"]) == 100

    def test_location_is_always_the_same(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.2.2: all messages for the same request MUST contain an identical Location."""
        response = ietf.post(new_pdf(0)[:100], complete=False)
        locations = {each.headers.get("location") for each in interim(response)}
        assert locations <= {response.headers["Location"], None}

    def test_empty_creation(self, ietf: Ietf) -> None:
        """4.2.1: the request content can be empty."""
        response = ietf.post(complete=False)
        assert response.status == 201
        assert ietf.offset(response.headers["Location"]) == 0

    def test_waiting_client_gets_both_interim_responses(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """5: the server MUST NOT omit 100 (Continue) because it has sent a 104."""
        pdf = new_pdf(0)
        headers = {
            "Upload-Complete": "?1",
            "Content-Length": str(len(pdf)),
            "Expect": "100-continue",
        }
        with ietf.server.connect() as connection:
            connection.start("POST", ietf.path, ietf.headers(headers))
            seen = [connection.next_interim().status]
            while 100 not in seen:
                seen.append(connection.next_interim().status)
            connection.send(pdf)
            assert connection.finish().status in {200, 201}

    def test_malformed_length_counts_as_absent(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.1.3: other values MUST cause the header field to be ignored."""
        pdf = new_pdf(0)
        response = ietf.post(pdf[:10], complete=False, Upload_Length="many")
        assert response.status == 201
        assert "Upload-Length" not in ietf.head(response.headers["Location"]).headers

    def test_lengths_must_match(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.1.3: Upload-Length and the end of a complete body MUST match."""
        pdf = new_pdf(0)
        response = ietf.post(pdf, complete=True, Upload_Length=str(len(pdf) + 1))
        assert 400 <= response.status < 500
        assert response.json()["type"] == PROBLEMS + "inconsistent-upload-length"

    def test_conventional_upload(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """12.1.1: without Upload-Complete a request is an ordinary upload."""
        response = ietf.server.request("POST", ietf.path, None, new_pdf(0))
        assert response.status in {200, 201}
        assert not interim(response)


class TestOffsetRetrieval:
    def test_state_is_returned(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.3.2: offset, completeness, length and limits MUST be there, not cached."""
        pdf = new_pdf(0)
        url = ietf.create(pdf)
        ietf.patch(url, 0, pdf[:40], complete=False)
        response = ietf.head(url)
        assert response.status in {200, 204}
        assert response.headers["Upload-Offset"] == "40"
        assert response.headers["Upload-Complete"] == "?0"
        assert response.headers["Upload-Length"] == str(len(pdf))
        assert "Upload-Limit" in response.headers
        assert "no-store" in response.headers.listed("Cache-Control")

    def test_unknown_length_is_not_returned(self, ietf: Ietf) -> None:
        """4.3.2: Upload-Length MUST be there unless the client has not supplied one."""
        url = ietf.post(complete=False).headers["Location"]
        assert "Upload-Length" not in ietf.head(url).headers

    def test_complete_upload(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.3.2: the completeness state MUST be there."""
        pdf = new_pdf(0)
        url = ietf.create(pdf)
        ietf.patch(url, 0, pdf, complete=True)
        response = ietf.head(url)
        assert response.headers["Upload-Complete"] == "?1"
        assert response.headers["Upload-Offset"] == str(len(pdf))

    def test_unknown_upload(self, ietf: Ietf) -> None:
        """4.3.1: after 4xx the client gives up."""
        assert ietf.head(ietf.unknown_url).status in {403, 404, 410}


class TestAppend:
    def test_parts_add_up(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.4.2: 2xx with Upload-Complete: ?0 for a part, ?1 for the last."""
        pdf = new_pdf(0)
        url = ietf.create(pdf)
        for start, end in ((0, 100), (100, 300)):
            response = ietf.patch(url, start, pdf[start:end], complete=False)
            assert 200 <= response.status < 300
            assert response.headers["Upload-Complete"] == "?0"
        response = ietf.patch(url, 300, pdf[300:], complete=True)
        assert 200 <= response.status < 300
        assert response.headers["Upload-Complete"] == "?1"

    def test_all_bytes_are_not_yet_the_end(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.1.3: the offset may match the length while the upload is still incomplete."""
        pdf = new_pdf(0)
        url = ietf.create(pdf)
        response = ietf.patch(url, 0, pdf, complete=False)
        assert response.headers["Upload-Complete"] == "?0"
        assert ietf.head(url).headers["Upload-Complete"] == "?0"
        ended = ietf.patch(url, len(pdf), b"", complete=True)
        assert 200 <= ended.status < 300
        assert ended.headers["Upload-Complete"] == "?1"

    @pytest.mark.parametrize("wrong", [0, 39, 41, 10**12])
    def test_wrong_offset(self, ietf: Ietf, new_pdf: NewPdf, wrong: int) -> None:
        """4.4.2: MUST be 409 with the correct offset in Upload-Offset."""
        pdf = new_pdf(0)
        url = ietf.post(pdf[:40], complete=False).headers["Location"]
        response = ietf.patch(url, wrong, b"x", complete=False)
        assert response.status == 409
        assert response.headers["Upload-Offset"] == "40"
        body = response.json()
        assert body["type"] == PROBLEMS + "mismatching-upload-offset"
        assert (body["expected-offset"], body["provided-offset"]) == (40, wrong)
        assert ietf.offset(url) == 40

    @pytest.mark.parametrize("missing", ["Upload-Offset", "Upload-Complete"])
    @pytest.mark.parametrize("value", [None, "x", "?2", "-1", "1, 2"])
    def test_fields_are_needed(
        self, ietf: Ietf, new_pdf: NewPdf, missing: str, value: str | None
    ) -> None:
        """4.4.1: Upload-Offset and Upload-Complete MUST be there and well-formed."""
        url = ietf.create(new_pdf(0))
        headers = {
            "Upload-Offset": "0",
            "Upload-Complete": "?0",
            "Content-Type": ietf.media_type,
        }
        if value is None:
            del headers[missing]
        else:
            headers[missing] = value
        assert ietf.request("PATCH", url, headers, b"x").status == 400
        assert ietf.offset(url) == 0

    def test_media_type_is_needed(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.4.1: PATCH MUST have the media type application/partial-upload."""
        url = ietf.create(new_pdf(0))
        response = ietf.patch(url, 0, b"x", complete=False, Content_Type="application/pdf")
        assert 400 <= response.status < 500
        assert ietf.offset(url) == 0

    @pytest.mark.parametrize("data", [b"", b"more"])
    def test_complete_upload_cannot_be_changed(
        self, ietf: Ietf, new_pdf: NewPdf, data: bytes
    ) -> None:
        """4.4.2: the server MUST reject the request and MUST NOT modify the resource."""
        pdf = new_pdf(0)
        url = ietf.create(pdf)
        ietf.patch(url, 0, pdf, complete=True)
        response = ietf.patch(url, len(pdf), data, complete=True)
        assert 400 <= response.status < 500
        expected = "inconsistent-upload-length" if data else "completed-upload"
        assert response.json()["type"] == PROBLEMS + expected
        assert ietf.offset(url) == len(pdf)

    def test_length_may_come_later_and_stays(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.1.3: if multiple requests indicate the length, the values MUST match."""
        pdf = new_pdf(0)
        url = ietf.post(pdf[:10], complete=False).headers["Location"]
        ietf.patch(url, 10, pdf[10:20], complete=False, Upload_Length=str(len(pdf)))
        assert ietf.head(url).headers["Upload-Length"] == str(len(pdf))
        other = ietf.patch(url, 20, pdf[20:30], complete=False, Upload_Length="1000000")
        assert 400 <= other.status < 500
        assert ietf.offset(url) == 20

    def test_length_is_known_by_the_end(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.1.3: ?1 with Content-Length, or the end of a chunked body, gives the length."""
        pdf = new_pdf(0)
        url = ietf.post(pdf[:10], complete=False).headers["Location"]
        headers = {
            "Upload-Offset": "10",
            "Upload-Complete": "?1",
            "Content-Type": ietf.media_type,
            "Transfer-Encoding": "chunked",
        }
        with ietf.server.connect() as connection:
            connection.start("PATCH", ietf.server.path(url), ietf.headers(headers))
            connection.send_chunk(pdf[10:])
            connection.send_chunk(b"")
            assert 200 <= connection.finish().status < 300
        assert ietf.head(url).headers["Upload-Length"] == str(len(pdf))

    def test_running_past_the_length_invalidates(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.4.2: the offset MUST NOT exceed the length; further interaction is rejected."""
        pdf = new_pdf(4_000_000)
        url = ietf.create(pdf)
        headers = {
            "Upload-Offset": "0",
            "Upload-Complete": "?0",
            "Content-Type": ietf.media_type,
            "Transfer-Encoding": "chunked",
        }
        most = len(pdf) * 3 // 4
        with ietf.server.connect() as connection:
            connection.start("PATCH", ietf.server.path(url), ietf.headers(headers))
            connection.send_chunk(pdf[:most])
            # A proxy that had the whole body would announce its length, and it be refused unread.
            eventually(lambda: ietf.offset(url))
            connection.send_chunk(pdf[most:] + b"too much")
            connection.send_chunk(b"")
            assert 400 <= connection.finish().status < 500
        assert 400 <= ietf.head(url).status < 500

    def test_progress_is_reported(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.4.2: SHOULD send 104 with Upload-Offset, which MUST NOT include Location."""
        pdf = new_pdf(4_000_000)
        url = ietf.create(pdf)
        headers = {
            "Upload-Offset": "0",
            "Upload-Complete": "?1",
            "Content-Type": ietf.media_type,
            "Content-Length": str(len(pdf)),
        }
        half = len(pdf) * 3 // 4
        with ietf.server.connect() as connection:
            connection.start("PATCH", ietf.server.path(url), ietf.headers(headers))
            connection.send(pdf[:half])
            report = connection.next_interim()
            while int(report.headers["Upload-Offset"]) == 0:
                report = connection.next_interim()
            connection.send(pdf[half:])
            assert 200 <= connection.finish().status < 300
        assert report.status == 104
        assert int(report.headers["Upload-Offset"]) <= half
        assert "Location" not in report.headers

    def test_what_came_before_a_break_is_kept(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.4.2: as much as possible SHOULD be kept; 4.6: its offset MUST be accepted."""
        pdf = new_pdf(300_000)
        url = ietf.create(pdf)
        headers = {
            "Upload-Offset": "0",
            "Upload-Complete": "?1",
            "Content-Type": ietf.media_type,
            "Content-Length": str(len(pdf)),
        }
        with ietf.server.connect() as connection:
            connection.start("PATCH", ietf.server.path(url), ietf.headers(headers))
            connection.send(pdf[:200_000])
        position = eventually(lambda: ietf.offset(url))
        assert ietf.head(url).headers["Upload-Complete"] == "?0"
        response = ietf.patch(url, position, pdf[position:], complete=True)
        assert 200 <= response.status < 300


class TestCancellation:
    def test_upload_is_gone(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """4.5.2: the server SHOULD deactivate the upload resource."""
        pdf = new_pdf(0)
        url = ietf.create(pdf)
        ietf.patch(url, 0, pdf[:10], complete=False)
        assert 200 <= ietf.request("DELETE", url).status < 300
        assert ietf.head(url).status in {404, 410}
        assert ietf.patch(url, 10, pdf[10:], complete=True).status in {404, 410}


class TestDigests:
    def test_content_digest(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """10.2: on a mismatch the content SHOULD NOT be appended."""
        pdf = new_pdf(0)
        url = ietf.create(pdf)
        wrong = ietf.patch(url, 0, pdf[:99], complete=False, Content_Digest=digest(b"other"))
        assert 400 <= wrong.status < 500
        assert ietf.offset(url) == 0
        right = ietf.patch(url, 0, pdf[:99], complete=False, Content_Digest=digest(pdf[:99]))
        assert 200 <= right.status < 300

    def test_representation_digest(self, ietf: Ietf, new_pdf: NewPdf) -> None:
        """10.1: on a mismatch the upload SHOULD be failed, and the client notified."""
        pdf = new_pdf(0)
        wrong = ietf.post(pdf, complete=True, Repr_Digest=digest(b"other"))
        assert 400 <= wrong.status < 500
        right = ietf.post(pdf, complete=True, Repr_Digest=digest(pdf))
        assert right.status in {200, 201}
        assert right.headers["Repr-Digest"] == digest(pdf)
