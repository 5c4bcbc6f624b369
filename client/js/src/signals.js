/** Abort signals that depend on others. Browsers have `AbortSignal.any` since 2024 only. */

/**
 * Run a task under an abort controller of its own, which also aborts with a signal.
 *
 * @template T
 * @param {AbortSignal} signal
 * @param {(own: AbortController) => Promise<T>} task
 * @returns {Promise<T>}
 */
export async function following(signal, task) {
  const own = new AbortController();
  const follow = () => own.abort(signal.reason);
  if (signal.aborted) follow();
  signal.addEventListener('abort', follow);
  try {
    return await task(own);
  } finally {
    signal.removeEventListener('abort', follow);
  }
}

/**
 * Wait for a promise, or until a signal is aborted.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export function unlessAborted(promise, signal) {
  return following(signal, async (waiting) => {
    /** @type {Promise<never>} */
    const aborted = new Promise((_, reject) => {
      waiting.signal.addEventListener('abort', () => reject(waiting.signal.reason));
    });
    waiting.signal.throwIfAborted();
    return Promise.race([promise, aborted]);
  });
}

/**
 * A promise that is fulfilled from outside.
 *
 * @returns {{promise: Promise<void>, resolve: () => void}}
 */
export function withResolver() {
  let resolve = () => {};
  const promise = new Promise((/** @type {(value: void) => void} */ settle) => (resolve = settle));
  return { promise, resolve };
}
