/**
 * How many pieces are in flight at a time, and how large they are. All uploads of a client share
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
     * @param {number} [options.max] Browsers open six connections to a server that uses
     *   HTTP/1.1; some must stay free for everything else.
     * @param {number} [options.width] To begin with.
     * @param {() => number} [options.now] Milliseconds.
     */
    constructor({ max, width, now }?: {
        max?: number;
        width?: number;
        now?: () => number;
    });
    /** How many pieces are in flight. */
    get busy(): number;
    /**
     * Run a task when there is room on the line.
     *
     * @param {number} chunkSize
     * @param {AbortSignal} signal
     * @param {(most: number) => Promise<number>} task Receives the most bytes it may carry;
     *   returns how many it did.
     */
    carry(chunkSize: number, signal: AbortSignal, task: (most: number) => Promise<number>): Promise<void>;
}
