/** The parts of the client, each alone. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Compression, Gain } from '../../../client/js/src/compression.js';
import { cut } from '../../../client/js/src/cut.js';
import * as errors from '../../../client/js/src/errors.js';
import { fileDigest } from '../../../client/js/src/file-digest.js';
import { fingerprint } from '../../../client/js/src/fingerprint.js';
import { Link } from '../../../client/js/src/link.js';
import { FileStorage, openFile } from '../../../client/js/src/node.js';
import { Load, Todo } from '../../../client/js/src/pieces.js';
import { backoff, sleep, withRetry } from '../../../client/js/src/retry.js';
import { Sha256, sha256Script, toHex } from '../../../client/js/src/sha256.js';
import { SpeedMeter } from '../../../client/js/src/speed.js';
import { MemoryStorage, WebStorage } from '../../../client/js/src/storage.js';
import { KIB, content, digest, file } from '../support/files.js';

const POLICY = { baseDelay: 100, maxDelay: 1000, giveUpAfter: 10_000 };

test('the digest without SubtleCrypto is that of the platform', () => {
  for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 70_001]) {
    const bytes = content(size, size + 1);
    assert.equal(toHex(sha256Script(bytes)), createHash('sha256').update(bytes).digest('hex'));
  }
});

test('a digest of parts is that of the whole, however it is cut', async () => {
  const bytes = content(300 * KIB + 13);
  for (const size of [1, 63, 64, 65, 4096, bytes.length]) {
    const hash = new Sha256();
    for (let at = 0; at < bytes.length; at += size) hash.update(bytes.subarray(at, at + size));
    assert.equal(toHex(hash.digest()), digest(bytes), `parts of ${size}`);
  }
  assert.equal(await fileDigest(new Blob([bytes])), digest(bytes));
});

test('a fingerprint depends on content and size, not on the name', async () => {
  const one = await fingerprint(file(3_000_000, { name: 'a.pdf' }));
  assert.match(one, /^[0-9a-f]{64}$/);
  assert.equal(one, await fingerprint(file(3_000_000, { name: 'b.pdf' })));
  assert.notEqual(one, await fingerprint(file(3_000_000, { seed: 2 })));
  assert.notEqual(one, await fingerprint(file(2_999_999)));
  const changed = content(3_000_000);
  changed[2_999_999] ^= 1;
  assert.notEqual(one, await fingerprint(new Blob([changed])));
});

test('a fingerprint is the same as that of the Python client', async () => {
  const bytes = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 7 + 3) % 251);
  const expected = '87d29e26f421660d4c355a735de8d293b2ece088056cc5e1d6ac0d169be8d609';
  assert.equal(await fingerprint(new Blob([bytes])), expected);
});

test('delays double up to the limit, keep apart, and honour Retry-After', () => {
  const least = (attempt, after) => backoff(attempt, POLICY, after, () => 0);
  const most = (attempt, after) => backoff(attempt, POLICY, after, () => 1);
  assert.deepEqual([0, 1, 2, 3, 4, 99].map((n) => most(n)), [100, 200, 400, 800, 1000, 1000]);
  assert.deepEqual([0, 1, 4].map((n) => least(n)), [50, 100, 500]);
  assert.equal(least(0, 7), 7000);
  assert.equal(least(0, 0), 50);
});

test('an error that is final is not tried again', async () => {
  let calls = 0;
  const task = () => {
    calls += 1;
    throw errors.errorOfCode('content-rejected', 'Refused.');
  };
  await assert.rejects(withRetry(async () => task(), { policy: POLICY }), errors.ContentRejected);
  assert.equal(calls, 1);
});

test('an event ends a wait, which then has no listener any more', async () => {
  const listeners = new Set();
  const news = (wake) => (listeners.add(wake), () => listeners.delete(wake));
  const waiting = sleep(60_000, undefined, [news]);
  for (const wake of [...listeners]) wake();
  await waiting;
  assert.equal(listeners.size, 0);
});

test('the online event ends a wait for the next try, but not one that the server asked for', async () => {
  const listeners = new Set();
  globalThis.addEventListener = (_type, listener) => listeners.add(listener);
  globalThis.removeEventListener = (_type, listener) => listeners.delete(listener);
  const policy = { baseDelay: 60_000, maxDelay: 60_000, giveUpAfter: Infinity };
  const run = async (error) => {
    const listened = [];
    const stop = new AbortController();
    const onWait = () => setImmediate(() => {
      listened.push(...listeners);
      if (listeners.size === 0) stop.abort(error);
      for (const wake of [...listeners]) wake();
    });
    let calls = 0;
    const task = async () => {
      if ((calls += 1) === 1) throw error;
    };
    await withRetry(task, { policy, signal: stop.signal, onWait }).catch(() => {});
    return [listened.length, calls];
  };
  try {
    assert.deepEqual(await run(new errors.NetworkError('Away.')), [1, 2]);
    const asked = errors.errorOfCode('overloaded', 'Busy.', { retryAfter: 60 });
    assert.deepEqual(await run(asked), [0, 1]);
    assert.equal(listeners.size, 0);
  } finally {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  }
});

test('Retry-After is read as seconds and as a date', () => {
  assert.equal(errors.parseRetryAfter('120'), 120);
  assert.equal(errors.parseRetryAfter('Thu, 01 Jan 1970 00:01:00 GMT', 30_000), 30);
  assert.equal(errors.parseRetryAfter('soon'), null);
  assert.equal(errors.parseRetryAfter(null), null);
});

test('a problem becomes an error of its class with code, hint and details', async () => {
  const body = {
    code: 'storage-full',
    detail: 'The disk is full.',
    hint: 'Wait.',
    details: { free: 0 },
    request_id: 'r1',
  };
  const response = new Response(JSON.stringify(body), { status: 507, headers: { 'Retry-After': '30' } });
  const error = await errors.errorFromResponse(response);
  assert.ok(error instanceof errors.StorageFull);
  assert.deepEqual(
    [error.message, error.code, error.status, error.hint, error.details.free, error.requestId, error.retryAfter],
    ['The disk is full.', 'storage-full', 507, 'Wait.', 0, 'r1', 30],
  );
  assert.equal(error.retryable, true);
});

test('an answer that is no problem document is still an error', async () => {
  for (const [status, retryable] of [[502, true], [404, false]]) {
    const error = await errors.errorFromResponse(new Response('<html>', { status }));
    assert.equal(error.code, `http-${status}`);
    assert.equal(error.retryable, retryable);
  }
  const large = await errors.errorFromResponse(new Response('<html>', { status: 413 }));
  assert.match(large.message, /proxy .* accepts no request of this size.*413/);
  assert.match(large.hint, /smaller chunks/);
  const odd = await errors.errorFromResponse(new Response('{"code":"constructor"}', { status: 400 }));
  assert.equal(odd.constructor, errors.PdfsluiceError);
});

test('storages keep, list and forget', async () => {
  const area = Object.assign(Object.create({
    getItem(key) { return this[key] ?? null; },
    setItem(key, value) { this[key] = value; },
    removeItem(key) { delete this[key]; },
  }), { foreign: 'x', 'pdfsluice:broken': '{' });
  const path = join(await mkdtemp(join(tmpdir(), 'pdfsluice-')), 'deep', 'uploads.json');
  const record = { sessionId: 's', filename: 'a.pdf', size: 1, savedAt: 2 };
  for (const storage of [new MemoryStorage(), new WebStorage(area), new FileStorage(path)]) {
    assert.equal(await storage.get('one'), null);
    await Promise.all([storage.set('one', record), storage.set('two', record)]);
    assert.deepEqual(await storage.get('one'), record);
    await storage.delete('one');
    assert.deepEqual(await storage.entries(), [['two', record]]);
  }
  assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), { two: record });
  await writeFile(path, 'torn{');
  assert.deepEqual(await new FileStorage(path).entries(), []);
});

test('a file of Node is read in slices', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'pdfsluice-')), 'book.pdf');
  await writeFile(path, content(100_000));
  const source = await openFile(path);
  assert.equal(source.name, 'book.pdf');
  const part = Buffer.from(await source.slice(50_000, 60_000).arrayBuffer());
  assert.equal(digest(part), digest(content(100_000).subarray(50_000, 60_000)));
});

/** Carry many tasks over a link whose speed depends on how many use it; list its widths. */
async function simulate(rateOfWidth, tasks) {
  const clock = { now: 0 };
  const link = new Link({ max: 4, width: 2, now: () => clock.now });
  const never = new AbortController().signal;
  const widths = [];
  const task = async () => {
    widths.push(link.width);
    clock.now += 1000 / rateOfWidth(link.width);
    return 1000;
  };
  await Promise.all(Array.from({ length: tasks }, () => link.carry(1000, never, task)));
  return widths;
}

test('the width grows while that pays', async () => {
  const widths = await simulate((width) => width, 60);
  assert.equal(widths.at(0), 2);
  assert.ok(widths.slice(20).filter((width) => width === 4).length > 20, `${widths}`);
});

test('few requests run in parallel if more gain nothing', async () => {
  const widths = await simulate(() => 5, 200);
  assert.ok(widths.filter((width) => width === 2).length > 120, `${widths}`);
  assert.ok(widths.every((width) => width < 4), `${widths}`);
});

test('a failure halves the width and an abort leaves the queue', async () => {
  const link = new Link({ max: 4, width: 4 });
  const never = new AbortController().signal;
  await assert.rejects(link.carry(1, never, () => Promise.reject(new Error('no'))));
  assert.equal(link.width, 2);
  const stop = new AbortController();
  let release;
  const busy = [1, 2].map(() => link.carry(1, never, () => new Promise((done) => (release = done))));
  const queued = link.carry(1, stop.signal, () => assert.fail('ran although aborted'));
  stop.abort(new Error('stopped'));
  await assert.rejects(queued, /stopped/);
  release();
  await busy[1];
});

test('what is missing is cut in order, never beyond a chunk, and again after a piece failed', () => {
  const todo = new Todo([[3, 5], [8, 25]], 10);
  assert.deepEqual([todo.cut(4), todo.cut(4), todo.cut(4)], [[3, 5], [8, 10], [10, 14]]);
  todo.putBack([8, 10]);
  assert.deepEqual([todo.cut(1), todo.cut(9), todo.cut(99), todo.cut(99)], [[8, 9], [9, 10], [14, 20], [20, 25]]);
  assert.equal(todo.empty, true);
  assert.equal(todo.cut(1), null);
});

const MIB = 1024 * KIB;

/** Send chunks of 8 MiB one after the other at a rate in bytes a second; list the shares. */
function sharesAt(rate, chunks, load = new Load()) {
  const shares = [];
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    for (let rest = 8 * MIB; rest > 0; ) {
      const share = load.shared(4, 8 * MIB);
      const bytes = Math.min(rest, share.piece);
      load.delivered(share, bytes, ((bytes * share.pieces) / rate) * 1000);
      shares.push(share);
      rest -= bytes;
    }
  }
  return shares;
}

test('a slow link carries small pieces, which take about four seconds together', () => {
  const [first, ...others] = sharesAt(500_000, 2);
  assert.deepEqual(first, { size: MIB, pieces: 1, piece: MIB });
  for (const { size, pieces } of others) {
    assert.equal(pieces, 1);
    assert.ok(Math.abs(size - 2_000_000) < 2, `${size}`);
  }
});

test('a fast link soon carries whole chunks side by side', () => {
  const shares = sharesAt(100_000_000, 4);
  assert.deepEqual(shares.at(-1), { size: 32 * MIB, pieces: 4, piece: 8 * MIB });
  assert.ok(shares.length < 14, `${shares.length}`);
});

test('a link that hardly carries anything has one small piece at a time, and recovers', () => {
  const load = new Load();
  assert.deepEqual(sharesAt(10_000, 1, load).at(-1), { size: 256 * KIB, pieces: 1, piece: 256 * KIB });
  assert.equal(sharesAt(100_000_000, 4, load).at(-1).piece, 8 * MIB);
});

test('a piece that fails halves the load that it was part of', () => {
  const load = new Load();
  const share = load.shared(4, 8 * MIB);
  for (let lane = 0; lane < 4; lane += 1) load.failed(share);
  assert.equal(load.shared(4, 8 * MIB).size, 512 * KIB);
  for (let times = 0; times < 9; times += 1) load.failed(load.shared(4, 8 * MIB));
  assert.equal(load.shared(4, 8 * MIB).size, 256 * KIB);
});

test('a tiny rest of a chunk does not measure the link', () => {
  const load = new Load();
  load.delivered(load.shared(4, 8 * MIB), 1000, 60_000);
  assert.equal(load.shared(4, 8 * MIB).size, MIB);
});

test('small chunks go side by side from the start', () => {
  assert.deepEqual(new Load().shared(2, 64 * KIB), { size: 128 * KIB, pieces: 2, piece: 64 * KIB });
});

test('speed is that of the last seconds', () => {
  const meter = new SpeedMeter();
  assert.equal(meter.bytesPerSecond, 0);
  for (let second = 0; second <= 20; second += 1) meter.add(second * 1000, second * 1000);
  assert.equal(Math.round(meter.bytesPerSecond), 1000);
  for (let second = 21; second <= 40; second += 1) meter.add(20_000 + (second - 20) * 5000, second * 1000);
  assert.equal(Math.round(meter.bytesPerSecond), 5000);
  meter.reset();
  assert.equal(meter.bytesPerSecond, 0);
});

/** Send pieces of 1 MiB of which compression removes a share; return how many were tried. */
function tries(gain, { share, speed, link, pieces }) {
  let tried = 0;
  for (let piece = 0; piece < pieces; piece += 1) {
    let size = 1024 * KIB;
    if (gain.worthATry()) {
      tried += 1;
      gain.tried(size, size * (1 - share), (1000 * size) / speed);
      size *= 1 - share;
    }
    gain.delivered(size, 1, (1000 * size) / link);
  }
  return tried;
}

test('pieces are compressed on slow links, and while that saves more than it costs', () => {
  const MIB = 1024 * KIB;
  const speed = 40 * MIB;
  assert.equal(tries(new Gain(), { share: 0, speed, link: MIB / 2, pieces: 50 }), 50);
  assert.equal(tries(new Gain(), { share: 0.7, speed, link: 50 * MIB, pieces: 50 }), 1);
  assert.equal(tries(new Gain(), { share: 0.6, speed, link: 4 * MIB, pieces: 50 }), 50);
  const gain = new Gain();
  assert.ok(tries(gain, { share: 0, speed, link: 4 * MIB, pieces: 100 }) < 30);
  assert.ok(tries(gain, { share: 0.6, speed, link: 4 * MIB, pieces: 100 }) > 60);
});

test('a coding is tried only if the server accepts it', () => {
  assert.equal(new Compression(new Gain(), ['zstd', 'gzip']).next(1000), 'gzip');
  assert.equal(new Compression(new Gain(), []).next(1000), '');
  assert.equal(new Compression(new Gain(), ['gzip']).next(64 * 1024 * KIB), '');
  const compression = new Compression(new Gain(), ['gzip']);
  compression.refused();
  assert.equal(compression.next(1000), '');
});

test('a piece is compressed, digested as it is sent, and left alone if that gains nothing', async () => {
  const text = new Blob(['The sluice gates of the northern canal. '.repeat(5000)]);
  const coded = await cut(text, 40, 120_040, { checksum: true, coding: 'gzip' });
  assert.equal(coded.coding, 'gzip');
  assert.ok(coded.blob.size < 12_000);
  const bytes = Buffer.from(await coded.blob.arrayBuffer());
  assert.equal(gunzipSync(bytes).toString(), await text.slice(40, 120_040).text());
  assert.equal(coded.digest, createHash('sha256').update(bytes).digest('base64'));

  const noise = new Blob([randomBytes(100_000)]);
  const plain = await cut(noise, 0, 100_000, { checksum: false, coding: 'gzip' });
  assert.deepEqual([plain.coding, plain.blob.size, plain.digest], ['', 100_000, null]);
});
