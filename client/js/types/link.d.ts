/**
 * How many pieces are in flight at a time, and how large they are. All uploads of a client share
 * one link to the server. The number of pieces, its *width*, grows while that makes the uploads
 * faster, and is halved after a failure.
 */
export declare class Link {
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
     * Run a task when fewer pieces are in flight than may be.
     *
     * @param {number} chunkSize
     * @param {AbortSignal} signal
     * @param {(maxBytes: number) => Promise<number>} task Receives the most bytes that it may send;
     *   returns how many it sent.
     */
    carry(chunkSize: number, signal: AbortSignal, task: (maxBytes: number) => Promise<number>): Promise<void>;
}
