/** Digests whole files off the main thread, while they are being sent. */
export declare class Digester {
    #private;
    /** @param {{worker?: boolean}} [options] `worker: false` works in the calling thread. */
    constructor({ worker }?: {
        worker?: boolean;
    });
    /**
     * Compute the SHA-256 of a file.
     *
     * @param {Blob} file
     * @param {AbortSignal} signal
     * @returns {Promise<string>} Lower-case hexadecimal.
     * @throws {FileUnreadable} The file is gone, or changed since it was chosen.
     */
    digest(file: Blob, signal: AbortSignal): Promise<string>;
}
