"""Makes the parts of a runtime that work with documents."""

from collections.abc import Collection
from dataclasses import dataclass

from pdfsluice.core.documents.bases import DeltaBases
from pdfsluice.core.documents.jobs.management import JobManagement
from pdfsluice.core.documents.jobs.runner import JobRunner
from pdfsluice.core.documents.jobs.turns import TurnLimits
from pdfsluice.core.documents.library import Library
from pdfsluice.core.documents.links import DocumentLinks
from pdfsluice.core.documents.markdown import MarkdownReader
from pdfsluice.core.documents.pictures import pictures_of
from pdfsluice.core.documents.previews import Previews
from pdfsluice.core.documents.removing import DocumentRemover
from pdfsluice.core.documents.scrubbing import Scrubber
from pdfsluice.core.documents.search.reranking import Reranking
from pdfsluice.core.documents.search.searching import Searcher
from pdfsluice.core.documents.versions import Versions
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.uploads.limits.quotas import QuotaKeeper

from .base import RuntimeBase

_MARKDOWN_PLUGIN = "markdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentParts:
    """What works with documents.

    Attributes:
        jobs: Runs background jobs.
        management: What administrators do with them.
        library: The operations on documents.
        versions: Versions of documents.
        bases: Documents as the base of new versions.
        scrubber: Reads stored documents again.
    """

    jobs: JobRunner
    management: JobManagement
    library: Library
    versions: Versions
    bases: DeltaBases
    scrubber: Scrubber


def make_document_parts(
    base: RuntimeBase, quotas: QuotaKeeper, *, limits: TurnLimits, kinds: Collection[JobKind]
) -> DocumentParts:
    """Make what works with documents; nothing of it runs yet.

    Args:
        base: What it is made of.
        quotas: Admit pages for OCR.
        limits: How background jobs take turns.
        kinds: The background jobs that this process runs.
    """
    settings, registry, stores = base.settings, base.registry, base.stores
    renderers = registry.page_renderers
    pictures = pictures_of(stores.uploads, renderers, settings.data_dir / "previews")
    previews = Previews(renderers, stores.uploads, pictures)
    jobs = JobRunner(
        catalogue=stores.catalogue,
        uploads=stores.uploads,
        registry=registry,
        admit_page=quotas.take_ocr_page,
        index=stores.index,
        index_hint=stores.index_hint,
        policy=base.policy,
        index_label=registry.label("indexes", settings.index),
        previews=previews,
        events=base.events,
        workers=settings.import_jobs,
        silence_seconds=settings.job_silence_timeout.total_seconds(),
        readers=settings.ocr_jobs,
        limits=limits,
        cluster=stores.cluster,
        kinds=kinds,
    )
    remover = DocumentRemover(
        catalogue=stores.catalogue,
        uploads=stores.uploads,
        files=stores.files,
        previews=previews,
        importers=registry.importers,
        index=stores.index,
    )
    return DocumentParts(
        jobs=jobs,
        management=JobManagement(stores.catalogue, jobs, stores.cluster),
        library=Library(
            catalogue=stores.catalogue,
            remover=remover,
            files=stores.files,
            links=DocumentLinks.of(settings, registry, stores.uploads),
            previews=previews,
            markdown=_markdown_reader(base),
            searcher=Searcher(stores.catalogue, Reranking.of(settings, registry)),
            importers=registry.importers,
            index=stores.index,
            index_hint=stores.index_hint,
            jobs=jobs,
        ),
        versions=Versions(
            catalogue=stores.catalogue,
            index=stores.index,
            remove=remover.remove,
            keep=settings.keep_versions,
            interval_seconds=settings.cleanup_interval.total_seconds(),
            cluster=stores.cluster,
        ),
        bases=DeltaBases(stores.catalogue, stores.files),
        scrubber=Scrubber(
            catalogue=stores.catalogue,
            sessions=stores.sessions,
            uploads=stores.uploads,
            files=stores.files,
            rate=settings.scrub_rate,
            cluster=stores.cluster,
        ),
    )


def _markdown_reader(base: RuntimeBase) -> MarkdownReader:
    """Make what reads documents as Markdown; its plugin is optional."""
    missing = base.manager.missing.get(_MARKDOWN_PLUGIN)
    return MarkdownReader(
        extractors=[spec.extractor for spec in base.registry.text_extractors if spec.markdown],
        catalogue=base.stores.catalogue,
        files=base.stores.files,
        hint=missing.hint if missing else "",
    )
