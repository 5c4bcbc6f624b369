/** The English words about analytics and quotas. */

export const plural = (n, one, many) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

export const analytics = {
  title: 'Analytics',
  lead: (uploads, bytes, resent, saved) =>
    `${plural(uploads, 'upload', 'uploads')} ended, with ${bytes}; ${resent} were sent twice or discarded. Compression and deltas saved ${saved}.`,
  span: 'Time',
  days: (n) => `Last ${n} days`,
  bytes: 'Bytes of each day (UTC)',
  perDay: (uploads, bytes) => `${bytes} in ${plural(uploads, 'upload', 'uploads')}`,
  receiving: 'Time to receive an upload',
  p50: 'Half within',
  p95: '95 % within',
  p99: '99 % within',
  seconds: (n) => (n < 1 ? `${Math.round(n * 1000)} ms` : `${n.toPrecision(3)} s`),
  highest: (value) => `Highest: ${value}`,
  howEnded: 'How uploads ended',
  share: (n, share) => `${n} (${(100 * share).toFixed(1)} %)`,
  ends: {
    completed: 'Completed',
    duplicate: 'Already there',
    rejected: 'Refused',
    cancelled: 'Cancelled',
    failed: 'Failed',
    expired: 'Expired',
  },
};

export const rates = {
  title: 'Rates',
  what: 'Applies to',
  limit: 'Limit',
  origin: 'Set by',
  perSecond: (bytes) => `${bytes} per second`,
  changed: 'an administrator',
  settings: 'the settings',
  change: 'Change rates',
  help: 'Bytes per second. 0 means no limit; an empty field stands for the limit of the settings.',
  example: '5 MiB',
  done: 'The rates were changed. They apply immediately at all servers.',
  limits: {
    session: 'Each upload',
    principal: 'All uploads of a key',
    server: 'All uploads',
    download: 'Each download',
    principal_download: 'All downloads of a key',
    server_download: 'All downloads',
  },
};

export const quotas = {
  title: 'Quotas',
  lead: (account) => `What ${account} may use, and what is used.`,
  nameOf: (account) => {
    if (account === '*') return 'all others';
    if (account === 'local') return 'callers without a key';
    return account.replace(/^tenant:/, 'tenant ').replace(/^key:/, 'key ');
  },
  of: (used, limit) => `${used} of ${limit}`,
  ofLimit: (limit) => `of ${limit}`,
  noLimit: 'no limit',
  account: 'Account',
  accounts: 'All accounts',
  actions: 'Change',
  add: 'Add limits',
  change: 'Change',
  changeOf: (account) => `Change limits of ${account}`,
  changed: (account) => `The limits of ${account} were changed. They apply from the next upload on.`,
  help: 'An empty field stands for the default limit.',
  nameExample: 'key:NAME or tenant:NAME',
  bytesExample: '500 GB',
  wrong: (text, isBytes) => `“${text}” is not ${isBytes ? 'a size such as 500 GB or 64 MiB' : 'a whole number'}.`,
  limits: {
    stored_bytes: 'Size of documents and unfinished uploads',
    reserved_bytes: 'Size of unfinished uploads',
    metadata_bytes: 'Size of titles and metadata',
    documents: 'Documents and unfinished uploads',
    open_uploads: 'Unfinished uploads',
    uploads_per_day: 'Uploads today (UTC)',
    ocr_pages_per_day: 'Pages read by OCR today (UTC)',
    connections: 'Connections at the same time',
  },
  short: {
    stored_bytes: 'Stored',
    reserved_bytes: 'Unfinished',
    metadata_bytes: 'Metadata',
    documents: 'Documents',
    open_uploads: 'Uploads',
    uploads_per_day: 'Uploads today',
    ocr_pages_per_day: 'OCR today',
    connections: 'Connections',
  },
};
