/** Abort signals that depend on others. Browsers have `AbortSignal.any` since 2024 only. */
/**
 * Run a task under an abort controller of its own, which also aborts with a signal.
 *
 * @template T
 * @param {AbortSignal} signal
 * @param {(own: AbortController) => Promise<T>} task
 * @returns {Promise<T>}
 */
export declare function following<T>(signal: AbortSignal, task: (own: AbortController) => Promise<T>): Promise<T>;
/**
 * Wait for a promise, or until a signal is aborted.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export declare function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T>;
/**
 * A promise that is fulfilled from outside.
 *
 * @returns {{promise: Promise<void>, resolve: () => void}}
 */
export declare function withResolver(): {
    promise: Promise<void>;
    resolve: () => void;
};
