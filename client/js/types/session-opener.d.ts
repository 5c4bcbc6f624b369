/** Opens the session of an upload: a new one, or the unfinished one of the same file. */
export type UploadSession = import('./types.js').UploadSession;
export type Retry = <T>(task: () => Promise<T>) => Promise<T>;
/** @typedef {import('./types.js').UploadSession} UploadSession */
/** @typedef {<T>(task: () => Promise<T>) => Promise<T>} Retry */
/** The key under which the fingerprint travels in a session's metadata. */
export declare const FINGERPRINT = "fingerprint";
export declare class SessionOpener {
    #private;
    context: import("./client.js").UploadContext;
    file: import("./types.js").UploadSource;
    options: import("./types.js").UploadOptions & {
        filename: string;
    };
    /** The storage key of this upload. */
    key: string;
    /**
     * @param {import('./client.js').UploadContext} context
     * @param {import('./types.js').UploadSource} file
     * @param {import('./types.js').UploadOptions & {filename: string}} options
     */
    constructor(context: import('./client.js').UploadContext, file: import('./types.js').UploadSource, options: import('./types.js').UploadOptions & {
        filename: string;
    });
    /**
     * @param {AbortSignal} signal
     * @param {Retry} retry
     * @returns {Promise<{session: UploadSession, resumed: boolean}>}
     * @throws {PdfsluiceError} `file-mismatch`: the session is of another file.
     */
    open(signal: AbortSignal, retry: Retry): Promise<{
        session: UploadSession;
        resumed: boolean;
    }>;
}
