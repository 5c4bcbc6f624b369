/** Fingerprints of files: samples distinguish files without reading all of them. */
/**
 * Compute a fingerprint of a file's content: SHA-256 over its size and samples from its
 * start, its end and places spread evenly between them (at most 512 KiB in all).
 *
 * @param {Blob} file
 * @returns {Promise<string>} Lower-case hexadecimal.
 * @throws {FileUnreadable} The file cannot be read.
 */
export declare function fingerprint(file: Blob): Promise<string>;
