// Uploads a file with tus-js-client, as the JSON in the first argument describes, and prints what
// happened as JSON; a line on standard input aborts. Run by tests/integration/protocols/.
import { createReadStream, readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import * as tus from 'tus-js-client'

const { endpoint, file, url, options = {}, asStream = false } = JSON.parse(
  process.argv[2],
)
const requests = []
// A stream without a known file, as from a camera or another process.
const input = asStream ? createReadStream(file).pipe(new PassThrough()) : readFileSync(file)

const outcome = await new Promise((resolve) => {
  const upload = new tus.Upload(input, {
    endpoint,
    uploadUrl: url ?? null,
    retryDelays: [0, 50, 100, 200, 400, 800],
    metadata: { filename: 'from-node.pdf', filetype: 'application/pdf' },
    ...options,
    onAfterResponse: (request, response) => {
      requests.push({ method: request.getMethod(), status: response.getStatus() })
    },
    onSuccess: ({ lastResponse }) =>
      resolve({ url: upload.url, document: lastResponse.getHeader('Content-Location') ?? null }),
    onError: (error) =>
      resolve({
        url: upload.url,
        error: error.message,
        status: error.originalResponse?.getStatus() ?? null,
        body: error.originalResponse?.getBody() ?? null,
      }),
  })
  process.stdin.once('data', () => {
    upload.abort().then(() => resolve({ aborted: true, url: upload.url }))
  })
  upload.start()
})
process.stdout.write(JSON.stringify({ ...outcome, requests }))
process.exit(0)
