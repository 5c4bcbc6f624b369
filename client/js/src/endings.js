/** How uploads end, as seen in the answers of the server. */

import {
  ContentRejected,
  DigestMismatch,
  FileChanged,
  NotFound,
  PdfsluiceError,
  SessionEnded,
  SessionExpired,
  StateConflict,
  UploadCancelled,
  errorOfCode,
} from './errors.js';

/** @typedef {import('./types.js').UploadSession} UploadSession */

/** @type {Record<string, string>} */
const CODES = {
  rejected: 'content-rejected',
  cancelled: 'cancelled',
  failed: 'session-failed',
  expired: 'session-expired',
};
const GONE = [ContentRejected, DigestMismatch, FileChanged, UploadCancelled, SessionEnded, SessionExpired, NotFound];
const AMBIGUOUS = [ContentRejected, SessionEnded, SessionExpired, StateConflict, NotFound];

/**
 * The error that a session's status stands for, if it has ended badly.
 *
 * @param {string} status
 * @param {string} message
 * @param {{code?: string, findings?: import('./types.js').Finding[]}} [more]
 * @returns {PdfsluiceError | null}
 */
export function errorOfStatus(status, message, { code, findings } = {}) {
  if (status === 'cancelled') return new UploadCancelled();
  if (!Object.hasOwn(CODES, status)) return null;
  const details = findings ? { findings } : {};
  return errorOfCode(code ?? CODES[status], message || 'The server ended the upload.', { details });
}

/**
 * The error that a session ended with, if it did.
 *
 * @param {UploadSession} session
 * @returns {PdfsluiceError | null}
 */
export function endOf({ status, error, findings }) {
  const code = status === 'failed' ? error?.code : undefined;
  return errorOfStatus(status, error?.message ?? '', { code, findings });
}

/**
 * The error for a session whose bytes are there and that was not completed: something that passes
 * (a scanner that is away, a full disk) came between, and completion can be asked for again.
 *
 * @param {UploadSession} session
 * @returns {PdfsluiceError | null} `null` while the server is at it.
 */
export function postponement({ status, error }) {
  if (status !== 'created' && status !== 'uploading') return null;
  const message = error?.message || 'The server could not finish checking the file yet.';
  return errorOfCode(error?.code || 'overloaded', message, { status: 503 });
}

/**
 * Whether the session may explain more: a refused or cancelled upload shows itself in
 * the answer to whatever request comes next.
 *
 * @param {unknown} error
 */
export function mayHideAnEnd(error) {
  return AMBIGUOUS.some((kind) => error instanceof kind) || code(error) === CODES.failed;
}

/**
 * Whether the server has deleted the bytes: there is nothing to resume.
 *
 * @param {unknown} error
 */
export function isGone(error) {
  return GONE.some((kind) => error instanceof kind);
}

/**
 * @param {unknown} error
 * @returns {'rejected' | 'cancelled' | 'failed'}
 */
export function stateAfter(error) {
  if (error instanceof ContentRejected) return 'rejected';
  return error instanceof UploadCancelled ? 'cancelled' : 'failed';
}

/**
 * Have the server cancel a session, and wait until it has. Returns if the session was completed
 * before that.
 *
 * @param {import('./api.js').SessionsApi} sessions
 * @param {string} sessionId Empty if none was opened yet.
 * @param {string} reason
 * @param {AbortSignal} signal
 * @param {import('./session-opener.js').Retry} retry
 * @throws {UploadCancelled} It is cancelled, or gone in another way.
 * @throws {ContentRejected} It was refused before that.
 */
export async function cancelled(sessions, sessionId, reason, signal, retry) {
  try {
    if (sessionId) await retry(() => sessions.cancel(sessionId, reason || undefined, { signal }));
  } catch (error) {
    if (error instanceof StateConflict) {
      const end = endOf(await retry(() => sessions.get(sessionId, { signal })));
      if (end) throw end;
      return;
    }
    if (!isGone(error) || error instanceof ContentRejected) throw error;
  }
  throw new UploadCancelled();
}

/**
 * Cancelling what has ended already is no error.
 *
 * @param {unknown} error
 */
export function ignoreEnded(error) {
  if (!isGone(error)) throw error;
}

/** @param {unknown} error */
function code(error) {
  return error instanceof PdfsluiceError ? error.code : '';
}
