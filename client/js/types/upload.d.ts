/** One upload, from the choice of a file to the finished document. */
export type UploadSnapshot = import('./types.js').UploadSnapshot;
export type UploadResult = import('./types.js').UploadResult;
export type UploadContext = import('./client.js').UploadContext;
export declare class Upload {
    #private;
    file: import("./types.js").UploadSource;
    options: import("./types.js").UploadOptions;
    /**
     * The finished document; rejects with the error that ended the upload.
     * @type {Promise<UploadResult>}
     */
    done: Promise<UploadResult>;
    /**
     * @param {UploadContext} context
     * @param {import('./types.js').UploadSource} file
     * @param {import('./types.js').UploadOptions} options
     */
    constructor(context: UploadContext, file: import('./types.js').UploadSource, options: import('./types.js').UploadOptions);
    /** How the upload stands. @returns {UploadSnapshot} */
    get snapshot(): UploadSnapshot;
    get sessionId(): string;
    /** Whether it has ended, well or not. */
    get ended(): boolean;
    /**
     * Subscribe to every change.
     *
     * @param {(snapshot: UploadSnapshot) => void} listener
     * @returns {() => void} Stops it.
     */
    onChange(listener: (snapshot: UploadSnapshot) => void): () => void;
    /** Stop sending; what has arrived is kept. */
    pause(): void;
    /** Resume after a pause, or skip the wait for the next try. */
    resume(): void;
    /**
     * Give the upload up; the server deletes what has arrived. The state is `cancelling` until the
     * server has confirmed it, however long that takes.
     *
     * @param {string} [reason]
     * @returns {Promise<void>} When the upload has ended, one way or the other.
     */
    cancel(reason?: string): Promise<void>;
    /**
     * Report the import, which runs in the background after completion.
     *
     * @returns {Promise<import('./types.js').ImportStatus>} When it has ended, well or not.
     */
    followImport(): Promise<import('./types.js').ImportStatus>;
}
