/**
 * The units of a file: the bodies of its streams, by which versions are compared. The rules are
 * those of the server and of the Python client (`client/units.py`).
 */
/**
 * Yield start and end of each body of at least 512 bytes between `stream` and `endstream`.
 *
 * @param {Blob} file
 * @param {{window?: number, maxKeywords?: number, signal?: AbortSignal}} [options]
 * @returns {AsyncGenerator<[number, number]>}
 */
export declare function findStreams(file: Blob, { window, maxKeywords, signal }?: {
    window?: number;
    maxKeywords?: number;
    signal?: AbortSignal;
}): AsyncGenerator<[number, number]>;
/**
 * The first 16 bytes of the SHA-256 of a part of a file.
 *
 * @param {Blob} file
 * @param {number} start
 * @param {number} end
 * @returns {Promise<string>} Hexadecimal.
 */
export declare function digestOf(file: Blob, start: number, end: number): Promise<string>;
