/**
 * SHA-256 (FIPS 180-4). Browsers offer SubtleCrypto in secure contexts only (https and
 * localhost); on a plain-http address in a local network the digest is computed here.
 */
/**
 * Compute a digest, natively where possible.
 *
 * @param {Uint8Array<ArrayBuffer>} data
 * @returns {Promise<Uint8Array>} 32 bytes.
 */
export declare function sha256(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
/**
 * Compute a digest without native help.
 *
 * @param {Uint8Array} data
 * @returns {Uint8Array} 32 bytes.
 */
export declare function sha256Script(data: Uint8Array): Uint8Array;
/** A digest of data that comes in parts, without native help. */
export declare class Sha256 {
    #private;
    /**
     * Add data.
     *
     * @param {Uint8Array} data
     * @returns {this}
     */
    update(data: Uint8Array): this;
    /**
     * Return the digest; nothing can be added after it.
     *
     * @returns {Uint8Array} 32 bytes.
     */
    digest(): Uint8Array;
}
/**
 * @param {Uint8Array} bytes
 * @returns {string} Lower-case hexadecimal.
 */
export declare function toHex(bytes: Uint8Array): string;
/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export declare function toBase64(bytes: Uint8Array): string;
