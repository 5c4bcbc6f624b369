/** Files that change while they are being uploaded. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, server, useServer } from '../support/clients.js';
import { KIB, content, until } from '../support/files.js';

useServer();

test('a source that changes while it is paused is not completed', async () => {
  const source = changeable(content(160 * KIB));
  const upload = connect({ parallel: 1 }).startUpload(source);
  await until(() => upload.snapshot.durable >= 48 * KIB);
  upload.pause();
  source.replace(content(160 * KIB, 7));
  upload.resume();
  await assert.rejects(upload.done, { name: 'FileChanged', code: 'file-changed' });
  assert.equal(upload.snapshot.state, 'failed');
  assert.equal(server.documents.length, 0);
});

/** A source without the protection that browsers give to files: its bytes can change. */
function changeable(bytes) {
  let current = new Blob([bytes]);
  return {
    name: 'report.pdf',
    size: bytes.length,
    slice: (start, end) => current.slice(start, end),
    replace: (other) => (current = new Blob([other])),
  };
}
