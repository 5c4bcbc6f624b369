/** Decides which pieces to compress: those of which that makes an upload faster. */
/**
 * The gain of compressing, for all uploads of a client. The rule is that of the Python client
 * (`client/compression.py`): a try costs the time that compressing takes and saves the time that
 * the link would need for the bytes that it removes. A piece is tried if a try costs at most 2 %
 * of the time that sending takes, or if the recent tries saved more than twice their cost. Each
 * piece that is not tried makes the next try a little more likely.
 */
export declare class Gain {
    #private;
    /** Whether the next piece is to be tried; counts a piece that is not. */
    worthATry(): boolean;
    /**
     * A piece was compressed, or could not become smaller.
     *
     * @param {number} before Bytes.
     * @param {number} after Bytes.
     * @param {number} milliseconds
     */
    tried(before: number, after: number, milliseconds: number): void;
    /**
     * A piece was acknowledged.
     *
     * @param {number} bytes As they were sent.
     * @param {number} sideBySide How many pieces were under way at a time.
     * @param {number} milliseconds
     */
    delivered(bytes: number, sideBySide: number, milliseconds: number): void;
}
/** Chooses the coding of the pieces of one upload. */
export declare class Compression {
    #private;
    /**
     * @param {Gain} gain
     * @param {string[]} accepted What the server accepts.
     */
    constructor(gain: Gain, accepted: string[]);
    /**
     * @param {number} size Bytes of the next piece.
     * @returns {string} The coding to try; empty for none.
     */
    next(size: number): string;
    /** Compress nothing more: a server or a proxy does not accept it. */
    refused(): void;
}
