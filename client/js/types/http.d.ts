/** Requests to the server: addresses, the API key, JSON, and errors as typed classes. */
export type RequestOptions = {
    /**
     * Body to be sent as JSON.
     */
    json?: unknown;
    /**
     * Body to be sent as it is.
     */
    body?: BodyInit;
    headers?: Record<string, string>;
    query?: Record<string, string | number | undefined>;
    signal?: AbortSignal;
};
/**
 * @typedef {object} RequestOptions
 * @property {unknown} [json] Body to be sent as JSON.
 * @property {BodyInit} [body] Body to be sent as it is.
 * @property {Record<string, string>} [headers]
 * @property {Record<string, string | number | undefined>} [query]
 * @property {AbortSignal} [signal]
 */
export declare class HttpClient {
    #private;
    baseUrl: string;
    apiKey: string;
    fetch: typeof fetch;
    /**
     * @param {object} options
     * @param {string} options.baseUrl
     * @param {string} [options.apiKey]
     * @param {typeof fetch} [options.fetch]
     */
    constructor({ baseUrl, apiKey, fetch: fetchImplementation }: {
        baseUrl: string;
        apiKey?: string;
        fetch?: typeof fetch;
    });
    /**
     * @param {string} path
     * @param {Record<string, string | number | undefined>} [query]
     * @returns {string}
     */
    url(path: string, query?: Record<string, string | number | undefined>): string;
    /**
     * Send a request and return the successful answer.
     *
     * @param {string} method
     * @param {string} path
     * @param {RequestOptions} [options]
     * @returns {Promise<Response>}
     * @throws {PdfsluiceError} The answer is not a success, or there is none.
     */
    send(method: string, path: string, options?: RequestOptions): Promise<Response>;
    /**
     * Fetch a file that the server may have elsewhere. The other host is shown no key: a redirect is
     * not followed by `fetch`, whose older versions keep the header `Authorization`.
     *
     * @param {string} path
     * @param {() => Promise<string | null>} link Asks the server for the address, in a browser.
     * @param {RequestOptions} [options]
     * @returns {Promise<Response>}
     */
    file(path: string, link: () => Promise<string | null>, { headers, signal }?: RequestOptions): Promise<Response>;
    /**
     * Send bytes to the store of the server, which is shown no key.
     *
     * @param {import('./types.js').UploadTicket} ticket
     * @param {Blob} body
     * @param {AbortSignal} signal
     * @throws {PdfsluiceError} The store refuses them, or does not answer.
     */
    sendElsewhere({ url, method, headers }: import('./types.js').UploadTicket, body: Blob, signal: AbortSignal): Promise<void>;
    /**
     * Send a request and return the JSON of the answer (`null` without a body).
     *
     * @param {string} method
     * @param {string} path
     * @param {RequestOptions} [options]
     * @returns {Promise<any>}
     */
    json(method: string, path: string, options?: RequestOptions): Promise<any>;
}
