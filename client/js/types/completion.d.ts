/** Asks for the completion of uploads whose bytes are all there. */
export type UploadSession = import('./types.js').UploadSession;
export type Completed = {
    document: import('./types.js').PdfDocument;
    duplicate?: boolean;
};
/** @typedef {import('./types.js').UploadSession} UploadSession */
/** @typedef {{document: import('./types.js').PdfDocument, duplicate?: boolean}} Completed */
/**
 * Have the server complete an upload. A large file takes longer to check than proxies keep a
 * request open, so that the answer is asked for when it is there. Asking again is harmless: it
 * happens once.
 *
 * @param {import('./api.js').SessionsApi} sessions
 * @param {string} sessionId
 * @param {object} means
 * @param {AbortSignal} [means.signal]
 * @param {string} [means.expectedHash] SHA-256 of the file, to be compared with the stored bytes.
 * @param {() => Promise<UploadSession>} means.look
 * @param {() => Promise<unknown>} means.pause Between two looks.
 * @returns {Promise<Completed>}
 * @throws {PdfsluiceError} It ended otherwise; a retryable one has the reason of the delay.
 */
export declare function completed(sessions: import('./api.js').SessionsApi, sessionId: string, { signal, expectedHash, look, pause }: {
    signal?: AbortSignal;
    expectedHash?: string;
    look: () => Promise<UploadSession>;
    pause: () => Promise<unknown>;
}): Promise<Completed>;
