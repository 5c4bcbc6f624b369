/** What only Node needs: files by path, and a storage that survives the program. */

import { openAsBlob } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** @typedef {import('./types.js').StoredUpload} StoredUpload */

/**
 * Open a file for `uploadFile`; its bytes are read when they are sent.
 *
 * @param {string} path
 * @returns {Promise<import('./types.js').UploadSource>}
 */
export async function openFile(path) {
  return Object.assign(await openAsBlob(path), { name: basename(path) });
}

/** Keeps records in one JSON file, replaced as a whole at each change. */
export class FileStorage {
  #path;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {string} path */
  constructor(path) {
    this.#path = path;
  }

  /** @param {string} key */
  async get(key) {
    return (await this.#read())[key] ?? null;
  }

  /**
   * @param {string} key
   * @param {StoredUpload} record
   */
  set(key, record) {
    return this.#change((records) => ({ ...records, [key]: record }));
  }

  /** @param {string} key */
  delete(key) {
    return this.#change(({ [key]: _, ...others }) => others);
  }

  async entries() {
    return Object.entries(await this.#read());
  }

  /** @returns {Promise<Record<string, StoredUpload>>} */
  async #read() {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8'));
    } catch (error) {
      if (error instanceof SyntaxError || /** @type {any} */ (error).code === 'ENOENT') return {};
      throw error;
    }
  }

  /**
   * Changes run one after the other: two uploads must not overwrite each other's record.
   *
   * @param {(records: Record<string, StoredUpload>) => Record<string, StoredUpload>} edit
   * @returns {Promise<void>}
   */
  #change(edit) {
    const change = this.#last.then(async () => {
      const records = edit(await this.#read());
      await mkdir(dirname(this.#path), { recursive: true });
      await writeFile(`${this.#path}.new`, JSON.stringify(records, null, 2));
      await rename(`${this.#path}.new`, this.#path);
    });
    this.#last = change.catch(() => {});
    return change;
  }
}
