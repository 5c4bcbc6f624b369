/** The client: what all uploads and requests to one server share. */
import { DocumentsApi, JobsApi, NodesApi, RatesApi, SessionsApi } from './api.js';
import { Gain } from './compression.js';
import { Digester } from './digester.js';
import { EventChannel } from './events.js';
import { HttpClient } from './http.js';
import { Link } from './link.js';
import { Slicer } from './slicer.js';
import { Upload } from './upload.js';
export type UploadOptions = import('./types.js').UploadOptions;
export type UploadResult = import('./types.js').UploadResult;
export type UploadSource = import('./types.js').UploadSource;
export type ClientOptions = {
    /**
     * Where the server is; in a page, the page's own origin.
     */
    baseUrl?: string;
    apiKey?: string;
    /**
     * What the client calls itself; grants nothing.
     */
    clientId?: string;
    /**
     * Remembers unfinished uploads.
     */
    storage?: import('./types.js').UploadStorage;
    /**
     * `null` polls instead; so does a place that
     * has none, such as Node 20.
     */
    WebSocket?: typeof WebSocket | null;
    fetch?: typeof fetch;
    /**
     * The most pieces in flight, of all uploads together.
     */
    parallel?: number;
    /**
     * Bytes; a wish, the server decides.
     */
    chunkSize?: number;
    /**
     * `false` keeps the work out of a Web Worker.
     */
    worker?: boolean;
    retry?: Partial<import('./retry.js').RetryPolicy>;
    /**
     * Milliseconds between polls without a WebSocket.
     */
    pollInterval?: number;
    /**
     * The package `age-encryption`, for `encryptTo`.
     */
    age?: import('./encryption.js').AgeLibrary;
};
export type UploadContext = {
    http: HttpClient;
    sessions: SessionsApi;
    documents: DocumentsApi;
    channel: EventChannel;
    storage: import('./types.js').UploadStorage;
    link: Link;
    gain: Gain;
    slicer: Slicer;
    digester: Digester;
    policy: import('./retry.js').RetryPolicy;
    clientId: string;
    chunkSize: number;
    pollInterval: number;
    patiently: <T>(bytes: number, speed: number, signal: AbortSignal, send: (signal: AbortSignal) => Promise<T>) => Promise<T>;
    isActive: (sessionId: string) => boolean;
};
export declare class StreamingUploadClient {
    #private;
    clientId: string;
    sessions: SessionsApi;
    documents: DocumentsApi;
    jobs: JobsApi;
    nodes: NodesApi;
    rates: RatesApi;
    channel: EventChannel;
    /** @param {ClientOptions} [options] */
    constructor(options?: ClientOptions);
    /** The API key in use; setting another one also reconnects the live events. */
    get apiKey(): string;
    set apiKey(key: string);
    /** The uploads of this client that have not ended. */
    get uploads(): Upload[];
    /**
     * Upload a file and wait for the document.
     *
     * @param {UploadSource} file
     * @param {UploadOptions} [options]
     * @returns {Promise<UploadResult>}
     * @throws {ContentRejected} The file is refused; `findings` has the reasons.
     * @throws {UploadCancelled} It was cancelled.
     * @throws {PdfsluiceError} Something else ended it; see `code`, `hint` and `details`.
     */
    uploadFile(file: UploadSource, options?: UploadOptions): Promise<UploadResult>;
    /**
     * The content of a document, from the server or wherever it redirects. A break is continued with a
     * range; the stream ends with an error if the SHA-256 is another one.
     *
     * @param {number} id
     * @param {{signal?: AbortSignal}} [options]
     * @returns {Promise<ReadableStream<Uint8Array>>}
     */
    download(id: number, { signal }?: {
        signal?: AbortSignal;
    }): Promise<ReadableStream<Uint8Array>>;
    /**
     * The content of a document that was uploaded with `encryptTo`, decrypted as it arrives.
     *
     * @param {number} id
     * @param {string} identity The secret key of a recipient; it is not sent.
     * @param {{signal?: AbortSignal}} [options]
     * @returns {Promise<ReadableStream<Uint8Array>>} Ends with an error if the file is damaged.
     */
    decryptedFile(id: number, identity: string, options?: {
        signal?: AbortSignal;
    }): Promise<ReadableStream<Uint8Array>>;
    /**
     * Begin an upload and return it immediately. An unfinished upload of the same content is continued.
     *
     * @param {UploadSource} file
     * @param {UploadOptions} [options]
     * @returns {Upload}
     */
    startUpload(file: UploadSource, options?: UploadOptions): Upload;
    /**
     * Pause one upload, or all of them.
     *
     * @param {string} [sessionId]
     */
    pause(sessionId?: string): void;
    /**
     * Resume one paused upload, or all of them.
     *
     * @param {string} [sessionId]
     */
    resume(sessionId?: string): void;
    /**
     * Cancel one upload, or all of them; the server deletes what has arrived.
     *
     * @param {string} [sessionId] May also be a session that another device opened.
     * @returns {Promise<void>}
     */
    cancel(sessionId?: string): Promise<void>;
    /**
     * Complete an upload whose bytes are all there, wherever they came from. Tries once.
     *
     * @param {string} sessionId
     * @returns {Promise<import('./completion.js').Completed>}
     * @throws {ContentRejected} The file is refused.
     * @throws {PdfsluiceError} Something else came between; a retryable one may pass.
     */
    complete(sessionId: string): Promise<import('./completion.js').Completed>;
    /**
     * Search the indexed documents.
     *
     * @param {string} query
     * @param {{topK?: number, filter?: import('./types.js').SearchFilter, match?: 'words' | 'meaning', signal?: AbortSignal}} [options]
     * @returns {Promise<import('./types.js').Passage[]>} Best first.
     */
    search(query: string, options?: {
        topK?: number;
        filter?: import('./types.js').SearchFilter;
        match?: 'words' | 'meaning';
        signal?: AbortSignal;
    }): Promise<import('./types.js').Passage[]>;
    /**
     * Some of the best passages, and the same grouped by document.
     *
     * @param {string} query
     * @param {{topK?: number, offset?: number, filter?: import('./types.js').SearchFilter, match?: 'words' | 'meaning', signal?: AbortSignal}} [options]
     *   `offset` is the `next` of the answer before; `match` is by what alone passages are found.
     * @returns {Promise<import('./types.js').SearchAnswer>}
     */
    searchPage(query: string, { topK, offset, filter, match, signal }?: {
        topK?: number;
        offset?: number;
        filter?: import('./types.js').SearchFilter;
        match?: 'words' | 'meaning';
        signal?: AbortSignal;
    }): Promise<import('./types.js').SearchAnswer>;
    /**
     * What the server is and allows; needs no key.
     *
     * @returns {Promise<import('./types.js').ServerInfo>}
     */
    info(): Promise<import('./types.js').ServerInfo>;
    /** @returns {Promise<{plugins: any[], parts: Record<string, string[]>}>} */
    plugins(): Promise<{
        plugins: any[];
        parts: Record<string, string[]>;
    }>;
    /** @returns {Promise<import('./types.js').MemoryStats>} */
    memoryStats(): Promise<import('./types.js').MemoryStats>;
    /**
     * Totals of uploads that ended in a time; of the last 30 days, by day, if nothing is given.
     *
     * @param {{from?: Date, to?: Date, by?: 'hour' | 'day' | 'protocol' | 'client' | 'end' | 'account',
     *   signal?: AbortSignal}} [options]
     * @returns {Promise<import('./types.js').AnalyticsReport>}
     */
    analytics({ from, to, by, signal }?: {
        from?: Date;
        to?: Date;
        by?: 'hour' | 'day' | 'protocol' | 'client' | 'end' | 'account';
        signal?: AbortSignal;
    }): Promise<import('./types.js').AnalyticsReport>;
    /**
     * What an account may use, and what it uses.
     *
     * @param {string} [account] For administrators: `key:NAME`, `tenant:NAME`, or `*` for the default
     *   limits; the caller's own if none is given.
     * @returns {Promise<import('./types.js').QuotaAccount>}
     */
    quota(account?: string): Promise<import('./types.js').QuotaAccount>;
    /**
     * All accounts that are used or have limits, by name; for administrators.
     *
     * @returns {Promise<import('./types.js').QuotaAccount[]>}
     */
    quotas(): Promise<import('./types.js').QuotaAccount[]>;
    /**
     * Replace the limits of an account, from its next upload on; for administrators.
     *
     * @param {string} account `key:NAME`, `tenant:NAME`, or `*` for the default limits.
     * @param {Partial<import('./types.js').QuotaLimits>} limits What is absent has the default limit.
     * @returns {Promise<import('./types.js').QuotaAccount>}
     */
    setQuota(account: string, limits: Partial<import('./types.js').QuotaLimits>): Promise<import('./types.js').QuotaAccount>;
    /**
     * The server's counters and gauges that have no labels, by their Prometheus names.
     *
     * @returns {Promise<Record<string, number>>}
     */
    metrics(): Promise<Record<string, number>>;
    /** Stop everything. Unfinished uploads stay resumable. */
    close(): void;
}
