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
