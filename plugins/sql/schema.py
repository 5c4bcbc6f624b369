"""The tables; times are whole microseconds since the epoch.

A change of these tables needs a step in ``migrations.py``, and a change of the content of a
``body`` column needs a new version in ``encoding.py``.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only INTEGER keys itself

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("client_id", Text, nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False, server_default="0"),
    Column("account", Text, nullable=False, server_default=""),
    Column("reserved", BigInteger, nullable=False, server_default="0"),
    Column("metadata_bytes", BigInteger, nullable=False, server_default="0"),
    Column("body", Text, nullable=False),
    Index("sessions_by_state", "state", "expires_at"),
    Index(  # partial: changes of other sessions do not have to maintain it
        "sessions_in_quarantine",
        "created_at",
        sqlite_where=text("quarantined = 1"),
        postgresql_where=text("quarantined = 1"),
    ),
    Index("sessions_by_owner", "owner", "state", "created_at"),
    Index("sessions_by_client", "owner", "client_id", "state"),
)

extents = Table(
    "extents",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, primary_key=True, autoincrement=False),
    Column("fingerprint", String(64), nullable=False),
    Column("committed_at", BigInteger, nullable=False),
    Column("place", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("stage", String(128), primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("session_id", String(64), nullable=False, unique=True),
    Column("blob_id", String(64), nullable=False),
    Column("owner", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("file_size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("page_count", Integer),
    Column("metadata", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("account", Text, nullable=False, server_default=""),
    Column("tags", Text, nullable=False, server_default="[]"),
    Column("lineage", BigInteger),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("replaced_by", BigInteger),
    Column("metadata_bytes", BigInteger, nullable=False, server_default="0"),
    Index("documents_by_owner", "owner", "id"),
    Index(
        "documents_by_lineage",
        "lineage",
        sqlite_where=text("lineage IS NOT NULL"),
        postgresql_where=text("lineage IS NOT NULL"),
    ),
    Index("documents_by_digest", "owner", "sha256"),
    Index(  # counts documents without reading them
        "documents_current",
        "owner",
        "replaced_by",  # so that SQLite prefers it to `documents_by_owner`
        "id",
        sqlite_where=text("replaced_by IS NULL"),
        postgresql_where=text("replaced_by IS NULL"),
    ),
    sqlite_autoincrement=True,  # the id of a deleted document is never given again
)

pages = Table(
    "pages",
    metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("layout", LargeBinary),
    Column("source", String(16), nullable=False, server_default="text"),
    Index(
        "pages_without_text",
        "document_id",
        "number",
        sqlite_where=text("source <> 'text'"),
        postgresql_where=text("source <> 'text'"),
    ),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("progress", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("node", String(64), nullable=False, server_default=""),
    Column("importer", String(128), nullable=False, server_default=""),
    Column("required", Integer, nullable=False, server_default="1"),
    Column("retry_at", BigInteger, nullable=False, server_default="0"),
    Column("prefer", Text, nullable=False, server_default=""),
    Column("prefer_until", BigInteger, nullable=False, server_default="0"),
    Column("cancelled", Integer, nullable=False, server_default="0"),
    Index("jobs_by_state", "state", "id"),
    Index("jobs_by_document", "document_id"),
    Index(
        "jobs_open",  # one job of a kind and importer at a time for each document
        "document_id",
        "kind",
        "importer",
        unique=True,
        sqlite_where=text("state IN ('queued', 'running')"),
        postgresql_where=text("state IN ('queued', 'running')"),
    ),
    sqlite_autoincrement=True,
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("store", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("folder", Text, nullable=False, server_default=""),
    Column("shared", Integer, nullable=False, server_default="0"),
    Column("role", String(16), nullable=False, server_default="server"),
    Column("version", Text, nullable=False, server_default=""),
)

holds = Table(
    "holds",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("node", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("validated", BigInteger, nullable=False, server_default="0"),
    Column("reading", Integer, nullable=False, server_default="0"),
)

duties = Table(
    "duties",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("node", String(64), nullable=False),
    Column("until", BigInteger, nullable=False),
)

stores = Table(
    "stores",
    metadata,
    Column("identity", String(128), primary_key=True),
)

quotas = Table(
    "quotas",
    metadata,
    Column("account", Text, primary_key=True),
    *(
        Column(f"max_{name}", BigInteger)
        for name in (
            "stored_bytes",
            "reserved_bytes",
            "open_uploads",
            "documents",
            "uploads_per_day",
            "metadata_bytes",
            "ocr_pages_per_day",
            "connections",
        )
    ),
    *(
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in (
            "stored_bytes",
            "reserved_bytes",
            "open_uploads",
            "documents",
            "day",
            "uploads_today",
            "metadata_bytes",
            "ocr_day",
            "ocr_pages_today",
        )
    ),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # with spaces between them
    Column("digest", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("tenant", Text, nullable=False, server_default=""),
    Column("bandwidth", BigInteger),
    Column("requests", Float),
    Column("version", BigInteger, nullable=False),  # grows with each change of any key
    Index("api_keys_by_version", "version"),
)

rate_clocks = Table(
    "rate_clocks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("due_at", BigInteger, nullable=False),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("rate", BigInteger, nullable=False),  # bytes per second
)

ended_uploads = Table(
    "ended_uploads",
    metadata,
    Column("session_id", String(64), primary_key=True),
    Column("ended_at", BigInteger, nullable=False),
    Column("ended_as", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Index("ended_uploads_by_time", "ended_at", "session_id"),
)

upload_totals = Table(
    "upload_totals",
    metadata,
    Column("dimension", String(16), primary_key=True),
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Text, primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

idle_clock = Table(
    "idle_clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("idle_from", BigInteger, nullable=False),
)

schema_version = Table(
    "schema_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False)
)
