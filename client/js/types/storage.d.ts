/**
 * Where a client remembers its unfinished uploads: session ids under content fingerprints,
 * never content. A storage has four methods, which may be asynchronous; see `UploadStorage`
 * in `types.js`. `FileStorage` for Node is in `node.js`.
 */
export type StoredUpload = import('./types.js').StoredUpload;
/** @typedef {import('./types.js').StoredUpload} StoredUpload */
/** Forgets everything when the program ends. */
export declare class MemoryStorage {
    #private;
    /** @param {string} key */
    get(key: string): import("./types.js").StoredUpload | null;
    /**
     * @param {string} key
     * @param {StoredUpload} record
     */
    set(key: string, record: StoredUpload): void;
    /** @param {string} key */
    delete(key: string): void;
    entries(): [string, import("./types.js").StoredUpload][];
}
/** Keeps records in `localStorage`, or in another area with the same interface. */
export declare class WebStorage {
    #private;
    /**
     * @param {Storage} [area]
     * @param {string} [prefix]
     */
    constructor(area?: Storage, prefix?: string);
    /**
     * @param {string} key
     * @returns {StoredUpload | null}
     */
    get(key: string): StoredUpload | null;
    /**
     * @param {string} key
     * @param {StoredUpload} record
     */
    set(key: string, record: StoredUpload): void;
    /** @param {string} key */
    delete(key: string): void;
    /** @returns {[string, StoredUpload][]} */
    entries(): [string, StoredUpload][];
}
/**
 * The best storage that this place offers without asking.
 *
 * @returns {import('./types.js').UploadStorage}
 */
export declare function defaultStorage(): import('./types.js').UploadStorage;
