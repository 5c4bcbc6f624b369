/** The client: what all uploads and requests to one server share. */

import { DocumentsApi, JobsApi, NodesApi, RatesApi, SessionsApi, STREAMING } from './api.js';
import { completed } from './completion.js';
import { Gain } from './compression.js';
import { Digester } from './digester.js';
import { download } from './download.js';
import { decrypt, encrypt } from './encryption.js';
import { AuthenticationError, NetworkError } from './errors.js';
import { EventChannel } from './events.js';
import { HttpClient } from './http.js';
import { Link } from './link.js';
import { DEFAULT_RETRY, sleep } from './retry.js';
import { following } from './signals.js';
import { Slicer } from './slicer.js';
import { defaultStorage } from './storage.js';
import { Upload } from './upload.js';

/** @typedef {import('./types.js').UploadOptions} UploadOptions */
/** @typedef {import('./types.js').UploadResult} UploadResult */
/** @typedef {import('./types.js').UploadSource} UploadSource */

/**
 * @typedef {object} ClientOptions
 * @property {string} [baseUrl] Where the server is; in a page, the page's own origin.
 * @property {string} [apiKey]
 * @property {string} [clientId] What the client calls itself; grants nothing.
 * @property {import('./types.js').UploadStorage} [storage] Remembers unfinished uploads.
 * @property {typeof WebSocket | null} [WebSocket] `null` polls instead; so does a place that
 *   has none, such as Node 20.
 * @property {typeof fetch} [fetch]
 * @property {number} [parallel] The most pieces in flight, of all uploads together.
 * @property {number} [chunkSize] Bytes; a wish, the server decides.
 * @property {boolean} [worker] `false` keeps the work out of a Web Worker.
 * @property {Partial<import('./retry.js').RetryPolicy>} [retry]
 * @property {number} [pollInterval] Milliseconds between polls without a WebSocket.
 * @property {import('./encryption.js').AgeLibrary} [age] The package `age-encryption`, for `encryptTo`.
 */

/**
 * @typedef {object} UploadContext What an upload needs of its client.
 * @property {HttpClient} http
 * @property {SessionsApi} sessions
 * @property {DocumentsApi} documents
 * @property {EventChannel} channel
 * @property {import('./types.js').UploadStorage} storage
 * @property {Link} link
 * @property {Gain} gain
 * @property {Slicer} slicer
 * @property {Digester} digester
 * @property {import('./retry.js').RetryPolicy} policy
 * @property {string} clientId
 * @property {number} chunkSize
 * @property {number} pollInterval
 * @property {<T>(bytes: number, speed: number, signal: AbortSignal,
 *   send: (signal: AbortSignal) => Promise<T>) => Promise<T>} patiently
 * @property {(sessionId: string) => boolean} isActive
 */

const MIB = 1024 * 1024;

export class StreamingUploadClient {
  /** @type {Set<Upload>} */
  #uploads = new Set();
  /** @type {UploadContext} */
  #context;
  /** @type {import('./encryption.js').AgeLibrary | undefined} */
  #age;

  /** @param {ClientOptions} [options] */
  constructor(options = {}) {
    const baseUrl = options.baseUrl ?? globalThis.location?.origin;
    if (!baseUrl) throw new TypeError('baseUrl is needed outside of a page');
    const http = new HttpClient({ baseUrl, apiKey: options.apiKey, fetch: options.fetch });
    const policy = { ...DEFAULT_RETRY, ...options.retry };
    const clientId = options.clientId ?? `js_${randomId()}`;
    const pollInterval = options.pollInterval ?? 1000;
    this.clientId = clientId;
    this.#age = options.age;
    this.sessions = new SessionsApi(http);
    this.documents = new DocumentsApi(http);
    this.jobs = new JobsApi(http);
    this.nodes = new NodesApi(http);
    this.rates = new RatesApi(http);
    this.channel = new EventChannel({
      url: `${http.baseUrl.replace(/^http/, 'ws')}/ws/${encodeURIComponent(clientId)}?detail=full`,
      protocols: () => ['pdfsluice.v1', ...(http.apiKey ? [`bearer.${http.apiKey}`] : [])],
      WebSocket: options.WebSocket === null ? undefined : (options.WebSocket ?? globalThis.WebSocket),
      fetchSession: (sessionId) => this.sessions.get(sessionId),
      isLockedOut: () => this.#isLockedOut(),
      policy,
      pollInterval,
    });
    this.#context = {
      http,
      sessions: this.sessions,
      documents: this.documents,
      channel: this.channel,
      storage: options.storage ?? defaultStorage(),
      link: new Link({ max: options.parallel }),
      gain: new Gain(),
      slicer: new Slicer({ worker: options.worker }),
      digester: new Digester({ worker: options.worker }),
      policy,
      clientId,
      chunkSize: options.chunkSize ?? 8 * MIB,
      pollInterval,
      patiently,
      isActive: (sessionId) =>
        this.uploads.some((upload) => !upload.ended && upload.sessionId === sessionId),
    };
  }

  /** The API key in use; setting another one also reconnects the live events. */
  get apiKey() {
    return this.#context.http.apiKey;
  }

  set apiKey(key) {
    this.#context.http.apiKey = key;
    this.channel.restart();
  }

  /** The uploads of this client that have not ended. */
  get uploads() {
    return [...this.#uploads];
  }

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
  async uploadFile(file, options = {}) {
    if (options.encryptTo?.length) return this.#uploadEncrypted(file, options, options.encryptTo);
    const upload = this.startUpload(file, options);
    const result = await upload.done;
    if (options.waitForImport) await upload.followImport();
    return { ...result, document: upload.snapshot.document ?? result.document };
  }

  /**
   * @param {UploadSource} file
   * @param {UploadOptions} options
   * @param {string[]} recipients
   * @returns {Promise<UploadResult>}
   */
  async #uploadEncrypted(file, options, recipients) {
    const name = options.filename ?? file.name ?? 'document.pdf';
    const copy = await encrypt(this.#age, file, recipients, name);
    return this.uploadFile(copy, { ...options, encryptTo: [], filename: copy.name, encryption: 'age' });
  }

  /**
   * The content of a document, from the server or wherever it redirects. A break is continued with a
   * range; the stream ends with an error if the SHA-256 is another one.
   *
   * @param {number} id
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<ReadableStream<Uint8Array>>}
   */
  download(id, { signal } = {}) {
    return download(this.documents, id, { policy: this.#context.policy, signal });
  }

  /**
   * The content of a document that was uploaded with `encryptTo`, decrypted as it arrives.
   *
   * @param {number} id
   * @param {string} identity The secret key of a recipient; it is not sent.
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<ReadableStream<Uint8Array>>} Ends with an error if the file is damaged.
   */
  async decryptedFile(id, identity, options) {
    return decrypt(this.#age, await this.documents.file(id, options), identity);
  }

  /**
   * Begin an upload and return it immediately. An unfinished upload of the same content is continued.
   *
   * @param {UploadSource} file
   * @param {UploadOptions} [options]
   * @returns {Upload}
   */
  startUpload(file, options = {}) {
    const upload = new Upload(this.#context, file, options);
    this.#uploads.add(upload);
    const forget = () => this.#uploads.delete(upload);
    upload.done.then(forget, forget);
    return upload;
  }

  /**
   * Pause one upload, or all of them.
   *
   * @param {string} [sessionId]
   */
  pause(sessionId) {
    for (const upload of this.#chosen(sessionId)) upload.pause();
  }

  /**
   * Resume one paused upload, or all of them.
   *
   * @param {string} [sessionId]
   */
  resume(sessionId) {
    for (const upload of this.#chosen(sessionId)) upload.resume();
  }

  /**
   * Cancel one upload, or all of them; the server deletes what has arrived.
   *
   * @param {string} [sessionId] May also be a session that another device opened.
   * @returns {Promise<void>}
   */
  async cancel(sessionId) {
    const uploads = this.#chosen(sessionId);
    if (sessionId && uploads.length === 0) await this.sessions.cancel(sessionId);
    await Promise.all(uploads.map((upload) => upload.cancel()));
  }

  /**
   * Complete an upload whose bytes are all there, wherever they came from. Tries once.
   *
   * @param {string} sessionId
   * @returns {Promise<import('./completion.js').Completed>}
   * @throws {ContentRejected} The file is refused.
   * @throws {PdfsluiceError} Something else came between; a retryable one may pass.
   */
  complete(sessionId) {
    const look = () => this.sessions.get(sessionId);
    const pause = () => sleep(this.#context.pollInterval);
    return completed(this.sessions, sessionId, { look, pause });
  }

  /**
   * Search the indexed documents.
   *
   * @param {string} query
   * @param {{topK?: number, filter?: import('./types.js').SearchFilter, match?: 'words' | 'meaning', signal?: AbortSignal}} [options]
   * @returns {Promise<import('./types.js').Passage[]>} Best first.
   */
  async search(query, options) {
    return (await this.searchPage(query, options)).results;
  }

  /**
   * Some of the best passages, and the same grouped by document.
   *
   * @param {string} query
   * @param {{topK?: number, offset?: number, filter?: import('./types.js').SearchFilter, match?: 'words' | 'meaning', signal?: AbortSignal}} [options]
   *   `offset` is the `next` of the answer before; `match` is by what alone passages are found.
   * @returns {Promise<import('./types.js').SearchAnswer>}
   */
  searchPage(query, { topK = 5, offset, filter, match, signal } = {}) {
    const json = { query, top_k: topK, offset, filter, match };
    return this.#context.http.json('POST', '/api/documents/search', { json, signal });
  }

  /**
   * What the server is and allows; needs no key.
   *
   * @returns {Promise<import('./types.js').ServerInfo>}
   */
  info() {
    return this.#context.http.json('GET', '/api/info');
  }

  /** @returns {Promise<{plugins: any[], parts: Record<string, string[]>}>} */
  plugins() {
    return this.#context.http.json('GET', '/api/plugins');
  }

  /** @returns {Promise<import('./types.js').MemoryStats>} */
  memoryStats() {
    return this.#context.http.json('GET', `${STREAMING}/memory-stats`);
  }

  /**
   * Totals of uploads that ended in a time; of the last 30 days, by day, if nothing is given.
   *
   * @param {{from?: Date, to?: Date, by?: 'hour' | 'day' | 'protocol' | 'client' | 'end' | 'account',
   *   signal?: AbortSignal}} [options]
   * @returns {Promise<import('./types.js').AnalyticsReport>}
   */
  analytics({ from, to, by, signal } = {}) {
    const query = { from: from?.toISOString(), to: to?.toISOString(), by };
    return this.#context.http.json('GET', '/api/analytics', { query, signal });
  }

  /**
   * What an account may use, and what it uses.
   *
   * @param {string} [account] For administrators: `key:NAME`, `tenant:NAME`, or `*` for the default
   *   limits; the caller's own if none is given.
   * @returns {Promise<import('./types.js').QuotaAccount>}
   */
  quota(account) {
    const path = account ? `/api/quotas/${encodeURIComponent(account)}` : '/api/quota';
    return this.#context.http.json('GET', path);
  }

  /**
   * All accounts that are used or have limits, by name; for administrators.
   *
   * @returns {Promise<import('./types.js').QuotaAccount[]>}
   */
  async quotas() {
    return (await this.#context.http.json('GET', '/api/quotas')).accounts;
  }

  /**
   * Replace the limits of an account, from its next upload on; for administrators.
   *
   * @param {string} account `key:NAME`, `tenant:NAME`, or `*` for the default limits.
   * @param {Partial<import('./types.js').QuotaLimits>} limits What is absent has the default limit.
   * @returns {Promise<import('./types.js').QuotaAccount>}
   */
  setQuota(account, limits) {
    return this.#context.http.json('PUT', `/api/quotas/${encodeURIComponent(account)}`, { json: limits });
  }

  /**
   * The server's counters and gauges that have no labels, by their Prometheus names.
   *
   * @returns {Promise<Record<string, number>>}
   */
  async metrics() {
    const text = await (await this.#context.http.send('GET', '/metrics')).text();
    const samples = text.matchAll(/^([a-z_]+) ([-+.\de]+)$/gim);
    return Object.fromEntries(Array.from(samples, ([, name, value]) => [name, Number(value)]));
  }

  /** Stop everything. Unfinished uploads stay resumable. */
  close() {
    this.pause();
    this.channel.close();
    this.#context.slicer.close();
  }

  /** Whether the server wants a key, or another one. */
  async #isLockedOut() {
    try {
      await this.sessions.resumable();
      return false;
    } catch (error) {
      return error instanceof AuthenticationError;
    }
  }

  /**
   * @param {string} [sessionId]
   * @returns {Upload[]}
   */
  #chosen(sessionId) {
    return this.uploads.filter((upload) => !sessionId || upload.sessionId === sessionId);
  }
}

/**
 * Send a piece, for as long as its connection may be alive: eight times what the present speed
 * lets expect, between half a minute and ten minutes.
 *
 * @template T
 * @param {number} bytes
 * @param {number} speed Bytes per second, of the whole upload; 0 while unknown.
 * @param {AbortSignal} signal
 * @param {(signal: AbortSignal) => Promise<T>} send
 * @returns {Promise<T>}
 */
function patiently(bytes, speed, signal, send) {
  const expected = speed > 0 ? (8 * 1000 * bytes) / speed : Infinity;
  const limit = Math.min(600_000, Math.max(30_000, expected));
  return following(signal, async (sending) => {
    const stalled = new NetworkError('The connection stalled.', { code: 'connection-stalled' });
    const timer = setTimeout(() => sending.abort(stalled), limit);
    try {
      return await send(sending.signal);
    } finally {
      clearTimeout(timer);
    }
  });
}

/** `randomUUID` exists in secure contexts only; `getRandomValues` everywhere. */
function randomId() {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(36).padStart(2, '0')).join('');
}
