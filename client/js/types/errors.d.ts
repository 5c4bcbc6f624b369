/**
 * Every error the client throws on purpose. The server names its errors by stable codes
 * (`application/problem+json`); each code that a program may handle on its own has a class.
 */
export type ErrorInit = {
    /**
     * Stable kebab-case name of this kind of error.
     */
    code?: string;
    /**
     * HTTP status, 0 where no answer came.
     */
    status?: number;
    /**
     * What to do next.
     */
    hint?: string;
    /**
     * Values for programs.
     */
    details?: Record<string, any>;
    /**
     * The server's id of the request, for its log.
     */
    requestId?: string;
    /**
     * Seconds the server asks to wait.
     */
    retryAfter?: number | null;
    /**
     * What led to it.
     */
    cause?: unknown;
};
/**
 * @typedef {object} ErrorInit
 * @property {string} [code] Stable kebab-case name of this kind of error.
 * @property {number} [status] HTTP status, 0 where no answer came.
 * @property {string} [hint] What to do next.
 * @property {Record<string, any>} [details] Values for programs.
 * @property {string} [requestId] The server's id of the request, for its log.
 * @property {number | null} [retryAfter] Seconds the server asks to wait.
 * @property {unknown} [cause] What led to it.
 */
/** What went wrong, why, and what to do next. */
export declare class PdfsluiceError extends Error {
    code: string;
    status: number;
    hint: string;
    details: Record<string, any>;
    requestId: string;
    retryAfter: number | null;
    /**
     * @param {string} message
     * @param {ErrorInit} [init]
     */
    constructor(message: string, init?: ErrorInit);
    /** Whether the same request may succeed later without a change. */
    get retryable(): boolean;
}
/** No answer came: the network, the server or a proxy between them is away. */
export declare class NetworkError extends PdfsluiceError {
    /**
     * @param {string} message
     * @param {ErrorInit} [init]
     */
    constructor(message: string, init?: ErrorInit);
    get retryable(): boolean;
}
/** The local file cannot be read any more, or is no longer the one that was chosen. */
export declare class FileUnreadable extends PdfsluiceError {
    /**
     * @param {string} message
     * @param {ErrorInit} [init]
     */
    constructor(message: string, init?: ErrorInit);
}
/** The file was changed after its upload began; what was stored of it became no document. */
export declare class FileChanged extends PdfsluiceError {
    /**
     * @param {string} [message]
     * @param {ErrorInit} [init]
     */
    constructor(message?: string, init?: ErrorInit);
}
/** The upload was cancelled, here or elsewhere. */
export declare class UploadCancelled extends PdfsluiceError {
    /** @param {string} [message] */
    constructor(message?: string);
}
/** The API key is absent, wrong or revoked. */
export declare class AuthenticationError extends PdfsluiceError {
}
/** The key lacks the scope for this operation. */
export declare class PermissionDenied extends PdfsluiceError {
}
/** There is no such thing, or it belongs to another principal. */
export declare class NotFound extends PdfsluiceError {
}
/** There is no such upload session, or it belongs to another principal. */
export declare class SessionNotFound extends NotFound {
}
/** There is no such document, or it belongs to another principal. */
export declare class DocumentNotFound extends NotFound {
}
/** The request contradicts the present state. */
export declare class Conflict extends PdfsluiceError {
}
/** The bytes sent differ from what is stored, or do not belong where they were sent. */
export declare class OffsetConflict extends Conflict {
}
/** The session's state does not allow this operation. */
export declare class StateConflict extends Conflict {
}
/** Completion was asked for while bytes are missing. */
export declare class UploadIncomplete extends Conflict {
}
/** A document with this digest is there already: `details.document`. */
export declare class DuplicateDocument extends Conflict {
}
/** A newer request for the same bytes took over. */
export declare class Preempted extends Conflict {
}
/** The session was idle or open for too long; its bytes are gone. */
export declare class SessionExpired extends PdfsluiceError {
}
/** The session was cancelled or has failed; its bytes are gone. */
export declare class SessionEnded extends PdfsluiceError {
}
/** The file is larger than the server allows. */
export declare class SizeExceeded extends PdfsluiceError {
}
/** A chunk arrived with bytes that do not match its checksum. */
export declare class ChecksumMismatch extends PdfsluiceError {
}
/** The whole file has another digest than announced. */
export declare class DigestMismatch extends PdfsluiceError {
}
/** The file is refused because of what was found in it: `findings`. */
export declare class ContentRejected extends PdfsluiceError {
    /** @returns {import('./types.js').Finding[]} */
    get findings(): import('./types.js').Finding[];
}
/** The caller exceeds a limit of its own. */
export declare class RateLimited extends PdfsluiceError {
}
/** The server is at a limit of its own. */
export declare class Overloaded extends PdfsluiceError {
}
/** No space is left on the server; what has arrived is kept. */
export declare class StorageFull extends PdfsluiceError {
}
/**
 * Make an error of the class that belongs to a code.
 *
 * @param {string} code
 * @param {string} message
 * @param {ErrorInit} [init]
 * @returns {PdfsluiceError}
 */
export declare function errorOfCode(code: string, message: string, init?: ErrorInit): PdfsluiceError;
/**
 * Turn an answer that is not a success into an error.
 *
 * @param {Response} response
 * @returns {Promise<PdfsluiceError>}
 */
export declare function errorFromResponse(response: Response): Promise<PdfsluiceError>;
/**
 * Read a Retry-After field (RFC 9110, 10.2.3): seconds, or a date.
 *
 * @param {string | null} value
 * @param {number} [now] Milliseconds since the epoch.
 * @returns {number | null} Seconds to wait.
 */
export declare function parseRetryAfter(value: string | null, now?: number): number | null;
