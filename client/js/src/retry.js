/** Waiting and trying again: backoff with full jitter, Retry-After, and news that end a wait. */

import { PdfsluiceError } from './errors.js';

/**
 * @typedef {object} RetryPolicy
 * @property {number} baseDelay First delay, milliseconds; doubles with each failure.
 * @property {number} maxDelay Longest delay of the client's own choice, milliseconds.
 * @property {number} giveUpAfter Milliseconds of failing without a success in between, from the
 *   first failure on.
 */

/** @type {RetryPolicy} */
export const DEFAULT_RETRY = { baseDelay: 400, maxDelay: 15_000, giveUpAfter: 10 * 60_000 };

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
export function backoff(attempt, policy, retryAfter = null, random = Math.random) {
  const step = Math.min(policy.maxDelay, policy.baseDelay * 2 ** Math.min(attempt, 16));
  const own = step / 2 + (random() * step) / 2;
  return retryAfter === null ? own : Math.max(own, retryAfter * 1000 + random() * policy.baseDelay);
}

/**
 * Something that may end a wait early: it takes what to call, and returns what stops that.
 *
 * @typedef {(wake: () => void) => () => void} News
 */

/** The device comes online. @type {News} */
function online(wake) {
  globalThis.addEventListener?.('online', wake);
  return () => globalThis.removeEventListener?.('online', wake);
}

/**
 * Wait; end early on good news, reject when the signal aborts.
 *
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @param {News[]} [news]
 * @returns {Promise<void>}
 */
export function sleep(ms, signal, news = []) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const finish = (/** @type {() => void} */ settle) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      for (const stop of listening) stop();
      settle();
    };
    const onAbort = () => finish(() => reject(signal?.reason));
    const timer = setTimeout(() => finish(resolve), ms);
    signal?.addEventListener('abort', onAbort);
    const listening = news.map((listen) => listen(() => finish(resolve)));
  });
}

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
export async function withRetry(task, { policy, signal, onWait, news = [] }) {
  let failing = 0;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await task();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (!(error instanceof PdfsluiceError) || !error.retryable) throw error;
      const delay = backoff(attempt, policy, error.retryAfter);
      failing ||= Date.now();
      if (Date.now() - failing + delay > policy.giveUpAfter) throw error;
      onWait?.({ delay, error, attempt });
      // A server that names a time is not asked earlier just because the device is online again.
      await sleep(delay, signal, error.retryAfter === null ? [online, ...news] : []);
    }
  }
}
