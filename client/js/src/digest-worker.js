/** The worker's side of `digester.js`: digests one file. */

import { fileDigest } from './file-digest.js';

globalThis.onmessage = async ({ data: { file } }) => {
  try {
    globalThis.postMessage({ digest: await fileDigest(file) });
  } catch (error) {
    globalThis.postMessage({ error: String(error) });
  }
};
