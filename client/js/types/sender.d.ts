/** Sends what the server lacks of a file: piece after piece, several side by side. */
export type UploadProgress = import('./progress.js').UploadProgress;
export type Fold = (fold: () => void) => void;
/** @typedef {import('./progress.js').UploadProgress} UploadProgress */
/** @typedef {(fold: () => void) => void} Fold Changes the progress and notifies listeners. */
export declare class Sender {
    #private;
    /**
     * @param {import('./client.js').UploadContext} context
     * @param {import('./types.js').UploadSource} file
     * @param {import('./types.js').UploadOptions} options
     * @param {UploadProgress} progress
     * @param {Fold} fold
     */
    constructor(context: import('./client.js').UploadContext, file: import('./types.js').UploadSource, options: import('./types.js').UploadOptions, progress: UploadProgress, fold: Fold);
    /**
     * Find what need not be sent, if the file is a new version of a document.
     *
     * @param {import('./types.js').UploadSession} session
     * @param {AbortSignal} signal
     * @param {<T>(task: () => Promise<T>) => Promise<T>} retry
     */
    compare({ replaces }: import('./types.js').UploadSession, signal: AbortSignal, retry: <T>(task: () => Promise<T>) => Promise<T>): Promise<void>;
    /**
     * Send all that is missing.
     *
     * @param {AbortSignal} signal
     * @param {(task: () => Promise<void>, signal: AbortSignal) => Promise<void>} retry
     */
    send(signal: AbortSignal, retry: (task: () => Promise<void>, signal: AbortSignal) => Promise<void>): Promise<void>;
}
