// Runs the TypeScript client of a description unmodified, as a browser would: only the DOM, the
// origin of relative addresses and, before Node 22, the WebSocket are supplied here.
//
//   node spec_client.mjs PACKAGES SOURCE.ts FILE.pdf ORIGIN
//
// PACKAGES is the package.json next to the node_modules that hold esbuild and ws.
import { createRequire } from "node:module";
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";

const [packages, source, pdf, origin] = process.argv.slice(2);
const require = createRequire(packages);

const seen = [];
let tellDone;
const done = new Promise((resolve) => (tellDone = resolve));
const elements = {
  "progress-bar": {
    set value(percentage) {
      seen.push(percentage);
      if (percentage >= 100) tellDone();
    },
  },
  "status-text": { textContent: "" },
};
globalThis.document = { getElementById: (id) => elements[id] };
globalThis.WebSocket ??= require("ws").WebSocket;
const fetchAnywhere = globalThis.fetch;
globalThis.fetch = (address, options) => fetchAnywhere(new URL(address, origin), options);
const logged = [];
console.log = (...values) => logged.push(values);

const { code } = require("esbuild").transformSync(await readFile(source, "utf8"), { loader: "ts" });
const module = `${source}.mjs`;
await writeFile(module, `${code}\nexport { StreamingUploadClient };\n`);
const { StreamingUploadClient } = await import(pathToFileURL(module).href);

const client = new StreamingUploadClient();
await client.uploadFile(new File([await readFile(pdf)], basename(pdf), { type: "application/pdf" }));
await done;
client.websocket.close();
process.stdout.write(
  JSON.stringify({ seen, status: elements["status-text"].textContent, answer: logged[0][1] }),
);
