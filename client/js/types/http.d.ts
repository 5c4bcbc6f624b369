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
    send(method: string, path: string, { json, body, headers, query, signal }?: RequestOptions): Promise<Response>;
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
