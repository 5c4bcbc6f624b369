/** How the bytes of a file are divided: which come next, and how many at a time. */
/** What the server lacks and no request sends yet. */
export declare class Todo {
    #private;
    /**
     * @param {[number, number][]} ranges Half-open, ascending.
     * @param {number} chunkSize
     */
    constructor(ranges: [number, number][], chunkSize: number);
    get empty(): boolean;
    /**
     * Take the first piece; none goes beyond its chunk.
     *
     * @param {number} maxBytes
     * @returns {[number, number] | null} `null` if nothing is left.
     */
    cut(maxBytes: number): [number, number] | null;
    /** @param {[number, number]} piece One that did not arrive; it is cut again. */
    putBack(piece: [number, number]): void;
}
export type Share = {
    /**
     * Bytes of all pieces together.
     */
    size: number;
    /**
     * How many there are at most.
     */
    pieces: number;
    /**
     * Bytes that each of them has at most.
     */
    piece: number;
};
/**
 * How much is in flight.
 *
 * @typedef {object} Share
 * @property {number} size Bytes of all pieces together.
 * @property {number} pieces How many there are at most.
 * @property {number} piece Bytes that each of them has at most.
 */
/**
 * How much is in flight at a time: what the link carries in four seconds. A piece that carries a checksum
 * is kept whole or not at all, so that a broken connection costs no more than that. The rule is that of
 * the Python client (`client/link.py`).
 */
export declare class Load {
    #private;
    /**
     * Divide the load among as many pieces as get 1 MiB each, or a chunk if chunks are smaller.
     *
     * @param {number} width How many there may be.
     * @param {number} chunkSize
     * @returns {Share}
     */
    shared(width: number, chunkSize: number): Share;
    /**
     * A piece has arrived. The next load is at most twice the one it was part of. Small pieces, the
     * rests of chunks, measure the round trip rather than the link.
     *
     * @param {Share} share The one with which it was sent.
     * @param {number} bytes
     * @param {number} milliseconds
     */
    delivered({ size, pieces, piece }: Share, bytes: number, milliseconds: number): void;
    /** @param {Share} share The one with which the piece was sent that failed. */
    failed({ size }: Share): void;
}
