/** Downloads that continue after a break and are compared with the digest of the document. */
/**
 * The bytes of a document, as they arrive. After a broken connection the rest is fetched; if the
 * whole has another SHA-256 than the document, the stream ends with an error.
 *
 * @param {import('./api.js').DocumentsApi} documents
 * @param {number} id
 * @param {{policy: import('./retry.js').RetryPolicy, signal?: AbortSignal}} options
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
export declare function download(documents: import('./api.js').DocumentsApi, id: number, { policy, signal }: {
    policy: import('./retry.js').RetryPolicy;
    signal?: AbortSignal;
}): Promise<ReadableStream<Uint8Array>>;
