/** How uploads end, as seen in the answers of the server. */
import { PdfsluiceError } from './errors.js';
export type UploadSession = import('./types.js').UploadSession;
/**
 * The error that a session's status stands for, if it has ended badly.
 *
 * @param {string} status
 * @param {string} message
 * @param {{code?: string, findings?: import('./types.js').Finding[]}} [more]
 * @returns {PdfsluiceError | null}
 */
export declare function errorOfStatus(status: string, message: string, { code, findings }?: {
    code?: string;
    findings?: import('./types.js').Finding[];
}): PdfsluiceError | null;
/**
 * The error that a session ended with, if it did.
 *
 * @param {UploadSession} session
 * @returns {PdfsluiceError | null}
 */
export declare function endOf({ status, error, findings }: UploadSession): PdfsluiceError | null;
/**
 * The error for a session whose bytes are there and that was not completed: something that passes
 * (a scanner that is away, a full disk) came between, and completion can be asked for again.
 *
 * @param {UploadSession} session
 * @returns {PdfsluiceError | null} `null` while the server is at it.
 */
export declare function postponement({ status, error }: UploadSession): PdfsluiceError | null;
/**
 * Whether the session may explain more: a refused or cancelled upload shows itself in
 * the answer to whatever request comes next.
 *
 * @param {unknown} error
 */
export declare function mayHideAnEnd(error: unknown): boolean;
/**
 * Whether the server has deleted the bytes: there is nothing to resume.
 *
 * @param {unknown} error
 */
export declare function isGone(error: unknown): boolean;
/**
 * @param {unknown} error
 * @returns {'rejected' | 'cancelled' | 'failed'}
 */
export declare function stateAfter(error: unknown): 'rejected' | 'cancelled' | 'failed';
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
export declare function cancelled(sessions: import('./api.js').SessionsApi, sessionId: string, reason: string, signal: AbortSignal, retry: import('./session-opener.js').Retry): Promise<void>;
/**
 * Cancelling what has ended already is no error.
 *
 * @param {unknown} error
 */
export declare function ignoreEnded(error: unknown): void;
