/** Asks for the completion of uploads whose bytes are all there. */

import { endOf, postponement } from './endings.js';

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
export async function completed(sessions, sessionId, { signal, expectedHash, look, pause }) {
  await sessions.complete(sessionId, { expectedHash, signal });
  for (let looks = 0; ; looks += 1) {
    const session = await look();
    // At the first look the server may not have begun yet.
    const error = endOf(session) ?? (looks > 0 ? postponement(session) : null);
    if (error) throw error;
    if (session.status === 'completed') return sessions.document(sessionId, { signal });
    await pause();
  }
}
