/** What of a file is found in an earlier version, and what is sent of it. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Delta, findCopies } from '../../../client/js/src/delta.js';
import { ChecksumMismatch, PdfsluiceError, errorOfCode } from '../../../client/js/src/errors.js';
import { digestOf, findStreams } from '../../../client/js/src/units.js';

const BLOCK = 64 * 1024;
/** No body begins or ends with a byte that may end a line. */
const bodies = Array.from({ length: 20 }, (_, number) => Buffer.from(`x${randomBytes(700 + 50 * number).toString('latin1')}x`, 'latin1'));
const streams = (parts, begin = '\n', end = '\n') =>
  Buffer.concat(parts.flatMap((body) => [Buffer.from(`1 0 obj\nstream${begin}`), body, Buffer.from(`${end}endstream\n`)]));
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 32);

async function found(bytes, options) {
  const units = [];
  for await (const [start, end] of findStreams(new Blob([bytes]), options)) units.push(bytes.subarray(start, end));
  return units;
}

/** The description of a document, as the server gives it. */
async function described(bytes) {
  const blocks = [];
  for (let start = 0; start < bytes.length; start += BLOCK) blocks.push(hash(bytes.subarray(start, start + BLOCK)));
  const units = [];
  for await (const [start, end] of findStreams(new Blob([bytes]))) {
    units.push([start, end - start, hash(bytes.subarray(start, end))]);
  }
  return [{ file_size: bytes.length, block_size: BLOCK, blocks, units, next: null }];
}

/** Follow the instructions of a delta. */
function followed(base, delta) {
  const parts = [];
  for (let at = 0; at < delta.length; ) {
    const [kind, offset, length] = [delta[at], Number(delta.readBigUInt64BE(at + 1)), Number(delta.readBigUInt64BE(at + 9))];
    at += 17;
    assert.ok(length > 0);
    parts.push(kind === 1 ? base.subarray(offset, offset + length) : delta.subarray(at, at + length));
    if (kind === 2) at += length;
  }
  return Buffer.concat(parts);
}

test('the ends of lines are no part of a unit, and windows cut nothing', async () => {
  for (const [begin, end] of [['\n', '\n'], ['\r\n', '\r\n'], ['\r', ''], ['\n', '\r']]) {
    for (const [window, few] of [[9, 2], [64, 5], [1000, 20], [1 << 20, 20]]) {
      const some = bodies.slice(0, few);
      assert.deepEqual(await found(streams(some, begin, end), { window }), some);
    }
  }
});

test('what is no stream is no unit', async () => {
  const body = randomBytes(600).toString('hex');
  for (const text of ['', 'stream', `a stream of ${body} endstream`, `endstream\n${body}\nendstream`, `stream\n${body}`, 'stream\nshort\nendstream']) {
    assert.deepEqual(await found(Buffer.from(text)), []);
  }
});

test('a digest is that of the bytes, however many there are', async () => {
  const bytes = randomBytes(17 * 1024 * 1024);
  const file = new Blob([bytes]);
  assert.equal(await digestOf(file, 5, 100), hash(bytes.subarray(5, 100)));
  assert.equal(await digestOf(file, 0, file.size), hash(bytes));
});

test('an appended file, a rearranged one and another one become deltas of themselves', async () => {
  const base = Buffer.concat([randomBytes(3 * BLOCK + 100), streams(bodies)]);
  const units = await described(base);
  const versions = {
    appended: [Buffer.concat([base, randomBytes(50)]), 200],
    rearranged: [streams(bodies.toReversed(), '\r\n', '\r\n'), 20 * 120],
    shorter: [base.subarray(0, 2 * BLOCK + 10), BLOCK],
  };
  for (const [name, [bytes, most]] of Object.entries(versions)) {
    const file = new Blob([bytes]);
    const delta = new Delta(file, await findCopies(file, units));
    const coded = await delta.encode(0, file.size);
    assert.ok(coded && coded.size < most, `${name}: ${coded?.size}`);
    assert.deepEqual(followed(base, Buffer.from(await coded.arrayBuffer())), bytes);
    const [start, end] = [1000, bytes.length - 7];
    const piece = await delta.encode(start, end);
    assert.deepEqual(followed(base, Buffer.from(await piece.arrayBuffer())), bytes.subarray(start, end));
  }
  const other = new Blob([randomBytes(BLOCK)]);
  assert.equal(await new Delta(other, await findCopies(other, units)).encode(0, BLOCK), null);
});

test('a base that is gone or damaged makes the client send whole pieces', async () => {
  const file = new Blob([randomBytes(1000)]);
  for (const code of ['base-changed', 'checksum-mismatch', 'unsupported-media-type']) {
    const delta = new Delta(file, [{ start: 0, end: 1000, base: 0 }]);
    assert.equal(delta.shared, 1000);
    assert.equal(delta.givesWay(new PdfsluiceError('no', { code: 'storage-full' })), false);
    assert.ok(await delta.encode(0, 1000));
    assert.ok(delta.givesWay(errorOfCode(code, 'no')));
    assert.equal(await delta.encode(0, 1000), null);
  }
  assert.ok(errorOfCode('checksum-mismatch', 'no') instanceof ChecksumMismatch);
});
