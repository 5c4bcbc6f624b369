/** Finds what of a file the server has already, and encodes pieces as deltas from that. */
/** The media type of a piece that is sent as a delta. */
export declare const DELTA = "application/vnd.pdfsluice.delta";
export type Copy = {
    start: number;
    end: number;
    /**
     * Its offset in the earlier version.
     */
    base: number;
};
export type DocumentUnits = {
    file_size: number;
    block_size: number;
    blocks: string[];
    units: [number, number, string][];
    next: number | null;
};
/**
 * @typedef {object} Copy A run of bytes that the earlier version has as well.
 * @property {number} start
 * @property {number} end
 * @property {number} base Its offset in the earlier version.
 *
 * @typedef {object} DocumentUnits The server's description of the earlier version.
 * @property {number} file_size
 * @property {number} block_size
 * @property {string[]} blocks
 * @property {[number, number, string][]} units
 * @property {number | null} next
 */
export declare class Delta {
    #private;
    /**
     * @param {Blob} file
     * @param {Copy[]} copies By ascending offset.
     */
    constructor(file: Blob, copies: Copy[]);
    /** How many bytes of the file the earlier version has. */
    get shared(): number;
    /**
     * @param {number} start
     * @param {number} end
     * @returns {Promise<Blob | null>} `null` if it would not be smaller than 95 % of the piece.
     */
    encode(start: number, end: number): Promise<Blob | null>;
    /**
     * Whether pieces are sent whole from now on, because of an error.
     *
     * @param {unknown} error
     */
    givesWay(error: unknown): boolean;
}
/**
 * Compare a file with the document that it replaces.
 *
 * @param {import('./http.js').HttpClient} http
 * @param {Blob} file
 * @param {number} documentId
 * @param {AbortSignal} signal
 * @param {<T>(task: () => Promise<T>) => Promise<T>} retry
 * @returns {Promise<Delta>} Shares nothing if the document was deleted or the server is older.
 */
export declare function findDelta(http: import('./http.js').HttpClient, file: Blob, documentId: number, signal: AbortSignal, retry: <T>(task: () => Promise<T>) => Promise<T>): Promise<Delta>;
/**
 * What a file and an earlier version have in common.
 *
 * @param {Blob} file
 * @param {DocumentUnits[]} pages The first has the blocks.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Copy[]>}
 */
export declare function findCopies(file: Blob, pages: DocumentUnits[], signal?: AbortSignal): Promise<Copy[]>;
