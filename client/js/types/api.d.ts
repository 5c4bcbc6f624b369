/** The parts of the API that are one request each. */
export type HttpClient = import('./http.js').HttpClient;
export type PdfDocument = import('./types.js').PdfDocument;
export type ImportStatus = import('./types.js').ImportStatus;
export type UploadSession = import('./types.js').UploadSession;
export type ResumableUpload = import('./types.js').ResumableUpload;
export type Cancellable = {
    signal?: AbortSignal;
};
/** @typedef {import('./http.js').HttpClient} HttpClient */
/** @typedef {import('./types.js').PdfDocument} PdfDocument */
/** @typedef {import('./types.js').ImportStatus} ImportStatus */
/** @typedef {import('./types.js').UploadSession} UploadSession */
/** @typedef {import('./types.js').ResumableUpload} ResumableUpload */
/** @typedef {{signal?: AbortSignal}} Cancellable */
export declare const STREAMING = "/api/documents/streaming";
/** Upload sessions, wherever they were opened. */
export declare class SessionsApi {
    http: import("./http.js").HttpClient;
    /** @param {HttpClient} http */
    constructor(http: HttpClient);
    /**
     * @param {string} sessionId
     * @param {Cancellable} [options]
     * @returns {Promise<UploadSession>}
     */
    get(sessionId: string, options?: Cancellable): Promise<UploadSession>;
    /**
     * The caller's unfinished uploads, from every device.
     *
     * @param {Cancellable} [options]
     * @returns {Promise<ResumableUpload[]>}
     */
    resumable(options?: Cancellable): Promise<ResumableUpload[]>;
    /**
     * Ask for the completion of an upload whose bytes are all there, without waiting for it.
     *
     * @param {string} sessionId
     * @param {{expectedHash?: string} & Cancellable} [options] `expectedHash` is the SHA-256 of the
     *   file. If the stored bytes have another one, the upload fails and nothing is kept.
     * @returns {Promise<void>}
     */
    complete(sessionId: string, { expectedHash, signal }?: {
        expectedHash?: string;
    } & Cancellable): Promise<void>;
    /**
     * Complete an upload, wait for that, and return its document.
     *
     * @param {string} sessionId
     * @param {Cancellable} [options]
     * @returns {Promise<{document: PdfDocument, duplicate?: boolean}>}
     */
    document(sessionId: string, { signal }?: Cancellable): Promise<{
        document: PdfDocument;
        duplicate?: boolean;
    }>;
    /**
     * Give an upload up, or delete one from the quarantine, for which one has to be an administrator.
     *
     * @param {string} sessionId
     * @param {string} [reason]
     * @param {Cancellable} [options]
     * @returns {Promise<void>}
     */
    cancel(sessionId: string, reason?: string, { signal }?: Cancellable): Promise<void>;
    /**
     * The refused uploads of all callers that are kept; for administrators.
     *
     * @param {Cancellable} [options]
     * @returns {Promise<import('./types.js').QuarantinedUpload[]>} Newest first.
     */
    quarantine(options?: Cancellable): Promise<import('./types.js').QuarantinedUpload[]>;
    /**
     * Overrule the refusal of a quarantined upload; for administrators.
     *
     * @param {string} sessionId
     * @returns {Promise<UploadSession>}
     */
    release(sessionId: string): Promise<UploadSession>;
}
/** Background jobs of all documents; for administrators. */
export declare class JobsApi {
    http: import("./http.js").HttpClient;
    /** @param {HttpClient} http */
    constructor(http: HttpClient);
    /**
     * @param {{state?: import('./types.js').JobState, kind?: 'import' | 'index' | 'ocr', owner?: string,
     *   document?: number, limit?: number, after?: number} & Cancellable} [options]
     * @returns {Promise<{jobs: import('./types.js').ListedJob[], total: number, next: number | null}>}
     *   Newest first.
     */
    list({ signal, ...query }?: {
        state?: import('./types.js').JobState;
        kind?: 'import' | 'index' | 'ocr';
        owner?: string;
        document?: number;
        limit?: number;
        after?: number;
    } & Cancellable): Promise<{
        jobs: import('./types.js').ListedJob[];
        total: number;
        next: number | null;
    }>;
    /**
     * Cancel a job, wherever it runs.
     *
     * @param {number} id
     * @returns {Promise<import('./types.js').ListedJob>} When it has stopped, or with `stopping` if that takes longer.
     */
    cancel(id: number): Promise<import('./types.js').ListedJob>;
    /**
     * Queue an ended job again, as if it had never been tried.
     *
     * @param {number} id
     * @returns {Promise<import('./types.js').ListedJob>}
     */
    retry(id: number): Promise<import('./types.js').ListedJob>;
}
/** The live servers and workers of a database; for administrators. */
export declare class NodesApi {
    http: import("./http.js").HttpClient;
    /** @param {HttpClient} http */
    constructor(http: HttpClient);
    /**
     * @param {Cancellable} [options]
     * @returns {Promise<{nodes: import('./types.js').LiveNode[], this: string}>} The oldest first; `this` is the
     *   id of the one that answers.
     */
    list({ signal }?: Cancellable): Promise<{
        nodes: import('./types.js').LiveNode[];
        this: string;
    }>;
}
/** How fast uploads and downloads may be; for administrators. */
export declare class RatesApi {
    http: import("./http.js").HttpClient;
    /** @param {HttpClient} http */
    constructor(http: HttpClient);
    /**
     * @param {Cancellable} [options]
     * @returns {Promise<import('./types.js').Rates>}
     */
    get({ signal }?: Cancellable): Promise<import('./types.js').Rates>;
    /**
     * Replace the limits at all servers; they count until they are replaced, also after a restart.
     *
     * @param {Partial<import('./types.js').RateLimits>} limits What is absent has the limit of the
     *   server's settings.
     * @returns {Promise<import('./types.js').Rates>} What counts now.
     */
    set(limits: Partial<import('./types.js').RateLimits>): Promise<import('./types.js').Rates>;
}
/** Finished documents. */
export declare class DocumentsApi {
    http: import("./http.js").HttpClient;
    /** @param {HttpClient} http */
    constructor(http: HttpClient);
    /**
     * @param {{limit?: number, after?: string, filename?: string} & Cancellable} [options]
     *   `filename` asks for the caller's own documents whose file has this name.
     * @returns {Promise<{documents: import('./types.js').DocumentSummary[], total: number, next: string | null}>}
     */
    list({ limit, after, filename, signal }?: {
        limit?: number;
        after?: string;
        filename?: string;
    } & Cancellable): Promise<{
        documents: import('./types.js').DocumentSummary[];
        total: number;
        next: string | null;
    }>;
    /**
     * @param {number} id
     * @param {Cancellable} [options]
     * @returns {Promise<PdfDocument>}
     */
    get(id: number, options?: Cancellable): Promise<PdfDocument>;
    /**
     * @param {number} id
     * @param {string} title
     * @returns {Promise<PdfDocument>}
     */
    rename(id: number, title: string): Promise<PdfDocument>;
    /**
     * Replace the tags of a document.
     *
     * @param {number} id
     * @param {string[]} tags
     * @returns {Promise<PdfDocument>}
     */
    setTags(id: number, tags: string[]): Promise<PdfDocument>;
    /**
     * All versions of a document, the newest first.
     *
     * @param {number} id
     * @param {Cancellable} [options]
     * @returns {Promise<import('./types.js').DocumentSummary[]>}
     */
    versions(id: number, options?: Cancellable): Promise<import('./types.js').DocumentSummary[]>;
    /**
     * Delete a document; the version before it is then the newest again.
     *
     * @param {number} id
     * @param {{allVersions?: boolean}} [options] `allVersions` deletes all versions of it.
     * @returns {Promise<void>}
     */
    delete(id: number, { allVersions }?: {
        allVersions?: boolean;
    }): Promise<void>;
    /**
     * Where the file can be fetched; with API keys the request needs one.
     *
     * @param {number} id
     * @returns {string}
     */
    fileUrl(id: number): string;
    /**
     * Fetch the file; the answer's body can be read as a stream. If the server has it elsewhere, it is
     * fetched there, without the key.
     *
     * @param {number} id
     * @param {{range?: [number, number]} & Cancellable} [options] `range` is half-open.
     * @returns {Promise<Response>}
     */
    file(id: number, { range, signal }?: {
        range?: [number, number];
    } & Cancellable): Promise<Response>;
    /**
     * A link to the file that needs no key and lasts for a short time. It is all that is needed.
     *
     * @param {number} id
     * @param {Cancellable} [options]
     * @returns {Promise<import('./types.js').DocumentLink>}
     */
    link(id: number, options?: Cancellable): Promise<import('./types.js').DocumentLink>;
    /**
     * A picture of a page.
     *
     * @param {number} id
     * @param {number} page From 1 on.
     * @param {{width?: number} & Cancellable} [options]
     * @returns {Promise<Blob>} A JPEG.
     */
    thumbnail(id: number, page: number, { width, signal }?: {
        width?: number;
    } & Cancellable): Promise<Blob>;
    /**
     * @param {number} id
     * @param {number} page From 1 on.
     * @param {Cancellable} [options]
     * @returns {Promise<{document_id: number, page: number, text: string}>}
     */
    pageText(id: number, page: number, options?: Cancellable): Promise<{
        document_id: number;
        page: number;
        text: string;
    }>;
    /**
     * Pages with their tables and headings, as Markdown; `next` is the `first` of those that follow.
     *
     * @param {number} id
     * @param {{first?: number, limit?: number} & Cancellable} [options]
     * @returns {Promise<import('./types.js').MarkdownPages>}
     */
    markdown(id: number, { first, limit, signal }?: {
        first?: number;
        limit?: number;
    } & Cancellable): Promise<import('./types.js').MarkdownPages>;
    /**
     * How far the import has come.
     *
     * @param {number} id
     * @param {Cancellable} [options]
     * @returns {Promise<ImportStatus>}
     */
    importStatus(id: number, options?: Cancellable): Promise<ImportStatus>;
    /**
     * Make a document searchable.
     *
     * @param {number} id
     * @returns {Promise<ImportStatus>}
     */
    buildIndex(id: number): Promise<ImportStatus>;
    /**
     * Index all documents again that were indexed before; for an administrator those of all owners.
     *
     * @returns {Promise<number>} How many are queued.
     */
    indexAgain(): Promise<number>;
    /**
     * Runs one importer again, in the background.
     *
     * @param {number} id
     * @param {string} importer
     * @returns {Promise<ImportStatus>}
     */
    retryImport(id: number, importer: string): Promise<ImportStatus>;
}
/**
 * Whether the background work on a document has ended, well or not.
 *
 * @param {{import_status: string, index_status: string}} status
 * @returns {boolean}
 */
export declare function importEnded({ import_status, index_status }: {
    import_status: string;
    index_status: string;
}): boolean;
