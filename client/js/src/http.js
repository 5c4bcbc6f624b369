/** Requests to the server: addresses, the API key, JSON, and errors as typed classes. */

import { NetworkError, errorFromResponse } from './errors.js';

/**
 * @typedef {object} RequestOptions
 * @property {unknown} [json] Body to be sent as JSON.
 * @property {BodyInit} [body] Body to be sent as it is.
 * @property {Record<string, string>} [headers]
 * @property {Record<string, string | number | undefined>} [query]
 * @property {AbortSignal} [signal]
 */

export class HttpClient {
  /**
   * @param {object} options
   * @param {string} options.baseUrl
   * @param {string} [options.apiKey]
   * @param {typeof fetch} [options.fetch]
   */
  constructor({ baseUrl, apiKey, fetch: fetchImplementation }) {
    this.baseUrl = baseUrl.replace(/\/+$/, '');
    this.apiKey = apiKey ?? '';
    this.fetch = fetchImplementation ?? globalThis.fetch.bind(globalThis);
  }

  /**
   * @param {string} path
   * @param {Record<string, string | number | undefined>} [query]
   * @returns {string}
   */
  url(path, query = {}) {
    const url = new URL(this.baseUrl + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  /**
   * Send a request and return the successful answer.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<Response>}
   * @throws {PdfsluiceError} The answer is not a success, or there is none.
   */
  async send(method, path, options) {
    const response = await this.#request(method, path, options);
    if (!response.ok) throw await errorFromResponse(response);
    return response;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions & {redirect?: RequestRedirect}} [options]
   * @returns {Promise<Response>}
   */
  #request(method, path, { json, body, headers = {}, query, signal, redirect } = {}) {
    return this.#fetch(this.url(path, query), {
      method,
      signal,
      redirect,
      body: json === undefined ? body : JSON.stringify(json),
      headers: {
        Accept: 'application/json, application/problem+json;q=0.9, */*;q=0.1',
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(this.apiKey ? { Authorization: `Bearer ${this.apiKey}` } : {}),
        ...headers,
      },
    });
  }

  /**
   * Fetch a file that the server may have elsewhere. The other host is shown no key: a redirect is
   * not followed by `fetch`, whose older versions keep the header `Authorization`.
   *
   * @param {string} path
   * @param {() => Promise<string | null>} link Asks the server for the address, in a browser.
   * @param {RequestOptions} [options]
   * @returns {Promise<Response>}
   */
  async file(path, link, { headers = {}, signal } = {}) {
    const own = await this.#request('GET', path, { headers, signal, redirect: 'manual' });
    if (own.ok) return own;
    const moved = own.type === 'opaqueredirect' || own.status === 307;
    if (!moved) throw await errorFromResponse(own);
    await own.body?.cancel();
    const url = own.headers.get('Location') ?? (await link());
    if (!url) throw new NetworkError('The server redirects without an address.');
    const init = /** @type {RequestInit} */ ({ headers, signal, credentials: 'omit', referrerPolicy: 'no-referrer' });
    const response = await this.#fetch(url, init);
    if (!response.ok) throw await errorFromResponse(response);
    return response;
  }

  /**
   * Send bytes to the store of the server, which is shown no key.
   *
   * @param {import('./types.js').UploadTicket} ticket
   * @param {Blob} body
   * @param {AbortSignal} signal
   * @throws {PdfsluiceError} The store refuses them, or does not answer.
   */
  async sendElsewhere({ url, method, headers }, body, signal) {
    const plain = body.type ? body.slice(0, body.size, '') : body; // The signature covers no media type.
    const init = /** @type {RequestInit} */ ({
      method,
      headers,
      body: plain,
      signal,
      credentials: 'omit',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
    });
    const response = await this.#fetch(url, init);
    if (!response.ok) throw await errorFromResponse(response);
    await response.body?.cancel();
  }

  /**
   * Send a request and return the JSON of the answer (`null` without a body).
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  async json(method, path, options) {
    const response = await this.send(method, path, options);
    if (response.status === 204) return null;
    try {
      return await response.json();
    } catch (error) {
      if (options?.signal?.aborted) throw options.signal.reason;
      throw new NetworkError('The answer of the server broke off.', { cause: error });
    }
  }

  /**
   * @param {string} url
   * @param {RequestInit} init
   * @returns {Promise<Response>}
   */
  async #fetch(url, init) {
    try {
      return await this.fetch(url, init);
    } catch (error) {
      if (init.signal?.aborted) throw init.signal.reason;
      throw new NetworkError('The server cannot be reached.', {
        hint: 'Check the network and the address of the server.',
        cause: error,
      });
    }
  }
}
