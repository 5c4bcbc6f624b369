/** What only Node needs: files by path, and a storage that survives the program. */
export type StoredUpload = import('./types.js').StoredUpload;
/** @typedef {import('./types.js').StoredUpload} StoredUpload */
/**
 * Open a file for `uploadFile`; its bytes are read when they are sent.
 *
 * @param {string} path
 * @returns {Promise<import('./types.js').UploadSource>}
 */
export declare function openFile(path: string): Promise<import('./types.js').UploadSource>;
/** Keeps records in one JSON file, replaced as a whole at each change. */
export declare class FileStorage {
    #private;
    /** @param {string} path */
    constructor(path: string);
    /** @param {string} key */
    get(key: string): Promise<import("./types.js").StoredUpload>;
    /**
     * @param {string} key
     * @param {StoredUpload} record
     */
    set(key: string, record: StoredUpload): Promise<void>;
    /** @param {string} key */
    delete(key: string): Promise<void>;
    entries(): Promise<[string, import("./types.js").StoredUpload][]>;
}
