/**
 * The shapes of the server's answers (names as on the wire) and of the client's reports.
 *
 * @typedef {object} Finding
 * @property {string} kind
 * @property {'info' | 'low' | 'medium' | 'high' | 'critical'} severity
 * @property {string} stage
 * @property {number | null} offset Byte offset in the file.
 * @property {number | null} object Number of the PDF object.
 * @property {string | null} trigger
 * @property {boolean} hidden
 * @property {string} revision
 * @property {string} message
 * @property {string} advice
 * @property {string} excerpt
 *
 * @typedef {object} Unscanned
 * @property {string} stage
 * @property {string} reason
 * @property {string} message
 * @property {number | null} offset
 * @property {number | null} object
 *
 * @typedef {'note' | 'flag' | 'quarantine' | 'reject'} Decision
 *
 * @typedef {object} DocumentSummary A document in a list of many.
 * @property {number} id
 * @property {string} title
 * @property {string} filename
 * @property {number} file_size
 * @property {boolean} is_file_available
 * @property {string} created_at
 * @property {string} sha256
 * @property {number | null} page_count
 * @property {Record<string, string>} metadata
 * @property {number} [version]
 * @property {number | null} [replaced_by] The next version; `null` for the newest.
 * @property {Decision} decision
 * @property {number} finding_count
 * @property {number} unscanned_count
 * @property {'queued' | 'running' | 'done' | 'failed'} import_status
 * @property {'none' | 'queued' | 'running' | 'done' | 'skipped' | 'failed'} index_status
 * @property {'none' | 'queued' | 'running' | 'done' | 'skipped' | 'failed'} [ocr_status]
 *
 * @typedef {DocumentSummary & {findings: Finding[], unscanned: Unscanned[]}} PdfDocument
 *
 * @typedef {object} ImportJob
 * @property {number | string} id
 * @property {string} kind
 * @property {string} state
 * @property {number} progress 0 to 1.
 * @property {string} message
 * @property {number} attempts
 * @property {string} importer Empty for an index and for OCR.
 * @property {boolean} required Whether the import has failed if this job has.
 * @property {string | null} retry_at When it is tried again, if it waits for that.
 *
 * @typedef {object} ImportStatus
 * @property {number} document_id
 * @property {PdfDocument['import_status']} import_status
 * @property {PdfDocument['index_status']} index_status
 * @property {PdfDocument['ocr_status']} [ocr_status]
 * @property {ImportJob[]} jobs
 *
 * @typedef {'created' | 'uploading' | 'validating' | 'importing' | 'completed' | 'rejected' |
 *   'cancelled' | 'failed' | 'expired'} SessionStatus
 *
 * @typedef {object} UploadSession
 * @property {string} session_id
 * @property {string} client_id
 * @property {string} filename
 * @property {string} title
 * @property {SessionStatus} status
 * @property {string} stage
 * @property {number} total_size
 * @property {number} chunk_size
 * @property {number} total_chunks
 * @property {number} uploaded_chunks
 * @property {number} received_bytes
 * @property {number} durable_bytes
 * @property {number} validated_bytes
 * @property {number} imported
 * @property {number[]} missing_chunks
 * @property {[number, number][]} missing_ranges
 * @property {string[]} [chunk_codings] Content codings in which chunks are accepted.
 * @property {string} created_at
 * @property {string} expires_at
 * @property {string | null} [expected_hash] SHA-256 that was announced for the file.
 * @property {number | null} [replaces] The document of which the file is a new version.
 * @property {Record<string, string>} metadata
 * @property {Decision} decision
 * @property {boolean} quarantined
 * @property {boolean} released
 * @property {Finding[]} findings
 * @property {Unscanned[]} unscanned
 * @property {number | null} document_id
 * @property {PdfDocument | null} [document]
 * @property {{code: string, message: string} | null} error Why it ended badly, or why its last
 *   completion failed if the upload is still open.
 *
 * @typedef {object} ResumableUpload
 * @property {string} session_id
 * @property {string} filename
 * @property {number} total_size
 * @property {number} uploaded_chunks
 * @property {number} total_chunks
 * @property {number} progress_percentage
 * @property {string} created_at
 * @property {number} age_hours
 * @property {SessionStatus} [status]
 * @property {number} [chunk_size]
 * @property {string} [client_id]
 * @property {Record<string, string>} [metadata]
 * @property {number | null} [replaces]
 *
 * @typedef {object} QuarantinedUpload A refused upload whose bytes are kept.
 * @property {string} session_id
 * @property {string} filename
 * @property {string} title
 * @property {number | null} total_size
 * @property {number} durable_bytes What had arrived when it was refused.
 * @property {string} created_at
 * @property {string} refused_at
 * @property {Decision} decision
 * @property {Finding[]} findings
 *
 * @typedef {object} MemoryStats
 * @property {number} active_sessions
 * @property {number} memory_usage_mb
 * @property {number} peak_memory_mb
 * @property {number} temp_files_count
 * @property {number} temp_files_size_mb
 * @property {number} concurrent_uploads
 * @property {number} memory_limit_mb
 * @property {number} disk_space_available_mb
 *
 * @typedef {object} Percentiles
 * @property {number | null} p50
 * @property {number | null} p95
 * @property {number | null} p99
 *
 * @typedef {object} UploadTotals
 * @property {number} uploads
 * @property {number} bytes
 * @property {number} received_bytes
 * @property {number} resent_bytes
 * @property {number} sent_bytes As they were sent: compressed, or as deltas.
 * @property {number} saved_bytes Received bytes that were not sent.
 * @property {number} requests
 * @property {number} resumes
 * @property {number} findings
 * @property {Percentiles} sizes
 * @property {Percentiles} receiving_seconds
 * @property {Percentiles} validating_seconds
 * @property {Percentiles} importing_seconds
 *
 * @typedef {object} AnalyticsReport
 * @property {string} since
 * @property {string} until
 * @property {string} by
 * @property {UploadTotals} total
 * @property {(UploadTotals & {value: string, share: number, bytes_share: number})[]} groups
 *
 * @typedef {object} QuotaLimits What an account may use; `null` for no limit.
 * @property {number | null} stored_bytes Bytes of documents, and of unfinished uploads.
 * @property {number | null} reserved_bytes Bytes of unfinished uploads at their full size.
 * @property {number | null} metadata_bytes Bytes of metadata of uploads and documents.
 * @property {number | null} open_uploads
 * @property {number | null} documents Documents and unfinished uploads.
 * @property {number | null} uploads_per_day
 * @property {number | null} ocr_pages_per_day
 * @property {number | null} connections Requests and WebSockets at the same time.
 *
 * @typedef {object} QuotaUsage What an account uses.
 * @property {number} stored_bytes Bytes of documents.
 * @property {number} reserved_bytes
 * @property {number} metadata_bytes
 * @property {number} open_uploads
 * @property {number} documents
 * @property {number} uploads_today Since midnight (UTC).
 * @property {number} ocr_pages_today Since midnight (UTC).
 * @property {number} connections Of the server process that answers.
 *
 * @typedef {object} QuotaAccount
 * @property {string} account
 * @property {QuotaLimits} limits The limits that count.
 * @property {QuotaLimits} own_limits Those that were set for this account.
 * @property {QuotaUsage} used
 *
 * @typedef {object} RateLimits Bytes per second to set; 0 for no limit, `null` for that of the
 *   settings.
 * @property {number | null} session Of each upload.
 * @property {number | null} principal Of all uploads of a principal.
 * @property {number | null} server Of all uploads.
 * @property {number | null} download Of each download.
 * @property {number | null} principal_download Of all downloads of a principal.
 * @property {number | null} server_download Of all downloads.
 *
 * @typedef {object} Rates Bytes per second that count; 0 for no limit.
 * @property {number} session Of each upload.
 * @property {number} principal Of all uploads of a principal.
 * @property {number} server Of all uploads.
 * @property {number} download Of each download.
 * @property {number} principal_download Of all downloads of a principal.
 * @property {number} server_download Of all downloads.
 * @property {string[]} changed The names of those that were set while the server runs; the others
 *   are those of its settings.
 *
 * @typedef {object} ServerInfo
 * @property {string} name
 * @property {string} version
 * @property {boolean} authentication_required
 * @property {{max_file_size: number, chunk_size: number, max_chunk_size: number,
 *   max_concurrent_uploads: number}} limits
 * @property {string} policy
 *
 * @typedef {object} UploadTicket How a chunk is sent to the store of the server.
 * @property {string} method
 * @property {string} url
 * @property {Record<string, string>} headers
 * @property {number} length
 *
 * @typedef {object} DocumentLink
 * @property {string | null} url `null` while the server sends the files itself.
 * @property {string | null} expires_at
 * @property {string} filename
 * @property {number} file_size
 * @property {string} sha256
 *
 * @typedef {object} MarkdownPage
 * @property {number} page
 * @property {string} markdown
 * @property {boolean} structured Whether tables and headings are marked.
 * @property {string} note Why they are not.
 * @property {string} source
 *
 * @typedef {object} MarkdownPages
 * @property {number} document_id
 * @property {MarkdownPage[]} pages
 * @property {number | null} next
 *
 * @typedef {object} Passage
 * @property {number} document_id
 * @property {string} title
 * @property {number} page
 * @property {string} text
 * @property {number} score
 * @property {string} match `words` or `meaning`.
 * @property {string} stage What is indexed of the document: `reading`, `words` or `meaning`.
 * @property {'text' | 'ocr' | 'none'} [source] `ocr` if the text was read from a picture.
 * @property {{text: string, marked: boolean}[]} snippet Why it was found.
 * @property {PassagePlace | null} place Where it stands on its page; `null` if that is not known.
 *
 * @typedef {object} PassagePlace Rectangles are left, top, right and bottom, in points from the
 *   upper left corner of the page as it is displayed.
 * @property {string} label The page number that the document gives to the page.
 * @property {number} width
 * @property {number} height
 * @property {[number, number, number, number][]} rectangles Of the passage, line by line.
 * @property {[number, number, number, number][]} marks Of the words of the query.
 *
 * @typedef {object} SearchAnswer
 * @property {Passage[]} results Best first.
 * @property {{document_id: number, title: string, results: number[]}[]} documents The documents,
 *   each with the positions of its passages in `results`.
 * @property {number | null} next The offset of the passages that follow.
 * @property {string} note Why the passages were not ranked again; empty if they were.
 *
 * @typedef {'queued' | 'running' | 'done' | 'skipped' | 'failed' | 'cancelled'} JobState
 *
 * @typedef {object} ListedJob A background job, with its document.
 * @property {number} id
 * @property {'import' | 'index' | 'ocr'} kind
 * @property {JobState} state
 * @property {number} progress Share done, 0 to 1.
 * @property {string} message What it does, or how it ended.
 * @property {number} attempts
 * @property {string} importer
 * @property {boolean} required
 * @property {string | null} [retry_at]
 * @property {number} document_id
 * @property {string} document_title
 * @property {string} owner
 * @property {string} node The server that runs it, or ran it last.
 * @property {boolean} stopping Whether it runs, and is to be stopped.
 *
 * @typedef {object} LiveNode A server or a worker that is live.
 * @property {string} id The id of the process, never used again.
 * @property {string} role `server`, or `worker` without HTTP.
 * @property {string} version
 * @property {string} host The name of its machine.
 * @property {string} started_at
 * @property {string} seen_at When its last heartbeat was stored.
 * @property {number} uploads How many uploads it holds.
 * @property {number} jobs How many background jobs it runs.
 *
 * @typedef {object} SearchFilter The documents to search; all conditions must hold.
 * @property {number[]} [documents] Ids.
 * @property {string} [title] Part of the title or file name.
 * @property {string[]} [tags] Tags that the document has, all of them.
 * @property {string} [uploaded_from] Earliest time of the upload (RFC 3339).
 * @property {string} [uploaded_before] Time before which it was uploaded (RFC 3339).
 * @property {Record<string, string>} [metadata] Fields, each with a part of the value.
 *
 * @typedef {Blob & {name?: string}} UploadSource A `File`, or a `Blob` with a name.
 *
 * @typedef {object} StoredUpload
 * @property {string} sessionId
 * @property {string} filename
 * @property {number} size
 * @property {number} savedAt Milliseconds since the epoch.
 *
 * @typedef {object} UploadStorage
 * @property {(key: string) => StoredUpload | null | Promise<StoredUpload | null>} get
 * @property {(key: string, record: StoredUpload) => void | Promise<void>} set
 * @property {(key: string) => void | Promise<void>} delete
 * @property {() => [string, StoredUpload][] | Promise<[string, StoredUpload][]>} entries
 *
 * @typedef {'preparing' | 'uploading' | 'waiting' | 'paused' | 'finishing' | 'cancelling' |
 *   'completed' | 'rejected' | 'cancelled' | 'failed'} UploadState
 *
 * @typedef {object} UploadSnapshot How an upload stands.
 * @property {UploadState} state
 * @property {string} sessionId Empty until the server has opened the session.
 * @property {string} filename
 * @property {number} totalSize
 * @property {boolean} resumed Whether bytes of an earlier attempt were there already.
 * @property {number} received Bytes that came over the wire.
 * @property {number} durable Bytes that are stored and acknowledged.
 * @property {number} validated Bytes that every check has seen.
 * @property {number} imported Share of the import that is done, 0 to 1.
 * @property {string} stage What the server is doing.
 * @property {string} message The server's own words for it.
 * @property {number} speed Bytes per second; 0 while unknown.
 * @property {number | null} remaining Seconds; null while unknown.
 * @property {number} chunkSize
 * @property {Uint8Array} chunks For each chunk one of `ChunkState`.
 * @property {{until: number, error: Error} | null} waiting Why and until when (milliseconds
 *   since the epoch) nothing is sent.
 * @property {Decision} decision
 * @property {boolean} quarantined Whether the bytes of a refused file are kept apart.
 * @property {Finding[]} findings
 * @property {Unscanned[]} unscanned
 * @property {PdfDocument | null} document
 * @property {boolean} duplicate Whether the document was there before.
 * @property {Error | null} error
 *
 * @typedef {object} UploadOptions
 * @property {(snapshot: UploadSnapshot) => void} [onProgress] Called on every change.
 * @property {AbortSignal} [signal] Stops the upload and leaves it resumable; to discard it
 *   use `cancel`.
 * @property {number} [parallel] The most pieces of this file in flight.
 * @property {boolean} [checksum] Send a SHA-256 with every chunk (default).
 * @property {boolean} [compress] Compress pieces if that saves time (default).
 * @property {boolean} [direct] Send chunks to the object store of the server, if it allows that.
 * @property {string} [filename] Where the source has no name.
 * @property {string} [title]
 * @property {boolean} [autoBuildIndex] Make the document searchable when it is imported.
 * @property {boolean} [checkDuplicates]
 * @property {string} [expectedHash] SHA-256 of the file, if it is known beforehand.
 * @property {string[]} [encryptTo] Public keys (`age1...`) for which `uploadFile` encrypts the file
 *   before it is sent; the client needs the option `age`.
 * @property {'age'} [encryption] How the file is encrypted already.
 * @property {number} [replaces] The document of which the file is a new version. What that document has
 *   is not sent again.
 * @property {number} [chunkSize] A wish; the server decides.
 * @property {string} [sessionId] Continue this session; the file must be the same.
 * @property {boolean} [waitForImport] Let `uploadFile` return only when the import is done.
 *
 * @typedef {object} UploadResult
 * @property {PdfDocument} document
 * @property {boolean} duplicate
 * @property {string} sessionId
 */
export type Finding = {
    kind: string;
    severity: 'info' | 'low' | 'medium' | 'high' | 'critical';
    stage: string;
    /**
     * Byte offset in the file.
     */
    offset: number | null;
    /**
     * Number of the PDF object.
     */
    object: number | null;
    trigger: string | null;
    hidden: boolean;
    revision: string;
    message: string;
    advice: string;
    excerpt: string;
};
export type Unscanned = {
    stage: string;
    reason: string;
    message: string;
    offset: number | null;
    object: number | null;
};
export type Decision = 'note' | 'flag' | 'quarantine' | 'reject';
export type DocumentSummary = {
    id: number;
    title: string;
    filename: string;
    file_size: number;
    is_file_available: boolean;
    created_at: string;
    sha256: string;
    page_count: number | null;
    metadata: Record<string, string>;
    version?: number;
    /**
     * The next version; `null` for the newest.
     */
    replaced_by?: number | null;
    decision: Decision;
    finding_count: number;
    unscanned_count: number;
    import_status: 'queued' | 'running' | 'done' | 'failed';
    index_status: 'none' | 'queued' | 'running' | 'done' | 'skipped' | 'failed';
    ocr_status?: 'none' | 'queued' | 'running' | 'done' | 'skipped' | 'failed';
};
export type PdfDocument = DocumentSummary & {
    findings: Finding[];
    unscanned: Unscanned[];
};
export type ImportJob = {
    id: number | string;
    kind: string;
    state: string;
    /**
     * 0 to 1.
     */
    progress: number;
    message: string;
    attempts: number;
    /**
     * Empty for an index and for OCR.
     */
    importer: string;
    /**
     * Whether the import has failed if this job has.
     */
    required: boolean;
    /**
     * When it is tried again, if it waits for that.
     */
    retry_at: string | null;
};
export type ImportStatus = {
    document_id: number;
    import_status: PdfDocument['import_status'];
    index_status: PdfDocument['index_status'];
    ocr_status?: PdfDocument['ocr_status'];
    jobs: ImportJob[];
};
export type SessionStatus = 'created' | 'uploading' | 'validating' | 'importing' | 'completed' | 'rejected' | *   'cancelled' | 'failed' | 'expired';
export type UploadSession = {
    session_id: string;
    client_id: string;
    filename: string;
    title: string;
    status: SessionStatus;
    stage: string;
    total_size: number;
    chunk_size: number;
    total_chunks: number;
    uploaded_chunks: number;
    received_bytes: number;
    durable_bytes: number;
    validated_bytes: number;
    imported: number;
    missing_chunks: number[];
    missing_ranges: [number, number][];
    /**
     * Content codings in which chunks are accepted.
     */
    chunk_codings?: string[];
    created_at: string;
    expires_at: string;
    /**
     * SHA-256 that was announced for the file.
     */
    expected_hash?: string | null;
    /**
     * The document of which the file is a new version.
     */
    replaces?: number | null;
    metadata: Record<string, string>;
    decision: Decision;
    quarantined: boolean;
    released: boolean;
    findings: Finding[];
    unscanned: Unscanned[];
    document_id: number | null;
    document?: PdfDocument | null;
    /**
     * Why it ended badly, or why its last
     * completion failed if the upload is still open.
     */
    error: {
        code: string;
        message: string;
    } | null;
};
export type ResumableUpload = {
    session_id: string;
    filename: string;
    total_size: number;
    uploaded_chunks: number;
    total_chunks: number;
    progress_percentage: number;
    created_at: string;
    age_hours: number;
    status?: SessionStatus;
    chunk_size?: number;
    client_id?: string;
    metadata?: Record<string, string>;
    replaces?: number | null;
};
export type QuarantinedUpload = {
    session_id: string;
    filename: string;
    title: string;
    total_size: number | null;
    /**
     * What had arrived when it was refused.
     */
    durable_bytes: number;
    created_at: string;
    refused_at: string;
    decision: Decision;
    findings: Finding[];
};
export type MemoryStats = {
    active_sessions: number;
    memory_usage_mb: number;
    peak_memory_mb: number;
    temp_files_count: number;
    temp_files_size_mb: number;
    concurrent_uploads: number;
    memory_limit_mb: number;
    disk_space_available_mb: number;
};
export type Percentiles = {
    p50: number | null;
    p95: number | null;
    p99: number | null;
};
export type UploadTotals = {
    uploads: number;
    bytes: number;
    received_bytes: number;
    resent_bytes: number;
    /**
     * As they were sent: compressed, or as deltas.
     */
    sent_bytes: number;
    /**
     * Received bytes that were not sent.
     */
    saved_bytes: number;
    requests: number;
    resumes: number;
    findings: number;
    sizes: Percentiles;
    receiving_seconds: Percentiles;
    validating_seconds: Percentiles;
    importing_seconds: Percentiles;
};
export type AnalyticsReport = {
    since: string;
    until: string;
    by: string;
    total: UploadTotals;
    groups: (UploadTotals & {
        value: string;
        share: number;
        bytes_share: number;
    })[];
};
export type QuotaLimits = {
    /**
     * Bytes of documents, and of unfinished uploads.
     */
    stored_bytes: number | null;
    /**
     * Bytes of unfinished uploads at their full size.
     */
    reserved_bytes: number | null;
    /**
     * Bytes of metadata of uploads and documents.
     */
    metadata_bytes: number | null;
    open_uploads: number | null;
    /**
     * Documents and unfinished uploads.
     */
    documents: number | null;
    uploads_per_day: number | null;
    ocr_pages_per_day: number | null;
    /**
     * Requests and WebSockets at the same time.
     */
    connections: number | null;
};
export type QuotaUsage = {
    /**
     * Bytes of documents.
     */
    stored_bytes: number;
    reserved_bytes: number;
    metadata_bytes: number;
    open_uploads: number;
    documents: number;
    /**
     * Since midnight (UTC).
     */
    uploads_today: number;
    /**
     * Since midnight (UTC).
     */
    ocr_pages_today: number;
    /**
     * Of the server process that answers.
     */
    connections: number;
};
export type QuotaAccount = {
    account: string;
    /**
     * The limits that count.
     */
    limits: QuotaLimits;
    /**
     * Those that were set for this account.
     */
    own_limits: QuotaLimits;
    used: QuotaUsage;
};
export type RateLimits = {
    /**
     * Of each upload.
     */
    session: number | null;
    /**
     * Of all uploads of a principal.
     */
    principal: number | null;
    /**
     * Of all uploads.
     */
    server: number | null;
    /**
     * Of each download.
     */
    download: number | null;
    /**
     * Of all downloads of a principal.
     */
    principal_download: number | null;
    /**
     * Of all downloads.
     */
    server_download: number | null;
};
export type Rates = {
    /**
     * Of each upload.
     */
    session: number;
    /**
     * Of all uploads of a principal.
     */
    principal: number;
    /**
     * Of all uploads.
     */
    server: number;
    /**
     * Of each download.
     */
    download: number;
    /**
     * Of all downloads of a principal.
     */
    principal_download: number;
    /**
     * Of all downloads.
     */
    server_download: number;
    /**
     * The names of those that were set while the server runs; the others
     * are those of its settings.
     */
    changed: string[];
};
export type ServerInfo = {
    name: string;
    version: string;
    authentication_required: boolean;
    limits: {
        max_file_size: number;
        chunk_size: number;
        max_chunk_size: number;
        max_concurrent_uploads: number;
    };
    policy: string;
};
export type UploadTicket = {
    method: string;
    url: string;
    headers: Record<string, string>;
    length: number;
};
export type DocumentLink = {
    /**
     * `null` while the server sends the files itself.
     */
    url: string | null;
    expires_at: string | null;
    filename: string;
    file_size: number;
    sha256: string;
};
export type MarkdownPage = {
    page: number;
    markdown: string;
    /**
     * Whether tables and headings are marked.
     */
    structured: boolean;
    /**
     * Why they are not.
     */
    note: string;
    source: string;
};
export type MarkdownPages = {
    document_id: number;
    pages: MarkdownPage[];
    next: number | null;
};
export type Passage = {
    document_id: number;
    title: string;
    page: number;
    text: string;
    score: number;
    /**
     * `words` or `meaning`.
     */
    match: string;
    /**
     * What is indexed of the document: `reading`, `words` or `meaning`.
     */
    stage: string;
    /**
     * `ocr` if the text was read from a picture.
     */
    source?: 'text' | 'ocr' | 'none';
    /**
     * Why it was found.
     */
    snippet: {
        text: string;
        marked: boolean;
    }[];
    /**
     * Where it stands on its page; `null` if that is not known.
     */
    place: PassagePlace | null;
};
export type PassagePlace = {
    /**
     * The page number that the document gives to the page.
     */
    label: string;
    width: number;
    height: number;
    /**
     * Of the passage, line by line.
     */
    rectangles: [number, number, number, number][];
    /**
     * Of the words of the query.
     */
    marks: [number, number, number, number][];
};
export type SearchAnswer = {
    /**
     * Best first.
     */
    results: Passage[];
    /**
     * The documents,
     * each with the positions of its passages in `results`.
     */
    documents: {
        document_id: number;
        title: string;
        results: number[];
    }[];
    /**
     * The offset of the passages that follow.
     */
    next: number | null;
    /**
     * Why the passages were not ranked again; empty if they were.
     */
    note: string;
};
export type JobState = 'queued' | 'running' | 'done' | 'skipped' | 'failed' | 'cancelled';
export type ListedJob = {
    id: number;
    kind: 'import' | 'index' | 'ocr';
    state: JobState;
    /**
     * Share done, 0 to 1.
     */
    progress: number;
    /**
     * What it does, or how it ended.
     */
    message: string;
    attempts: number;
    importer: string;
    required: boolean;
    retry_at?: string | null;
    document_id: number;
    document_title: string;
    owner: string;
    /**
     * The server that runs it, or ran it last.
     */
    node: string;
    /**
     * Whether it runs, and is to be stopped.
     */
    stopping: boolean;
};
export type LiveNode = {
    /**
     * The id of the process, never used again.
     */
    id: string;
    /**
     * `server`, or `worker` without HTTP.
     */
    role: string;
    version: string;
    /**
     * The name of its machine.
     */
    host: string;
    started_at: string;
    /**
     * When its last heartbeat was stored.
     */
    seen_at: string;
    /**
     * How many uploads it holds.
     */
    uploads: number;
    /**
     * How many background jobs it runs.
     */
    jobs: number;
};
export type SearchFilter = {
    /**
     * Ids.
     */
    documents?: number[];
    /**
     * Part of the title or file name.
     */
    title?: string;
    /**
     * Tags that the document has, all of them.
     */
    tags?: string[];
    /**
     * Earliest time of the upload (RFC 3339).
     */
    uploaded_from?: string;
    /**
     * Time before which it was uploaded (RFC 3339).
     */
    uploaded_before?: string;
    /**
     * Fields, each with a part of the value.
     */
    metadata?: Record<string, string>;
};
export type UploadSource = Blob & {
    name?: string;
};
export type StoredUpload = {
    sessionId: string;
    filename: string;
    size: number;
    /**
     * Milliseconds since the epoch.
     */
    savedAt: number;
};
export type UploadStorage = {
    get: (key: string) => StoredUpload | null | Promise<StoredUpload | null>;
    set: (key: string, record: StoredUpload) => void | Promise<void>;
    delete: (key: string) => void | Promise<void>;
    entries: () => [string, StoredUpload][] | Promise<[string, StoredUpload][]>;
};
export type UploadState = 'preparing' | 'uploading' | 'waiting' | 'paused' | 'finishing' | 'cancelling' | *   'completed' | 'rejected' | 'cancelled' | 'failed';
export type UploadSnapshot = {
    state: UploadState;
    /**
     * Empty until the server has opened the session.
     */
    sessionId: string;
    filename: string;
    totalSize: number;
    /**
     * Whether bytes of an earlier attempt were there already.
     */
    resumed: boolean;
    /**
     * Bytes that came over the wire.
     */
    received: number;
    /**
     * Bytes that are stored and acknowledged.
     */
    durable: number;
    /**
     * Bytes that every check has seen.
     */
    validated: number;
    /**
     * Share of the import that is done, 0 to 1.
     */
    imported: number;
    /**
     * What the server is doing.
     */
    stage: string;
    /**
     * The server's own words for it.
     */
    message: string;
    /**
     * Bytes per second; 0 while unknown.
     */
    speed: number;
    /**
     * Seconds; null while unknown.
     */
    remaining: number | null;
    chunkSize: number;
    /**
     * For each chunk one of `ChunkState`.
     */
    chunks: Uint8Array;
    /**
     * Why and until when (milliseconds
     * since the epoch) nothing is sent.
     */
    waiting: {
        until: number;
        error: Error;
    } | null;
    decision: Decision;
    /**
     * Whether the bytes of a refused file are kept apart.
     */
    quarantined: boolean;
    findings: Finding[];
    unscanned: Unscanned[];
    document: PdfDocument | null;
    /**
     * Whether the document was there before.
     */
    duplicate: boolean;
    error: Error | null;
};
export type UploadOptions = {
    /**
     * Called on every change.
     */
    onProgress?: (snapshot: UploadSnapshot) => void;
    /**
     * Stops the upload and leaves it resumable; to discard it
     * use `cancel`.
     */
    signal?: AbortSignal;
    /**
     * The most pieces of this file in flight.
     */
    parallel?: number;
    /**
     * Send a SHA-256 with every chunk (default).
     */
    checksum?: boolean;
    /**
     * Compress pieces if that saves time (default).
     */
    compress?: boolean;
    /**
     * Send chunks to the object store of the server, if it allows that.
     */
    direct?: boolean;
    /**
     * Where the source has no name.
     */
    filename?: string;
    title?: string;
    /**
     * Make the document searchable when it is imported.
     */
    autoBuildIndex?: boolean;
    checkDuplicates?: boolean;
    /**
     * SHA-256 of the file, if it is known beforehand.
     */
    expectedHash?: string;
    /**
     * Public keys (`age1...`) for which `uploadFile` encrypts the file
     * before it is sent; the client needs the option `age`.
     */
    encryptTo?: string[];
    /**
     * How the file is encrypted already.
     */
    encryption?: 'age';
    /**
     * The document of which the file is a new version. What that document has
     * is not sent again.
     */
    replaces?: number;
    /**
     * A wish; the server decides.
     */
    chunkSize?: number;
    /**
     * Continue this session; the file must be the same.
     */
    sessionId?: string;
    /**
     * Let `uploadFile` return only when the import is done.
     */
    waitForImport?: boolean;
};
export type UploadResult = {
    document: PdfDocument;
    duplicate: boolean;
    sessionId: string;
};
/** What is known of a chunk. */
export declare const ChunkState: Readonly<{
    missing: 0;
    sending: 1;
    durable: 2;
}>;
