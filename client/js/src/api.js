/** The parts of the API that are one request each. */

/** @typedef {import('./http.js').HttpClient} HttpClient */
/** @typedef {import('./types.js').PdfDocument} PdfDocument */
/** @typedef {import('./types.js').ImportStatus} ImportStatus */
/** @typedef {import('./types.js').UploadSession} UploadSession */
/** @typedef {import('./types.js').ResumableUpload} ResumableUpload */
/** @typedef {{signal?: AbortSignal}} Cancellable */

export const STREAMING = '/api/documents/streaming';
const DOCUMENTS = '/api/documents';
const JOBS = '/api/jobs';
const NODES = '/api/nodes';
const RATES = '/api/rates';

/** Upload sessions, wherever they were opened. */
export class SessionsApi {
  /** @param {HttpClient} http */
  constructor(http) {
    this.http = http;
  }

  /**
   * @param {string} sessionId
   * @param {Cancellable} [options]
   * @returns {Promise<UploadSession>}
   */
  get(sessionId, options) {
    return this.http.json('GET', `${STREAMING}/${encodeURIComponent(sessionId)}`, options);
  }

  /**
   * The caller's unfinished uploads, from every device.
   *
   * @param {Cancellable} [options]
   * @returns {Promise<ResumableUpload[]>}
   */
  resumable(options) {
    return this.http.json('GET', `${STREAMING}/resumable`, options);
  }

  /**
   * Ask for the completion of an upload whose bytes are all there, without waiting for it.
   *
   * @param {string} sessionId
   * @param {{expectedHash?: string} & Cancellable} [options] `expectedHash` is the SHA-256 of the
   *   file. If the stored bytes have another one, the upload fails and nothing is kept.
   * @returns {Promise<void>}
   */
  async complete(sessionId, { expectedHash, signal } = {}) {
    const path = `${STREAMING}/complete/${encodeURIComponent(sessionId)}`;
    const json = expectedHash ? { expected_hash: expectedHash } : undefined;
    await this.http.json('POST', path, { headers: { Prefer: 'respond-async' }, json, signal });
  }

  /**
   * Complete an upload, wait for that, and return its document.
   *
   * @param {string} sessionId
   * @param {Cancellable} [options]
   * @returns {Promise<{document: PdfDocument, duplicate?: boolean}>}
   */
  document(sessionId, { signal } = {}) {
    return this.http.json('POST', `${STREAMING}/complete/${encodeURIComponent(sessionId)}`, { signal });
  }

  /**
   * Give an upload up, or delete one from the quarantine, for which one has to be an administrator.
   *
   * @param {string} sessionId
   * @param {string} [reason]
   * @param {Cancellable} [options]
   * @returns {Promise<void>}
   */
  async cancel(sessionId, reason = '', { signal } = {}) {
    const path = `${STREAMING}/cancel/${encodeURIComponent(sessionId)}`;
    await this.http.json('POST', path, { json: { reason }, signal });
  }

  /**
   * The refused uploads of all callers that are kept; for administrators.
   *
   * @param {Cancellable} [options]
   * @returns {Promise<import('./types.js').QuarantinedUpload[]>} Newest first.
   */
  async quarantine(options) {
    return (await this.http.json('GET', `${STREAMING}/quarantine`, options)).uploads;
  }

  /**
   * Overrule the refusal of a quarantined upload; for administrators.
   *
   * @param {string} sessionId
   * @returns {Promise<UploadSession>}
   */
  release(sessionId) {
    return this.http.json('POST', `${STREAMING}/release/${encodeURIComponent(sessionId)}`);
  }
}

/** Background jobs of all documents; for administrators. */
export class JobsApi {
  /** @param {HttpClient} http */
  constructor(http) {
    this.http = http;
  }

  /**
   * @param {{state?: import('./types.js').JobState, kind?: 'import' | 'index' | 'ocr', owner?: string,
   *   document?: number, limit?: number, after?: number} & Cancellable} [options]
   * @returns {Promise<{jobs: import('./types.js').ListedJob[], total: number, next: number | null}>}
   *   Newest first.
   */
  list({ signal, ...query } = {}) {
    return this.http.json('GET', JOBS, { query, signal });
  }

  /**
   * Cancel a job, wherever it runs.
   *
   * @param {number} id
   * @returns {Promise<import('./types.js').ListedJob>} When it has stopped, or with `stopping` if that takes longer.
   */
  cancel(id) {
    return this.http.json('POST', `${JOBS}/${id}/cancel`);
  }

  /**
   * Queue an ended job again, as if it had never been tried.
   *
   * @param {number} id
   * @returns {Promise<import('./types.js').ListedJob>}
   */
  retry(id) {
    return this.http.json('POST', `${JOBS}/${id}/retry`);
  }
}

/** The live servers and workers of a database; for administrators. */
export class NodesApi {
  /** @param {HttpClient} http */
  constructor(http) {
    this.http = http;
  }

  /**
   * @param {Cancellable} [options]
   * @returns {Promise<{nodes: import('./types.js').LiveNode[], this: string}>} The oldest first; `this` is the
   *   id of the one that answers.
   */
  list({ signal } = {}) {
    return this.http.json('GET', NODES, { signal });
  }
}

/** How fast uploads and downloads may be; for administrators. */
export class RatesApi {
  /** @param {HttpClient} http */
  constructor(http) {
    this.http = http;
  }

  /**
   * @param {Cancellable} [options]
   * @returns {Promise<import('./types.js').Rates>}
   */
  get({ signal } = {}) {
    return this.http.json('GET', RATES, { signal });
  }

  /**
   * Replace the limits at all servers; they count until they are replaced, also after a restart.
   *
   * @param {Partial<import('./types.js').RateLimits>} limits What is absent has the limit of the
   *   server's settings.
   * @returns {Promise<import('./types.js').Rates>} What counts now.
   */
  set(limits) {
    return this.http.json('PUT', RATES, { json: limits });
  }
}

/** Finished documents. */
export class DocumentsApi {
  /** @param {HttpClient} http */
  constructor(http) {
    this.http = http;
  }

  /**
   * @param {{limit?: number, after?: string, filename?: string} & Cancellable} [options]
   *   `filename` asks for the caller's own documents whose file has this name.
   * @returns {Promise<{documents: import('./types.js').DocumentSummary[], total: number, next: string | null}>}
   */
  list({ limit, after, filename, signal } = {}) {
    return this.http.json('GET', DOCUMENTS, { query: { limit, after, filename }, signal });
  }

  /**
   * @param {number} id
   * @param {Cancellable} [options]
   * @returns {Promise<PdfDocument>}
   */
  get(id, options) {
    return this.http.json('GET', `${DOCUMENTS}/${id}`, options);
  }

  /**
   * @param {number} id
   * @param {string} title
   * @returns {Promise<PdfDocument>}
   */
  rename(id, title) {
    return this.http.json('PATCH', `${DOCUMENTS}/${id}`, { json: { title } });
  }

  /**
   * Replace the tags of a document.
   *
   * @param {number} id
   * @param {string[]} tags
   * @returns {Promise<PdfDocument>}
   */
  setTags(id, tags) {
    return this.http.json('PATCH', `${DOCUMENTS}/${id}`, { json: { tags } });
  }

  /**
   * All versions of a document, the newest first.
   *
   * @param {number} id
   * @param {Cancellable} [options]
   * @returns {Promise<import('./types.js').DocumentSummary[]>}
   */
  async versions(id, options) {
    return (await this.http.json('GET', `${DOCUMENTS}/${id}/versions`, options)).versions;
  }

  /**
   * Delete a document; the version before it is then the newest again.
   *
   * @param {number} id
   * @param {{allVersions?: boolean}} [options] `allVersions` deletes all versions of it.
   * @returns {Promise<void>}
   */
  async delete(id, { allVersions } = {}) {
    const query = allVersions ? { all_versions: 'true' } : undefined;
    await this.http.json('DELETE', `${DOCUMENTS}/${id}`, { query });
  }

  /**
   * Where the file can be fetched; with API keys the request needs one.
   *
   * @param {number} id
   * @returns {string}
   */
  fileUrl(id) {
    return this.http.url(`${DOCUMENTS}/${id}/file`);
  }

  /**
   * Fetch the file; the answer's body can be read as a stream. If the server has it elsewhere, it is
   * fetched there, without the key.
   *
   * @param {number} id
   * @param {{range?: [number, number]} & Cancellable} [options] `range` is half-open.
   * @returns {Promise<Response>}
   */
  file(id, { range, signal } = {}) {
    /** @type {Record<string, string>} */
    const headers = range ? { Range: `bytes=${range[0]}-${range[1] - 1}` } : {};
    const link = async () => (await this.link(id, { signal })).url;
    return this.http.file(`${DOCUMENTS}/${id}/file`, link, { headers, signal });
  }

  /**
   * A link to the file that needs no key and lasts for a short time. It is all that is needed.
   *
   * @param {number} id
   * @param {Cancellable} [options]
   * @returns {Promise<import('./types.js').DocumentLink>}
   */
  link(id, options) {
    return this.http.json('GET', `${DOCUMENTS}/${id}/link`, options);
  }

  /**
   * A picture of a page.
   *
   * @param {number} id
   * @param {number} page From 1 on.
   * @param {{width?: number} & Cancellable} [options]
   * @returns {Promise<Blob>} A JPEG.
   */
  async thumbnail(id, page, { width, signal } = {}) {
    const path = `${DOCUMENTS}/${id}/pages/${page}/thumbnail`;
    return (await this.http.send('GET', path, { query: { width }, signal })).blob();
  }

  /**
   * @param {number} id
   * @param {number} page From 1 on.
   * @param {Cancellable} [options]
   * @returns {Promise<{document_id: number, page: number, text: string}>}
   */
  pageText(id, page, options) {
    return this.http.json('GET', `${DOCUMENTS}/${id}/pages/${page}`, options);
  }

  /**
   * Pages with their tables and headings, as Markdown; `next` is the `first` of those that follow.
   *
   * @param {number} id
   * @param {{first?: number, limit?: number} & Cancellable} [options]
   * @returns {Promise<import('./types.js').MarkdownPages>}
   */
  markdown(id, { first, limit, signal } = {}) {
    return this.http.json('GET', `${DOCUMENTS}/${id}/markdown`, { query: { first, limit }, signal });
  }

  /**
   * How far the import has come.
   *
   * @param {number} id
   * @param {Cancellable} [options]
   * @returns {Promise<ImportStatus>}
   */
  importStatus(id, options) {
    return this.http.json('GET', `${DOCUMENTS}/${id}/import`, options);
  }

  /**
   * Make a document searchable.
   *
   * @param {number} id
   * @returns {Promise<ImportStatus>}
   */
  buildIndex(id) {
    return this.http.json('POST', `${DOCUMENTS}/${id}/index`);
  }

  /**
   * Index all documents again that were indexed before; for an administrator those of all owners.
   *
   * @returns {Promise<number>} How many are queued.
   */
  async indexAgain() {
    let queued = 0;
    /** @type {{queued: number, next: number | null}} */
    let page = { queued: 0, next: null };
    do {
      const query = page.next === null ? {} : { after: page.next };
      page = await this.http.json('POST', `${DOCUMENTS}/index`, { query });
      queued += page.queued;
    } while (page.next !== null);
    return queued;
  }

  /**
   * Runs one importer again, in the background.
   *
   * @param {number} id
   * @param {string} importer
   * @returns {Promise<ImportStatus>}
   */
  retryImport(id, importer) {
    return this.http.json('POST', `${DOCUMENTS}/${id}/import/${encodeURIComponent(importer)}/retry`);
  }
}

/**
 * Whether the background work on a document has ended, well or not.
 *
 * @param {{import_status: string, index_status: string}} status
 * @returns {boolean}
 */
export function importEnded({ import_status, index_status }) {
  const busy = ['queued', 'running'];
  return !busy.includes(import_status) && !busy.includes(index_status);
}
