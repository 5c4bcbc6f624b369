/** Downloads that continue after a break and are compared with the digest of the document. */

import { DigestMismatch, NetworkError } from './errors.js';
import { withRetry } from './retry.js';
import { Sha256, toHex } from './sha256.js';

/**
 * The bytes of a document, as they arrive. After a broken connection the rest is fetched; if the
 * whole has another SHA-256 than the document, the stream ends with an error.
 *
 * @param {import('./api.js').DocumentsApi} documents
 * @param {number} id
 * @param {{policy: import('./retry.js').RetryPolicy, signal?: AbortSignal}} options
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
export async function download(documents, id, { policy, signal }) {
  const { file_size: size, sha256 } = await documents.get(id, { signal });
  const hash = new Sha256();
  let arrived = 0;
  /** @type {ReadableStreamDefaultReader<Uint8Array> | null} */
  let reader = null;

  async function next() {
    try {
      if (!reader) {
        const response = await documents.file(id, { range: [arrived, size], signal });
        if (response.status !== 206 && arrived > 0) throw new NetworkError('The range was not sent.');
        reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      }
      const { value, done } = await reader.read();
      if (done) throw new NetworkError('The file broke off.');
      return value;
    } catch (error) {
      reader = null;
      if (signal?.aborted) throw signal.reason;
      throw error instanceof TypeError ? new NetworkError('The file broke off.', { cause: error }) : error;
    }
  }

  return new ReadableStream({
    async pull(controller) {
      if (arrived < size) {
        const data = await withRetry(next, { policy, signal });
        hash.update(data);
        arrived += data.length;
        controller.enqueue(data);
      }
      if (arrived < size) return;
      await reader?.cancel();
      if (arrived > size || toHex(hash.digest()) !== sha256) {
        throw new DigestMismatch('What arrived is not the document.', { code: 'digest-mismatch' });
      }
      controller.close();
    },
    async cancel() {
      await reader?.cancel();
    },
  });
}
