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

/** What is known of a chunk. */
export const ChunkState = Object.freeze({ missing: 0, sending: 1, durable: 2 });
