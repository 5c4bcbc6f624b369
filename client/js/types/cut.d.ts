/** Cuts one chunk out of a file. Runs in the worker, or in the page without one. */
export type Chunk = {
    /**
     * Refers to the file, or holds the compressed bytes.
     */
    blob: Blob;
    /**
     * SHA-256 of its bytes in base64.
     */
    digest: string | null;
    /**
     * Its content coding; empty if it is not compressed.
     */
    coding: string;
    /**
     * Milliseconds that the attempt to compress it took; 0 without one.
     */
    compressing: number;
};
export type Cutting = {
    checksum: boolean;
    /**
     * To try; empty for none.
     */
    coding: string;
};
/**
 * @typedef {object} Chunk
 * @property {Blob} blob Refers to the file, or holds the compressed bytes.
 * @property {string | null} digest SHA-256 of its bytes in base64.
 * @property {string} coding Its content coding; empty if it is not compressed.
 * @property {number} compressing Milliseconds that the attempt to compress it took; 0 without one.
 *
 * @typedef {object} Cutting How a chunk is to be cut.
 * @property {boolean} checksum
 * @property {string} coding To try; empty for none.
 */
/**
 * @param {Blob} file
 * @param {number} start
 * @param {number} end
 * @param {Cutting} cutting
 * @returns {Promise<Chunk>}
 */
export declare function cut(file: Blob, start: number, end: number, { checksum, coding }: Cutting): Promise<Chunk>;
