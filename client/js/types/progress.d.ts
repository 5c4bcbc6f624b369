/** Folds answers and events of the server into one picture of an upload. */
export type UploadSnapshot = import('./types.js').UploadSnapshot;
export type UploadSession = import('./types.js').UploadSession;
/** @typedef {import('./types.js').UploadSnapshot} UploadSnapshot */
/** @typedef {import('./types.js').UploadSession} UploadSession */
export declare class UploadProgress {
    #private;
    /** @type {UploadSnapshot} */
    snapshot: UploadSnapshot;
    /**
     * @param {string} filename
     * @param {number} totalSize
     */
    constructor(filename: string, totalSize: number);
    /** @param {Partial<UploadSnapshot>} change */
    set(change: Partial<UploadSnapshot>): void;
    /** @param {UploadSession} session A full picture from the server. */
    session(session: UploadSession): void;
    /** @param {any} event Something that the server told of this session. */
    event(event: any): void;
    /** @param {number} id */
    chunkSending(id: number): void;
    /** @param {number} id */
    chunkDurable(id: number): void;
    /** Nothing is on its way any more. */
    nothingSending(): void;
}
