/** Cuts chunks and digests them off the main thread, one worker for all uploads. */
export type Chunk = import('./cut.js').Chunk;
/** @typedef {import('./cut.js').Chunk} Chunk */
export declare class Slicer {
    #private;
    /** @param {{worker?: boolean}} [options] `worker: false` works in the calling thread. */
    constructor({ worker }?: {
        worker?: boolean;
    });
    /**
     * Cut a chunk out of a file.
     *
     * @param {Blob} file
     * @param {number} start
     * @param {number} end
     * @param {import('./cut.js').Cutting} cutting
     * @returns {Promise<Chunk>}
     * @throws {FileUnreadable} The file is gone, or changed since it was chosen.
     */
    cut(file: Blob, start: number, end: number, cutting: import('./cut.js').Cutting): Promise<Chunk>;
    close(): void;
}
