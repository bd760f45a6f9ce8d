import { join } from "node:path";
import { accepts, startService } from "../processes.ts";
import { startNginx } from "./nginx.ts";
import type { Site } from "./site.ts";

const MODEL_MAIN = join(import.meta.dirname, "model-main.ts");

/** Where the small answer, the large one, and what takes uploads are at the target `api`. */
export const SMALL = "/v1/orders/7";
export const BULK = "/v1/files/bulk";
export const UPLOADS = "/v1/uploads/bulk";

/** An answer as services give it, with a person's address in it. */
const ORDER = JSON.stringify({
  id: 7,
  status: "shipped",
  customer: { name: "Anna Keller", email: "anna.keller@example.com", city: "Bern" },
  items: [
    { sku: "a-1", count: 2 },
    { sku: "b-2", count: 1 },
  ],
  total: 41.5,
});

/** The targets, running. */
export interface Targets {
  stop(): Promise<void>;
}

export async function startTargets(site: Site): Promise<Targets> {
  const { bulk, ports, tls, folder, signal } = site;
  const api = await startNginx(site, {
    name: "api",
    port: ports.api,
    server: `default_type application/json;
    location = ${SMALL} { return 200 '${ORDER}'; }
    location = ${BULK} { alias ${bulk.file}; default_type application/octet-stream; }
    # It answers when it has all of a body, and not before; none of it goes to a disk.
    location = ${UPLOADS} {
      client_body_buffer_size ${bulk.bytes + 1024};
      proxy_pass https://127.0.0.1:${ports.api}/v1/taken;
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
    location = /v1/taken { return 200 '{}'; }`,
  });
  try {
    const port = ports.model;
    const args = ["--disable-warning=ExperimentalWarning", MODEL_MAIN, String(port), tls.cert, tls.key];
    const model = await startService({ program: process.execPath, args, cwd: folder, signal }, () =>
      accepts({ port, host: "127.0.0.1" }),
    );
    return {
      async stop() {
        await model.stop("SIGTERM");
        await api.stop("SIGTERM");
      },
    };
  } catch (error) {
    await api.stop("SIGTERM");
    throw error;
  }
}
