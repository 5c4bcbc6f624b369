/** Encrypts files before they are sent, and decrypts them when they have arrived. No key is sent. */
export type AgeLibrary = {
    Encrypter: new () => {
        addRecipient: (recipient: string) => void;
        encrypt: (file: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>>;
    };
    Decrypter: new () => {
        addIdentity: (identity: string) => void;
        decrypt: (file: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>>;
    };
};
/**
 * The parts of the package `age-encryption` that are used.
 *
 * @typedef {object} AgeLibrary
 * @property {new () => {addRecipient: (recipient: string) => void,
 *   encrypt: (file: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>>}} Encrypter
 * @property {new () => {addIdentity: (identity: string) => void,
 *   decrypt: (file: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>>}} Decrypter
 */
export declare const SUFFIX = ".age";
/**
 * Encrypt a file for recipients.
 *
 * @param {AgeLibrary | undefined} age
 * @param {import('./types.js').UploadSource} file
 * @param {string[]} recipients Public keys: `age1...`.
 * @param {string} name The name of the file.
 * @returns {Promise<import('./types.js').UploadSource>} An age file.
 * @throws {PdfsluiceError} `key-invalid`: a recipient is no public key.
 */
export declare function encrypt(age: AgeLibrary | undefined, file: import('./types.js').UploadSource, recipients: string[], name: string): Promise<import('./types.js').UploadSource>;
/**
 * Decrypt what is downloaded.
 *
 * @param {AgeLibrary | undefined} age
 * @param {Response} response
 * @param {string} identity A secret key: `AGE-SECRET-KEY-1...`.
 * @returns {Promise<ReadableStream<Uint8Array>>}
 * @throws {PdfsluiceError} `key-invalid`, or `decryption-failed`: the key is not a recipient's.
 */
export declare function decrypt(age: AgeLibrary | undefined, response: Response, identity: string): Promise<ReadableStream<Uint8Array>>;
