/**
 * How many pieces are on their way at once, and how large they are. All uploads of a client share
 * one line; its width follows what the line carries: it grows while growing pays and halves on
 * trouble.
 */
export declare class Line {
    #private;
    max: number;
    width: number;
    now: () => number;
    /**
     * @param {object} [options]
     * @param {number} [options.max] Browsers open six connections to a server that speaks
     *   HTTP/1.1; some must stay free for everything else.
     * @param {number} [options.width] To begin with.
     * @param {() => number} [options.now] Milliseconds.
     */
    constructor({ max, width, now }?: {
        max?: number;
        width?: number;
        now?: () => number;
    });
    /**
     * Run a task when there is room on the line.
     *
     * @template T
     * @param {number} rest Bytes that there are to carry.
     * @param {number} chunkSize
     * @param {AbortSignal} signal
     * @param {(bytes: number) => Promise<T>} task Is told how many of them it is to carry.
     * @returns {Promise<T>}
     */
    carry<T>(rest: number, chunkSize: number, signal: AbortSignal, task: (bytes: number) => Promise<T>): Promise<T>;
}
