/** Waiting and trying again: backoff with full jitter, Retry-After, and news that end a wait. */
import { PdfsluiceError } from './errors.js';
export type RetryPolicy = {
    /**
     * First delay, milliseconds; doubles with each failure.
     */
    baseDelay: number;
    /**
     * Longest delay of the client's own choice, milliseconds.
     */
    maxDelay: number;
    /**
     * Milliseconds of failing without a success in between, from the
     * first failure on.
     */
    giveUpAfter: number;
};
/**
 * @typedef {object} RetryPolicy
 * @property {number} baseDelay First delay, milliseconds; doubles with each failure.
 * @property {number} maxDelay Longest delay of the client's own choice, milliseconds.
 * @property {number} giveUpAfter Milliseconds of failing without a success in between, from the
 *   first failure on.
 */
/** @type {RetryPolicy} */
export declare const DEFAULT_RETRY: RetryPolicy;
/**
 * Return how long to wait before the next try.
 *
 * The delay is drawn from the upper half of the exponential step, so that clients that
 * failed together do not come back together. A Retry-After is a lower bound.
 *
 * @param {number} attempt 0 after the first failure.
 * @param {RetryPolicy} policy
 * @param {number | null} [retryAfter] Seconds.
 * @param {() => number} [random]
 * @returns {number} Milliseconds.
 */
export declare function backoff(attempt: number, policy: RetryPolicy, retryAfter?: number | null, random?: () => number): number;
export type News = (wake: () => void) => () => void;
/**
 * Wait; end early on good news, reject when the signal aborts.
 *
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @param {News[]} [news]
 * @returns {Promise<void>}
 */
export declare function sleep(ms: number, signal?: AbortSignal, news?: News[]): Promise<void>;
/**
 * Run a task until it succeeds, fails for good, or has failed for too long.
 *
 * @template T
 * @param {() => Promise<T>} task
 * @param {object} options
 * @param {RetryPolicy} options.policy
 * @param {AbortSignal} [options.signal]
 * @param {(wait: {delay: number, error: PdfsluiceError, attempt: number}) => void} [options.onWait]
 * @param {News[]} [options.news] What ends a wait early, besides the device coming online.
 * @returns {Promise<T>}
 */
export declare function withRetry<T>(task: () => Promise<T>, { policy, signal, onWait, news }: {
    policy: RetryPolicy;
    signal?: AbortSignal;
    onWait?: (wait: {
        delay: number;
        error: PdfsluiceError;
        attempt: number;
    }) => void;
    news?: News[];
}): Promise<T>;
