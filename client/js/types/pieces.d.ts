/** How the bytes of a file are divided: stretches within chunks, and pieces of stretches. */
/**
 * Divide missing ranges where chunks meet.
 *
 * @param {[number, number][]} ranges Half-open, ascending.
 * @param {number} chunkSize
 * @returns {Generator<[number, number]>}
 */
export declare function withinChunks(ranges: [number, number][], chunkSize: number): Generator<[number, number]>;
/**
 * How much one request carries. A piece that carries a checksum is kept whole or not at all, so
 * that nothing more than a piece is lost where a line breaks: each is to take four seconds. A
 * fast line soon carries whole chunks.
 */
export declare class PieceSize {
    #private;
    /** How many pieces may be under way at once: a slow line has better one that arrives. */
    get sideBySide(): number;
    /**
     * @param {number} rest Bytes that there are to send.
     * @returns {number} Bytes of the next piece; pieces of one stretch are about equal.
     */
    of(rest: number): number;
    /**
     * A piece has arrived. Small ones tell more of the way there and back than of the line.
     *
     * @param {number} bytes
     * @param {number} milliseconds
     */
    arrived(bytes: number, milliseconds: number): void;
    /** @param {number} bytes Of a piece that did not arrive. */
    failed(bytes: number): void;
}
