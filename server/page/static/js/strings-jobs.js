/** The words of background jobs, and of the processes that run them. */

export const nodes = {
  heading: 'Servers and workers',
  roles: { server: 'Server', worker: 'Worker' },
  name: (role, host) => `${role} on ${host}`,
  here: ' (this one)',
  uploads: (n) => (n === 1 ? 'holds 1 upload' : `holds ${n} uploads`),
  jobs: (n) => (n === 1 ? 'runs 1 job' : `runs ${n} jobs`),
  version: (version) => `version ${version}`,
  since: (date) => `since ${date}`,
  seen: (time) => `last heartbeat ${time}`,
};

export const jobs = {
  heading: 'Background jobs',
  count: (n) => (n === 1 ? '1 job' : `${n} jobs`),
  state: 'State',
  kind: 'Kind',
  all: 'All states',
  allKinds: 'All kinds',
  states: {
    queued: 'Queued',
    running: 'Running',
    done: 'Done',
    skipped: 'Skipped',
    failed: 'Failed',
    cancelled: 'Cancelled',
  },
  kinds: { import: 'Import', index: 'Index', ocr: 'OCR' },
  importer: (name) => `Import (${name})`,
  stopping: 'Stopping',
  attempts: (n) => (n === 1 ? '1 attempt' : `${n} attempts`),
  cancel: 'Cancel',
  retry: 'Retry',
  more: 'Show more',
  cancelTitle: (name) => `Cancel this job on “${name}”?`,
  cancelText: 'The document stays. What the job would have added to it is missing until the job is retried.',
  keep: 'Let it run',
  willStop: 'The job is stopping.',
  ended: (state) => `The job has stopped. ${state}.`,
  retried: (name) => `A job on “${name}” was queued again.`,
};
