/**
 * Every error the client throws on purpose. The server names its errors by stable codes
 * (`application/problem+json`); each code that a program may handle on its own has a class.
 */

import { foreignAnswer } from './intermediaries.js';

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
export class PdfsluiceError extends Error {
  /**
   * @param {string} message
   * @param {ErrorInit} [init]
   */
  constructor(message, init = {}) {
    super(message, { cause: init.cause });
    this.name = new.target.name;
    this.code = init.code ?? 'internal-error';
    this.status = init.status ?? 0;
    this.hint = init.hint ?? '';
    this.details = init.details ?? {};
    this.requestId = init.requestId ?? '';
    this.retryAfter = init.retryAfter ?? null;
  }

  /** Whether the same request may succeed later without a change. */
  get retryable() {
    return RETRYABLE_CODES.has(this.code) || RETRYABLE_STATUSES.has(this.status);
  }
}

/** No answer came: the network, the server or a proxy between them is away. */
export class NetworkError extends PdfsluiceError {
  /**
   * @param {string} message
   * @param {ErrorInit} [init]
   */
  constructor(message, init = {}) {
    super(message, { code: 'network-error', ...init });
  }

  get retryable() {
    return true;
  }
}

/** The local file cannot be read any more, or is no longer the one that was chosen. */
export class FileUnreadable extends PdfsluiceError {
  /**
   * @param {string} message
   * @param {ErrorInit} [init]
   */
  constructor(message, init = {}) {
    super(message, {
      code: 'file-unreadable',
      hint: 'Choose the file again; what has arrived so far is kept.',
      ...init,
    });
  }
}

/** The file was changed after its upload began; what was stored of it became no document. */
export class FileChanged extends PdfsluiceError {
  /**
   * @param {string} [message]
   * @param {ErrorInit} [init]
   */
  constructor(message = 'The file was changed after its upload began.', init = {}) {
    super(message, { code: 'file-changed', hint: 'Choose the file again to upload it as it is now.', ...init });
  }
}

/** The upload was cancelled, here or elsewhere. */
export class UploadCancelled extends PdfsluiceError {
  /** @param {string} [message] */
  constructor(message = 'The upload was cancelled.') {
    super(message, { code: 'cancelled' });
  }
}

/** The API key is absent, wrong or revoked. */
export class AuthenticationError extends PdfsluiceError {}
/** The key lacks the scope for this operation. */
export class PermissionDenied extends PdfsluiceError {}
/** There is no such thing, or it belongs to another principal. */
export class NotFound extends PdfsluiceError {}
/** There is no such upload session, or it belongs to another principal. */
export class SessionNotFound extends NotFound {}
/** There is no such document, or it belongs to another principal. */
export class DocumentNotFound extends NotFound {}
/** The request contradicts the present state. */
export class Conflict extends PdfsluiceError {}
/** The bytes sent differ from what is stored, or do not belong where they were sent. */
export class OffsetConflict extends Conflict {}
/** The session's state does not allow this operation. */
export class StateConflict extends Conflict {}
/** Completion was asked for while bytes are missing. */
export class UploadIncomplete extends Conflict {}
/** A document with this digest is there already: `details.document`. */
export class DuplicateDocument extends Conflict {}
/** A newer request for the same bytes took over. */
export class Preempted extends Conflict {}
/** The session was idle or open for too long; its bytes are gone. */
export class SessionExpired extends PdfsluiceError {}
/** The session was cancelled or has failed; its bytes are gone. */
export class SessionEnded extends PdfsluiceError {}
/** The file is larger than the server allows. */
export class SizeExceeded extends PdfsluiceError {}
/** A chunk arrived with bytes that do not match its checksum. */
export class ChecksumMismatch extends PdfsluiceError {}
/** The whole file has another digest than announced. */
export class DigestMismatch extends PdfsluiceError {}
/** The file is refused because of what was found in it: `findings`. */
export class ContentRejected extends PdfsluiceError {
  /** @returns {import('./types.js').Finding[]} */
  get findings() {
    return this.details.findings ?? [];
  }
}
/** The caller exceeds a limit of its own. */
export class RateLimited extends PdfsluiceError {}
/** The server is at a limit of its own. */
export class Overloaded extends PdfsluiceError {}
/** No space is left on the server; what has arrived is kept. */
export class StorageFull extends PdfsluiceError {}

/** @type {Record<string, typeof PdfsluiceError>} */
const CLASSES = {
  'authentication-required': AuthenticationError,
  'permission-denied': PermissionDenied,
  'not-found': NotFound,
  'session-not-found': SessionNotFound,
  'document-not-found': DocumentNotFound,
  conflict: Conflict,
  'offset-conflict': OffsetConflict,
  'state-conflict': StateConflict,
  'upload-incomplete': UploadIncomplete,
  'duplicate-document': DuplicateDocument,
  preempted: Preempted,
  'session-expired': SessionExpired,
  'session-ended': SessionEnded,
  'size-exceeded': SizeExceeded,
  'checksum-mismatch': ChecksumMismatch,
  'digest-mismatch': DigestMismatch,
  'content-rejected': ContentRejected,
  'rate-limited': RateLimited,
  overloaded: Overloaded,
  'storage-full': StorageFull,
};

const RETRYABLE_CODES = new Set([
  'body-incomplete',
  'body-timeout',
  'checksum-mismatch',
  'overloaded',
  'preempted',
  'rate-limited',
  'storage-failed',
  'storage-full',
]);
const RETRYABLE_STATUSES = new Set([408, 425, 429, 502, 503, 504]);

/**
 * Make an error of the class that belongs to a code.
 *
 * @param {string} code
 * @param {string} message
 * @param {ErrorInit} [init]
 * @returns {PdfsluiceError}
 */
export function errorOfCode(code, message, init = {}) {
  const Class = Object.hasOwn(CLASSES, code) ? CLASSES[code] : PdfsluiceError;
  return new Class(message, { ...init, code });
}

/**
 * Turn an answer that is not a success into an error.
 *
 * @param {Response} response
 * @returns {Promise<PdfsluiceError>}
 */
export async function errorFromResponse(response) {
  /** @type {Record<string, any>} */
  let problem = {};
  try {
    problem = (await response.json()) ?? {};
  } catch {
    // A proxy's own page, or an empty body: the status has to do.
  }
  const code = typeof problem.code === 'string' ? problem.code : `http-${response.status}`;
  const foreign = foreignAnswer(response.status);
  const message = problem.detail ?? problem.message ?? problem.title ?? foreign.message;
  return errorOfCode(code, message, {
    status: response.status,
    hint: problem.hint ?? (message === foreign.message ? foreign.hint : ''),
    details: problem.details,
    requestId: problem.request_id ?? response.headers.get('X-Request-Id') ?? '',
    retryAfter: parseRetryAfter(response.headers.get('Retry-After')),
  });
}

/**
 * Read a Retry-After field (RFC 9110, 10.2.3): seconds, or a date.
 *
 * @param {string | null} value
 * @param {number} [now] Milliseconds since the epoch.
 * @returns {number | null} Seconds to wait.
 */
export function parseRetryAfter(value, now = Date.now()) {
  if (!value) return null;
  if (/^\d+(\.\d+)?$/.test(value.trim())) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, (date - now) / 1000);
}
