/** Cuts one chunk out of a file. Runs in the worker, or in the page without one. */
export type Chunk = {
    /**
     * Refers to the file; its bytes are not held in memory.
     */
    blob: Blob;
    /**
     * SHA-256 in base64.
     */
    digest: string | null;
};
/**
 * @typedef {object} Chunk
 * @property {Blob} blob Refers to the file; its bytes are not held in memory.
 * @property {string | null} digest SHA-256 in base64.
 */
/**
 * @param {Blob} file
 * @param {number} start
 * @param {number} end
 * @param {boolean} checksum
 * @returns {Promise<Chunk>}
 */
export declare function cut(file: Blob, start: number, end: number, checksum: boolean): Promise<Chunk>;
