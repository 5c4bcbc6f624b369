/** Folds answers and events of the server into one picture of an upload. */
export type UploadSnapshot = import('./types.js').UploadSnapshot;
export type UploadSession = import('./types.js').UploadSession;
/** @typedef {import('./types.js').UploadSnapshot} UploadSnapshot */
/** @typedef {import('./types.js').UploadSession} UploadSession */
export declare class UploadProgress {
    #private;
    /** @type {UploadSnapshot} */
    snapshot: UploadSnapshot;
    /** Half-open ranges that the server lacks, ascending. @type {[number, number][]} */
    missing: [number, number][];
    /** Content codings that the server accepts. @type {string[]} */
    codings: string[];
    /**
     * @param {string} filename
     * @param {number} totalSize
     */
    constructor(filename: string, totalSize: number);
    /** @param {Partial<UploadSnapshot>} change */
    set(change: Partial<UploadSnapshot>): void;
    /** @param {UploadSession} session A full picture from the server. */
    session(session: UploadSession): void;
    /** @param {any} event An event of this session from the server. */
    event(event: any): void;
    /** @param {number} start Where a piece begins that is on its way now. */
    sending(start: number): void;
    /**
     * A piece has arrived.
     *
     * @param {number} start
     * @param {number} end
     */
    stored(start: number, end: number): void;
    /** Nothing is on its way any more. */
    nothingSending(): void;
}
