"""tus 1.0, Protocol Extensions. Tests skip where an extension is not announced."""

import base64
import hashlib
import itertools
import zlib
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

import pytest

from tests.conformance.tus import Tus, metadata

NewPdf = Callable[[int], bytes]
GONE = {404, 410}
ALGORITHMS: Mapping[str, Callable[[bytes], bytes]] = {
    "sha1": lambda data: hashlib.sha1(data).digest(),
    "md5": lambda data: hashlib.md5(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha512": lambda data: hashlib.sha512(data).digest(),
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
}


def checksum(algorithm: str, data: bytes) -> str:
    return f"{algorithm} {base64.b64encode(ALGORITHMS[algorithm](data)).decode()}"


def pairs(header: str) -> dict[str, str]:
    return dict((item.strip() + " ").split(" ", 1) for item in header.split(","))


class TestCreation:
    def test_creation_is_acknowledged_with_a_location(self, tus: Tus) -> None:
        """POST MUST be acknowledged with 201 and Location."""
        response = tus.post(Upload_Length="100")
        assert response.status == 201
        assert tus.offset(response.headers["Location"]) == 0

    @pytest.mark.parametrize("length", ["", "-1", "1e3", "a"])
    def test_length_must_be_a_number(self, tus: Tus, length: str) -> None:
        """Upload-Length MUST be a non-negative integer."""
        assert 400 <= tus.post(Upload_Length=length).status < 500

    def test_length_is_needed(self, tus: Tus) -> None:
        """POST MUST include Upload-Length or Upload-Defer-Length."""
        assert 400 <= tus.post().status < 500

    def test_too_large_is_refused(self, tus: Tus) -> None:
        """A length above Tus-Max-Size MUST get 413."""
        if "Tus-Max-Size" not in tus.options.headers:
            pytest.skip("the server does not announce Tus-Max-Size")
        too_large = int(tus.options.headers["Tus-Max-Size"]) + 1
        assert tus.post(Upload_Length=str(too_large)).status == 413

    @pytest.mark.parametrize(
        "sent",
        [
            metadata(filename=b"a.pdf", filetype=b"application/pdf"),
            metadata(filename="Grüße/..\\ \N{SNOWMAN}.pdf".encode()),
            metadata(note=b"two\r\nX-Smuggled: lines"),
            metadata(bytes=bytes(range(256))),
            "is_confidential",
            metadata(a=b"1") + ",is_confidential",
        ],
        ids=["plain", "unicode", "crlf", "binary", "valueless", "mixed"],
    )
    def test_metadata_comes_back(self, tus: Tus, sent: str) -> None:
        """HEAD MUST include Upload-Metadata as specified by the client."""
        url = tus.post(Upload_Length="100", Upload_Metadata=sent).headers["Location"]
        response = tus.request("HEAD", url)
        assert pairs(response.headers["Upload-Metadata"]) == pairs(sent)
        assert "X-Smuggled" not in response.headers

    @pytest.mark.parametrize(
        "sent",
        ["a !!!", "a YQ==,a Yg==", ",", "a b c", "a YQ", "a YQ==;b", "é YQ=="],
        ids=["base64", "duplicate", "empty", "spaces", "padding", "separator", "ascii"],
    )
    def test_bad_metadata_does_no_harm(self, tus: Tus, sent: str) -> None:
        """Keys MUST be unique and not empty, values MUST be Base64; there is no 5xx."""
        assert tus.post(Upload_Length="100", Upload_Metadata=sent).status < 500


class TestDeferredLength:
    def test_length_is_announced_later(self, tus: Tus, new_pdf: NewPdf) -> None:
        """HEAD MUST have Upload-Defer-Length: 1 until a PATCH sets Upload-Length."""
        tus.need("creation-defer-length")
        pdf = new_pdf(0)
        url = tus.post(Upload_Defer_Length="1").headers["Location"]
        tus.patch(url, 0, pdf[:50])
        before = tus.request("HEAD", url).headers
        assert before["Upload-Defer-Length"] == "1"
        assert "Upload-Length" not in before
        response = tus.patch(url, 50, pdf[50:], **{"Upload-Length": str(len(pdf))})
        assert response.status == 204
        after = tus.request("HEAD", url).headers
        assert after["Upload-Length"] == after["Upload-Offset"] == str(len(pdf))
        assert "Upload-Defer-Length" not in after

    def test_length_is_set_once(self, tus: Tus, new_pdf: NewPdf) -> None:
        """Once set the length MUST NOT be changed."""
        tus.need("creation-defer-length")
        pdf = new_pdf(0)
        url = tus.post(Upload_Defer_Length="1").headers["Location"]
        tus.patch(url, 0, pdf[:50], **{"Upload-Length": str(len(pdf))})
        changed = tus.patch(url, 50, pdf[50:60], **{"Upload-Length": "60"})
        assert 400 <= changed.status < 500
        assert tus.request("HEAD", url).headers["Upload-Length"] == str(len(pdf))

    def test_only_one_is_a_promise(self, tus: Tus) -> None:
        """Another value than 1 should get 400."""
        tus.need("creation-defer-length")
        assert tus.post(Upload_Defer_Length="2").status == 400


class TestCreationWithUpload:
    @pytest.mark.parametrize("share", [0.5, 1])
    def test_bytes_may_come_immediately(self, tus: Tus, new_pdf: NewPdf, share: float) -> None:
        """The response MUST include Upload-Offset: what was accepted."""
        tus.need("creation-with-upload")
        pdf = new_pdf(0)
        part = pdf[: int(len(pdf) * share)]
        response = tus.post(part, Upload_Length=str(len(pdf)))
        assert response.status == 201
        accepted = int(response.headers["Upload-Offset"])
        url = response.headers["Location"]
        assert 0 <= accepted <= len(part)
        assert accepted == len(pdf) or tus.patch(url, accepted, pdf[accepted:]).status == 204

    def test_media_type_is_needed(self, tus: Tus) -> None:
        """The client MUST include the Content-Type of PATCH; any other is refused."""
        tus.need("creation-with-upload")
        response = tus.post(b"a=b", Upload_Length="100", Content_Type="text/plain")
        if response.status == 201:
            assert tus.offset(response.headers["Location"]) == 0
        else:
            assert 400 <= response.status < 500


class TestExpiration:
    def test_expiry_is_reported(self, tus: Tus, new_pdf: NewPdf) -> None:
        """Upload-Expires MUST be in every PATCH response, and in the POST's if known."""
        tus.need("expiration")
        pdf = new_pdf(0)
        created = tus.post(Upload_Length=str(len(pdf)))
        patched = tus.patch(created.headers["Location"], 0, pdf[:10])
        if not any("Upload-Expires" in each.headers for each in (created, patched)):
            pytest.skip("this upload is not going to expire")
        for response in (created, patched):
            if "Upload-Expires" in response.headers:
                text = response.headers["Upload-Expires"]
                assert text.endswith(" GMT")
                assert parsedate_to_datetime(text).tzinfo is not None
        assert "Upload-Expires" in patched.headers


class TestChecksum:
    @pytest.fixture(autouse=True)
    def _announced(self, tus: Tus) -> None:
        tus.need("checksum")

    def test_sha1_is_there(self, tus: Tus) -> None:
        """OPTIONS MUST include Tus-Checksum-Algorithm; sha1 MUST be supported."""
        assert "sha1" in tus.options.headers.listed("Tus-Checksum-Algorithm")

    @pytest.mark.parametrize("algorithm", list(ALGORITHMS))
    def test_right_checksum(self, tus: Tus, new_pdf: NewPdf, algorithm: str) -> None:
        """204 if the checksums match."""
        if algorithm not in tus.options.headers.listed("Tus-Checksum-Algorithm"):
            pytest.skip(f"the server does not announce {algorithm}")
        pdf = new_pdf(0)
        url = tus.create(pdf)
        response = tus.patch(url, 0, pdf, **{"Upload-Checksum": checksum(algorithm, pdf)})
        assert (response.status, response.headers["Upload-Offset"]) == (204, str(len(pdf)))

    @pytest.mark.parametrize("algorithm", list(ALGORITHMS))
    def test_wrong_checksum(self, tus: Tus, new_pdf: NewPdf, algorithm: str) -> None:
        """460 on mismatch; the chunk MUST be discarded and the offset MUST NOT be updated."""
        if algorithm not in tus.options.headers.listed("Tus-Checksum-Algorithm"):
            pytest.skip(f"the server does not announce {algorithm}")
        pdf = new_pdf(300_000)
        url = tus.create(pdf)
        tus.patch(url, 0, pdf[:100])
        wrong = {"Upload-Checksum": checksum(algorithm, pdf)}
        assert tus.patch(url, 100, pdf[100:], **wrong).status == 460
        assert tus.offset(url) == 100
        assert tus.patch(url, 100, pdf[100:]).status == 204

    @pytest.mark.parametrize("value", ["adler YWJj", "sha1", "sha1 ===", "SHA1 YWJj"])
    def test_unknown_checksum(self, tus: Tus, new_pdf: NewPdf, value: str) -> None:
        """400 if the algorithm is not supported; the offset MUST NOT be updated."""
        url = tus.create(new_pdf(0))
        response = tus.patch(url, 0, b"%PDF-", **{"Upload-Checksum": value})
        assert response.status in {400, 460}
        assert tus.offset(url) == 0

    def test_checksum_after_the_body(self, tus: Tus, new_pdf: NewPdf) -> None:
        """checksum-trailer: a wrong checksum in a trailer counts like one in the header."""
        tus.need("checksum-trailer")
        pdf = new_pdf(0)
        url = tus.create(pdf)
        headers = {
            "Upload-Offset": "0",
            "Transfer-Encoding": "chunked",
            "Trailer": "Upload-Checksum",
        }
        with tus.server.connect() as connection:
            connection.start("PATCH", tus.server.path(url), tus.headers(headers))
            connection.send_chunk(pdf)
            connection.send(b"0\r\nUpload-Checksum: sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n")
            assert connection.finish().status == 460
        assert tus.offset(url) == 0


class TestTermination:
    def test_upload_is_gone(self, tus: Tus, new_pdf: NewPdf) -> None:
        """DELETE MUST get 204; later requests SHOULD get 404 or 410."""
        tus.need("termination")
        pdf = new_pdf(0)
        url = tus.create(pdf)
        tus.patch(url, 0, pdf[:50])
        assert tus.request("DELETE", url).status == 204
        assert tus.request("HEAD", url).status in GONE
        assert tus.patch(url, 50, pdf[50:]).status in GONE

    def test_completed_upload(self, tus: Tus, new_pdf: NewPdf) -> None:
        """DELETE may terminate completed uploads and MUST get 204."""
        tus.need("termination")
        pdf = new_pdf(0)
        url = tus.create(pdf)
        tus.patch(url, 0, pdf)
        assert tus.request("DELETE", url).status == 204

    def test_nothing_to_terminate(self, tus: Tus) -> None:
        """DELETE of an unknown upload SHOULD get 404 or 410."""
        tus.need("termination")
        assert tus.request("DELETE", tus.unknown_url).status in GONE


class TestConcatenation:
    @pytest.fixture(autouse=True)
    def _announced(self, tus: Tus) -> None:
        tus.need("concatenation")

    @staticmethod
    def part(tus: Tus, data: bytes) -> str:
        url = tus.post(Upload_Length=str(len(data)), Upload_Concat="partial").headers["Location"]
        assert tus.patch(url, 0, data).status == 204
        return url

    def test_parts_become_one(self, tus: Tus, new_pdf: NewPdf) -> None:
        """The length MUST be the sum of the parts', in the order of the list."""
        pdf = new_pdf(200_000)
        cuts = (0, 1, 70_000, 150_001, len(pdf))
        parts = [self.part(tus, pdf[a:b]) for a, b in itertools.pairwise(cuts)]
        final = f"final;{' '.join(parts)}"
        created = tus.post(Upload_Concat=final, Upload_Metadata=metadata(filename=b"sum.pdf"))
        assert created.status == 201
        head = tus.request("HEAD", created.headers["Location"])
        assert head.headers["Upload-Length"] == head.headers["Upload-Offset"] == str(len(pdf))
        assert head.headers["Upload-Concat"] == final

    def test_a_part_is_marked_as_one(self, tus: Tus) -> None:
        """HEAD of a part MUST have Upload-Concat and Upload-Offset."""
        url = tus.post(Upload_Length="10", Upload_Concat="partial").headers["Location"]
        tus.patch(url, 0, b"12345")
        head = tus.request("HEAD", url)
        assert head.headers["Upload-Concat"] == "partial"
        assert head.headers["Upload-Offset"] == "5"

    def test_final_upload_takes_no_bytes(self, tus: Tus, new_pdf: NewPdf) -> None:
        """PATCH against a final upload MUST get 403 and MUST NOT modify it."""
        pdf = new_pdf(0)
        created = tus.post(Upload_Concat=f"final;{self.part(tus, pdf)}")
        url = created.headers["Location"]
        assert tus.patch(url, len(pdf), b"more").status == 403
        assert tus.offset(url) == len(pdf)

    def test_final_upload_has_no_length_of_its_own(self, tus: Tus, new_pdf: NewPdf) -> None:
        """The client MUST NOT include Upload-Length in the final upload."""
        url = self.part(tus, new_pdf(0))
        assert 400 <= tus.post(Upload_Concat=f"final;{url}", Upload_Length="5").status < 500

    def test_unfinished_parts(self, tus: Tus) -> None:
        """Without concatenation-unfinished, parts in progress cannot be concatenated."""
        if "concatenation-unfinished" in tus.options.headers.listed("Tus-Extension"):
            pytest.skip("the server announces concatenation-unfinished")
        url = tus.post(Upload_Length="10", Upload_Concat="partial").headers["Location"]
        assert 400 <= tus.post(Upload_Concat=f"final;{url}").status < 500

    @pytest.mark.parametrize(
        "value",
        [
            "final",
            "final;",
            "Final;/files/x",
            "final;/files/../../etc/passwd",
            "final;/files/%2e%2e%2fetc%2fpasswd",
            "final;file:///etc/passwd",
            "final;http://[::1",
            "final;/files/00000000-0000-4000-8000-000000000000",
            "final;{part}/../{name}",
            "partial;x",
            "",
        ],
    )
    def test_nonsense_is_refused(self, tus: Tus, new_pdf: NewPdf, value: str) -> None:
        """Only URLs of parts may be named; no path leads anywhere else."""
        part = self.part(tus, new_pdf(0))
        value = value.replace("{part}", part).replace("{name}", part.rsplit("/", 1)[-1])
        assert 400 <= tus.post(Upload_Concat=value).status < 500
        assert tus.request("HEAD", part).status in {200, 204}
