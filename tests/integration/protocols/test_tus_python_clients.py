"""The tus clients of PyPI against a real server."""

import asyncio
import io
import uuid
from pathlib import Path

import pytest
import resumable_upload
from tusclient.client import TusClient
from tusclient.exceptions import TusUploadFailed

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.servers import RunningServer
from tests.support.stored import documents_of, hostile_pdf


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=2_000_000)


@pytest.fixture
def file(tmp_path: Path, pdf: bytes) -> Path:
    path = tmp_path / "file.pdf"
    path.write_bytes(pdf)
    return path


class TestTuspy:
    @pytest.mark.parametrize("checksum", [False, True])
    def test_chunks(self, server: RunningServer, pdf: bytes, *, checksum: bool) -> None:
        client = TusClient(f"{server.base_url}/files")
        uploader = client.uploader(
            file_stream=io.BytesIO(pdf),
            chunk_size=300_000,
            metadata={"filename": "tuspy.pdf"},
            upload_checksum=checksum,
        )
        uploader.upload()
        (document,) = documents_of(server.base_url, pdf)
        assert document["filename"] == "tuspy.pdf"

    def test_stop_and_resume(self, server: RunningServer, pdf: bytes) -> None:
        client = TusClient(f"{server.base_url}/files")
        first = client.uploader(file_stream=io.BytesIO(pdf), chunk_size=400_000)
        first.upload(stop_at=800_000)
        second = client.uploader(file_stream=io.BytesIO(pdf), url=first.url, chunk_size=400_000)
        assert second.offset == 800_000
        second.upload()
        assert len(documents_of(server.base_url, pdf)) == 1

    def test_refusal_is_reported(self, server: RunningServer) -> None:
        client = TusClient(f"{server.base_url}/files")
        uploader = client.uploader(
            file_stream=io.BytesIO(hostile_pdf(uuid.uuid4().hex)), chunk_size=1_000_000
        )
        with pytest.raises(TusUploadFailed) as failure:
            uploader.upload()
        assert failure.value.status_code == 422


class TestAiotus:
    async def test_upload(self, server: RunningServer, pdf: bytes) -> None:
        import aiotus  # noqa: PLC0415 - takes long to import

        location = await aiotus.upload(
            f"{server.base_url}/files",
            io.BytesIO(pdf),
            metadata={"filename": b"aiotus.pdf"},
            chunksize=500_000,
        )
        assert location is not None
        assert (await aiotus.metadata(location)) == {"filename": b"aiotus.pdf"}
        assert len(await asyncio.to_thread(documents_of, server.base_url, pdf)) == 1

    async def test_parallel(self, server: RunningServer, pdf: bytes) -> None:
        third = len(pdf) // 3
        parts = [pdf[:third], pdf[third : 2 * third], pdf[2 * third :]]
        import aiotus  # noqa: PLC0415 - takes long to import

        location = await aiotus.upload_multiple(
            f"{server.base_url}/files",
            [io.BytesIO(part) for part in parts],
            metadata={"filename": b"parts.pdf"},
        )
        assert location is not None
        assert len(await asyncio.to_thread(documents_of, server.base_url, pdf)) == 1


class TestResumableUpload:
    @pytest.mark.parametrize("algorithm", [False, "sha1", "sha256", "md5"])
    def test_chunks(
        self, server: RunningServer, file: Path, pdf: bytes, algorithm: bool | str
    ) -> None:
        client = resumable_upload.TusClient(
            f"{server.base_url}/files", chunk_size=400_000, checksum=algorithm
        )
        client.upload_file(str(file), metadata={"filename": "resumable.pdf"})
        assert len(documents_of(server.base_url, pdf)) == 1

    def test_parallel(self, server: RunningServer, file: Path, pdf: bytes) -> None:
        client = resumable_upload.TusClient(f"{server.base_url}/files", chunk_size=400_000)
        client.upload_file(str(file), metadata={"filename": "p.pdf"}, parallel_uploads=3)
        assert len(documents_of(server.base_url, pdf)) == 1

    def test_resume(self, server: RunningServer, file: Path, pdf: bytes) -> None:
        client = resumable_upload.TusClient(f"{server.base_url}/files", chunk_size=400_000)
        url = client.upload_file(str(file), stop_at=800_000)
        client.resume_upload(str(file), url)
        assert len(documents_of(server.base_url, pdf)) == 1

    def test_method_override_and_termination(self, server: RunningServer, file: Path) -> None:
        client = resumable_upload.TusClient(
            f"{server.base_url}/files", chunk_size=400_000, override_patch_method=True
        )
        url = client.upload_file(str(file), stop_at=800_000)
        client.delete_upload(url)
        with pytest.raises(resumable_upload.TusCommunicationError):
            client.resume_upload(str(file), url)
