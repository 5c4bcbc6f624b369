"""All settings of pdfsluice itself; plugins add sections of their own."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .folders import Folder
from .units import Duration, Size

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


def _default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "pdfsluice"


def _as_browsers_write(origin: str) -> str:
    """Return a web origin as it stands in the header ``Origin`` (RFC 6454, 6.1)."""
    if origin in {"*", "null"}:
        return origin
    parts = urlsplit(origin)
    whole = parts.scheme and parts.hostname and parts.path in {"", "/"}
    if not whole or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("write an origin as https://name or https://name:port")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _address(url: str) -> str:
    """Return the address of a server without a slash at its end."""
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise ValueError("write an address as https://name or https://name/path")
    return _as_browsers_write(f"{parts.scheme}://{parts.netloc}") + parts.path.rstrip("/")


_DEFAULT_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
Origin = Annotated[str, AfterValidator(_as_browsers_write)]
Address = Annotated[str, AfterValidator(_address)]


class Settings(BaseModel):
    """The configuration of the server; :func:`pdfsluice.config.load` has the origins."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port to listen on; 0 picks one.")
    workers: int = Field(
        1,
        ge=1,
        le=32,
        description="Server processes that share the port and the folders; up to 4 with SQLite.",
    )
    public_url: Address = Field(
        "",
        description="Address under which a proxy shows the server, with the path if it has one:"
        " https://example.org/pdf.",
    )
    data_dir: Folder = Field(
        default_factory=_default_data_dir,
        description="Folder for documents, state and the index.",
    )
    upload_dir: Folder = Field(
        default_factory=lambda data: data["data_dir"] / "uploads",
        description="Folder for the bytes of unfinished uploads.",
    )
    state_dir: Folder = Field(
        default_factory=lambda data: data["data_dir"] / "state",
        description="Folder for the state of sessions and the catalogue.",
    )

    max_file_size: Size = Field(
        ByteSize(GIB), ge=1, description="Largest file that may be uploaded."
    )
    chunk_size: Size = Field(
        ByteSize(8 * MIB),
        ge=64 * KIB,
        le=GIB,
        description="Chunk size for clients that do not ask for one.",
    )
    max_chunk_size: Size = Field(
        ByteSize(64 * MIB),
        ge=64 * KIB,
        le=GIB,
        description="Largest chunk size that a client may ask for.",
    )
    chunk_codings: tuple[Literal["zstd", "gzip"], ...] = Field(
        ("zstd", "gzip"),
        description="Content codings in which clients may compress chunks, preferred ones first;"
        " empty for none.",
    )
    max_concurrent_uploads: int = Field(
        5, ge=1, le=100_000, description="Uploads that may send bytes at the same time."
    )
    max_sessions: int = Field(
        10_000, ge=1, description="Unfinished sessions that one principal may have."
    )
    principal_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of the free space that the unfinished uploads of one principal may"
        " reserve, if keys are required; 1 for no limit.",
    )
    session_rate: Size = Field(
        ByteSize(0), ge=0, description="Bytes per second that each upload may send; 0: no limit."
    )
    principal_rate: Size = Field(
        ByteSize(0),
        ge=0,
        description="Bytes per second that all uploads of a principal may send; 0: no limit.",
    )
    server_rate: Size = Field(
        ByteSize(0),
        ge=0,
        description="Bytes per second that all uploads may send, shared fairly by the principals;"
        " 0: no limit.",
    )
    download_rate: Size = Field(
        ByteSize(0), ge=0, description="Bytes per second of each download of a file; 0: no limit."
    )
    principal_download_rate: Size = Field(
        ByteSize(0),
        ge=0,
        description="Bytes per second of all downloads of a principal; 0: no limit.",
    )
    server_download_rate: Size = Field(
        ByteSize(0),
        ge=0,
        description="Bytes per second of all downloads, shared fairly by the principals;"
        " 0: no limit.",
    )
    request_rate: float = Field(
        0.0, ge=0, le=1_000_000, description="Requests per second of a principal; 0: no limit."
    )
    request_burst: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Requests that a principal may make at the same time, with request_rate.",
    )
    max_websockets: int = Field(
        256, ge=1, le=100_000, description="WebSockets that one principal may have open."
    )
    memory_limit_mb: float = Field(
        500.0,
        gt=0,
        description="Memory that the server may use, in MiB, without that of its child processes;"
        " beyond it, chunks are refused with 503.",
    )
    min_free_space: Size = Field(
        ByteSize(256 * MIB), ge=0, description="Disk space that uploads must leave free."
    )
    session_timeout: Duration = Field(
        timedelta(hours=24), gt=timedelta(0), description="Idle time after which a session expires."
    )
    session_max_age: Duration = Field(
        timedelta(days=7),
        gt=timedelta(0),
        description="Age at which an unfinished session expires.",
    )
    session_retention: Duration = Field(
        timedelta(days=7),
        ge=timedelta(0),
        description="How long an ended session is kept.",
    )
    analytics_retention: Duration = Field(
        timedelta(days=400),
        ge=timedelta(0),
        description="How long the record of an ended upload is kept for analytics;"
        " 0: none is made.",
    )
    keep_versions: int = Field(
        0,
        ge=0,
        le=100_000,
        description="How many versions of a document are kept, the newest included; 0: all.",
    )
    quarantine_retention: Duration = Field(
        timedelta(0),
        ge=timedelta(0),
        description="How long a quarantined file is kept;"
        " 0: until an administrator deletes or releases it.",
    )
    cleanup_interval: Duration = Field(
        timedelta(minutes=60), gt=timedelta(0), description="Time between two clean-ups."
    )
    durability: Literal["process", "power"] = Field(
        "process",
        description="What an acknowledged byte survives: the death of the process, or a power cut.",
    )

    scrub_rate: Size = Field(
        ByteSize(4 * MIB),
        ge=0,
        description="Bytes per second of stored documents whose digests are compared in the"
        " background; 0 for none.",
    )

    slice_size: Size = Field(
        ByteSize(2 * MIB),
        ge=64 * KIB,
        le=16 * MIB,
        description="Bytes that a worker thread reads from a connection and writes in one step.",
    )
    worker_threads: int = Field(
        default_factory=lambda: min(16, (os.cpu_count() or 1) + 2),
        ge=1,
        le=256,
        description="Threads that receive and write.",
    )
    stage_processes: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 1) // 2),
        ge=0,
        le=64,
        description="Processes in which stream stages read uploads; 0: threads of the server.",
    )
    stage_process_memory: Size = Field(
        ByteSize(2 * 1024**3),
        ge=256 * 1024**2,
        description="Memory at which a stage process is killed; from half of it on, its uploads"
        " move to a new process.",
    )
    checkpoint_bytes: Size = Field(
        ByteSize(64 * 1024**2),
        ge=1024,
        description="Bytes after which stream stages are asked for a checkpoint, from which they"
        " continue after a restart.",
    )
    checkpoint_interval: Duration = Field(
        timedelta(seconds=10),
        ge=timedelta(0),
        description="Longest time between two checkpoints of stream stages.",
    )
    processors: Literal["auto", "apart", "shared"] = Field(
        "auto",
        description="Whether the server keeps to half of the processors, and the checks to the"
        " others (apart); auto: shared. Linux only, and with stage_processes.",
    )
    body_idle_timeout: Duration = Field(
        timedelta(seconds=30),
        gt=timedelta(0),
        description="Time without a byte after which a request body is aborted.",
    )
    body_minimum_rate: Size = Field(
        ByteSize(256),
        ge=0,
        description="Bytes per second below which a request body is aborted; 0: no limit.",
    )
    authenticator_timeout: Duration = Field(
        timedelta(seconds=10),
        gt=timedelta(0),
        description="How long a plugin may take to identify a caller.",
    )
    gate_timeout: Duration = Field(
        timedelta(seconds=120),
        gt=timedelta(0),
        description="How long a plugin may take to admit a chunk.",
    )
    completion_stage_timeout: Duration = Field(
        timedelta(minutes=30),
        gt=timedelta(0),
        description="How long a plugin may take to inspect a whole file.",
    )
    renderer_timeout: Duration = Field(
        timedelta(minutes=2),
        gt=timedelta(0),
        description="How long a plugin may take to draw a page.",
    )
    link_signer_timeout: Duration = Field(
        timedelta(seconds=10),
        gt=timedelta(0),
        description="How long a plugin may take to make a link to a document.",
    )
    search_timeout: Duration = Field(
        timedelta(minutes=1),
        gt=timedelta(0),
        description="How long an index may take to answer a search.",
    )
    loop_hold_timeout: Duration = Field(
        timedelta(seconds=10),
        gt=timedelta(0),
        description="How long a plugin may hold the event loop, for which every other request"
        " waits, before it is interrupted.",
    )
    job_silence_timeout: Duration = Field(
        timedelta(hours=1),
        gt=timedelta(0),
        description="How long a background job may report no progress before it is stopped and"
        " repeated.",
    )
    progress_interval: Duration = Field(
        timedelta(milliseconds=250),
        gt=timedelta(0),
        description="Shortest time between two progress events of one session.",
    )
    shutdown_grace: Duration = Field(
        timedelta(seconds=20),
        ge=timedelta(0),
        description="How long requests under way may take to end when the server stops.",
    )

    upload_store: str = Field("local", description="Name of the upload store.")
    session_store: str = Field("sql", description="Name of the session store.")
    catalogue: str = Field("sql", description="Name of the document catalogue.")
    policy: str = Field("rules", description="Name of the policy.")
    index: str = Field(
        "llama-index",
        description="Name of the index: llama-index (files), postgres (pgvector) or a plugin's;"
        " empty for none.",
    )
    reranker: str = Field("", description="Name of the re-ranker of searches; empty for none.")
    downloads: Literal["proxy", "redirect"] = Field(
        "proxy",
        description="How clients receive documents; proxy: from the server; redirect: from the"
        " object store or a CDN, by a link that lasts for `link_lifetime`.",
    )
    link_signer: str = Field(
        "", description="Name of the link signer; empty for the links of the upload store."
    )
    link_lifetime: Duration = Field(
        timedelta(minutes=5),
        ge=timedelta(seconds=1),
        le=timedelta(days=7),
        description="How long a link to a document can be used.",
    )
    direct_uploads: bool = Field(
        False,
        description="Whether clients may send chunks to the object store, by short-lived links.",
    )
    disable: tuple[str, ...] = Field(
        (), description="Plugins, or parts of plugins, that are left out, by name."
    )
    server_jobs: bool = Field(True, description="Whether servers, too, run background jobs.")
    worker_metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port on the loopback address at which 'pdfsluice work' answers /metrics;"
        " 0 for none.",
    )
    import_jobs: int = Field(1, ge=1, le=64, description="Imports that run at the same time.")
    ocr_jobs: int = Field(
        1, ge=1, le=64, description="Documents that OCR reads at the same time, each on one core."
    )

    cors_origins: tuple[Origin, ...] = Field(
        (), description="Web origins that may use the interface from a browser; ['*'] for all."
    )
    websocket_heartbeat: Duration = Field(
        timedelta(seconds=20), gt=timedelta(0), description="Time between two WebSocket pings."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="Lowest level of messages that are logged: debug, info, warning or error.",
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="How log lines look; auto: console on a terminal, otherwise json."
    )

    @property
    def root_path(self) -> str:
        """The path of ``public_url``, without a slash at its end; empty if there is none."""
        return urlsplit(self.public_url).path

    @model_validator(mode="after")
    def _chunk_fits(self) -> Self:
        if self.chunk_size > self.max_chunk_size:
            sizes = {"chunk_size": self.chunk_size, "max_chunk_size": self.max_chunk_size}
            values = {name: size.human_readable(separator=" ") for name, size in sizes.items()}
            reason = "chunk_size must not be larger than max_chunk_size"
            raise PydanticCustomError("together", reason, {"values": values})
        return self
