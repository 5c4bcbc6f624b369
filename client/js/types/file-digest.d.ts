/** The SHA-256 of a whole file, read in slices. Runs in a worker, or in the page without one. */
/**
 * Compute the digest of a file; its bytes are never held as a whole.
 *
 * @param {Blob} file
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} Lower-case hexadecimal.
 */
export declare function fileDigest(file: Blob, signal?: AbortSignal): Promise<string>;
