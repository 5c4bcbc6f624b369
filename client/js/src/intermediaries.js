/** Answers that pdfsluice did not write: those of proxies and firewalls in front of it. */

/** @type {Record<number, [string, string]>} */
const EXPLANATIONS = {
  401: ['A proxy in front of the server asks for a login.', 'Log in there, then try again.'],
  403: [
    'A proxy or firewall in front of the server forbids the request.',
    'Ask its operator which rule forbids uploads to this address.',
  ],
  404: ['There is no pdfsluice at this address.', 'Check the address of the server.'],
  413: [
    'A proxy in front of the server accepts no request of this size.',
    'Send smaller chunks, or ask its operator to raise the limit (nginx: client_max_body_size).',
  ],
  429: ['A proxy in front of the server limits the rate of requests.', 'Try again later.'],
  502: [
    'The proxy in front of the server gets no valid answer from it.',
    'Its operator finds the reason in the log of the proxy.',
  ],
  503: ['The proxy in front of the server cannot reach it now.', 'Try again later.'],
  504: [
    'The proxy in front of the server did not wait for its answer.',
    'Ask its operator to raise the timeout (nginx: proxy_read_timeout).',
  ],
};

/**
 * What an answer means that is no problem document.
 *
 * @param {number} status
 * @returns {{message: string, hint: string}}
 */
export function foreignAnswer(status) {
  const [message, hint] = EXPLANATIONS[status] ?? ['The answer is not from pdfsluice.', 'Check the address of the server.'];
  return { message: `${message} (HTTP ${status})`, hint };
}
