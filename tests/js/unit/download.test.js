/** Downloads: continued after a break, and compared with the digest. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { download } from '../../../client/js/src/download.js';
import { digest } from '../support/files.js';

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
const policy = { baseDelay: 1, maxDelay: 2, giveUpAfter: 1000 };

/** A server whose first answers break off after some bytes. */
function documents({ breaks = [], content = bytes } = {}) {
  const ranges = [];
  return {
    ranges,
    get: async () => ({ file_size: bytes.length, sha256: digest(bytes) }),
    file: async (_id, { range: [start, end] }) => {
      ranges.push(start);
      const limit = breaks.shift();
      const body = new ReadableStream({
        pull(controller) {
          const stop = Math.min(end, start + (limit ?? end));
          if (stop > start) controller.enqueue(new Uint8Array(content.subarray(start, stop)));
          if (limit === undefined) controller.close();
          else controller.error(new TypeError('terminated'));
        },
      }, { highWaterMark: 0 });
      return new Response(body, { status: start ? 206 : 200 });
    },
  };
}

async function whole(stream) {
  return Buffer.from(await new Response(stream).arrayBuffer());
}

test('a download continues where it broke off', async () => {
  const server = documents({ breaks: [0, 0] });
  assert.deepEqual(await whole(await download(server, 1, { policy })), bytes);
  assert.deepEqual(server.ranges, [0, 0, 0]);
});

test('bytes that arrived are not fetched again', async () => {
  const server = documents();
  const file = server.file;
  server.file = async (id, { range: [start] }) => (start ? file(id, { range: [start, 1000] }) : file(id, { range: [0, 400] }));
  assert.deepEqual(await whole(await download(server, 1, { policy })), bytes);
  assert.deepEqual(server.ranges, [0, 400]);
});

test('other bytes end the stream with an error', async () => {
  const server = documents({ content: Buffer.alloc(1000) });
  await assert.rejects(whole(await download(server, 1, { policy })), { code: 'digest-mismatch' });
});
