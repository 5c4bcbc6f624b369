/** The worker's side of `slicer.js`: cuts chunks out of files and digests them. */

import { cut } from './cut.js';

globalThis.onmessage = async ({ data: { id, file, start, end, cutting } }) => {
  try {
    globalThis.postMessage({ id, chunk: await cut(file, start, end, cutting) });
  } catch (error) {
    globalThis.postMessage({ id, error: String(error) });
  }
};
