/** Encrypts files before they are sent, and decrypts them when they have arrived. No key is sent. */

import { PdfsluiceError } from './errors.js';

/**
 * The parts of the package `age-encryption` that are used.
 *
 * @typedef {object} AgeLibrary
 * @property {new () => {addRecipient: (recipient: string) => void,
 *   encrypt: (file: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>>}} Encrypter
 * @property {new () => {addIdentity: (identity: string) => void,
 *   decrypt: (file: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>>}} Decrypter
 */

export const SUFFIX = '.age';

/**
 * Encrypt a file for recipients.
 *
 * @param {AgeLibrary | undefined} age
 * @param {import('./types.js').UploadSource} file
 * @param {string[]} recipients Public keys: `age1...`.
 * @param {string} name The name of the file.
 * @returns {Promise<import('./types.js').UploadSource>} An age file.
 * @throws {PdfsluiceError} `key-invalid`: a recipient is no public key.
 */
export async function encrypt(age, file, recipients, name) {
  const encrypter = new (required(age).Encrypter)();
  for (const recipient of recipients) use(() => encrypter.addRecipient(recipient), 'A recipient is not a public key.');
  const stream = await encrypter.encrypt(file.stream());
  return Object.assign(await new Response(stream).blob(), { name: `${name}${SUFFIX}` });
}

/**
 * Decrypt what is downloaded.
 *
 * @param {AgeLibrary | undefined} age
 * @param {Response} response
 * @param {string} identity A secret key: `AGE-SECRET-KEY-1...`.
 * @returns {Promise<ReadableStream<Uint8Array>>}
 * @throws {PdfsluiceError} `key-invalid`, or `decryption-failed`: the key is not a recipient's.
 */
export async function decrypt(age, response, identity) {
  const decrypter = new (required(age).Decrypter)();
  use(() => decrypter.addIdentity(identity), 'The identity is not a secret key.');
  try {
    return await decrypter.decrypt(/** @type {ReadableStream<Uint8Array>} */ (response.body));
  } catch {
    throw new PdfsluiceError('The file cannot be decrypted with this key.', { code: 'decryption-failed' });
  }
}

/** @param {AgeLibrary | undefined} age */
function required(age) {
  if (age) return age;
  throw new PdfsluiceError('The client was made without the library for encryption.', {
    code: 'encryption-unavailable',
    hint: "import * as age from 'age-encryption', and give the client the option age.",
  });
}

/**
 * Add a key. What is wrong with it is not shown: it may be secret.
 *
 * @param {() => void} add
 * @param {string} message
 */
function use(add, message) {
  try {
    add();
  } catch {
    throw new PdfsluiceError(message, { code: 'key-invalid' });
  }
}
