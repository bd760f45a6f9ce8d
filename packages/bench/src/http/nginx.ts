import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { accepts, type Service, startService } from "../processes.ts";
import type { Site } from "./site.ts";

export interface NginxOptions {
  readonly name: string;
  readonly port: number;
  /** What stands in its `http` block beside what all have. */
  readonly http?: string;
  /** What stands in its `server` block. */
  readonly server: string;
}

/** An nginx of one worker, with TLS. The process is the worker: the master does nothing. */
export async function startNginx(
  site: Site,
  { name, port, http = "", server }: NginxOptions,
): Promise<Service> {
  const { programs, folder, tls, signal } = site;
  const temporary = join(folder, "temporary");
  // Where it is root's, it would give itself another user, who may not read what lies in the folder.
  const user = userInfo().uid === 0 ? "user root;" : "";
  const config = await site.put(
    `${name}.conf`,
    `${user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${join(temporary, `${name}.pid`)};
error_log stderr;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  client_max_body_size 0;
  client_body_temp_path ${temporary};
  proxy_temp_path ${temporary};
  fastcgi_temp_path ${temporary};
  uwsgi_temp_path ${temporary};
  scgi_temp_path ${temporary};
  ssl_certificate ${tls.cert};
  ssl_certificate_key ${tls.key};
  ${http}
  server {
    listen 127.0.0.1:${port} ssl;
    ${server}
  }
}
`,
  );
  const { pid: master, stop } = await startService(
    { program: programs.nginx, args: ["-e", "stderr", "-p", folder, "-c", config], cwd: folder, signal },
    () => accepts({ port, host: "127.0.0.1" }),
  );
  return { pid: await workerOf(master), stop };
}

/** The only child of a process (proc(5): `children`). */
async function workerOf(master: number): Promise<number> {
  const children = await readFile(`/proc/${master}/task/${master}/children`, "utf8");
  const [worker, ...more] = children.trim().split(" ").filter(Boolean).map(Number);
  if (worker === undefined || more.length > 0) throw new Error("An nginx that has not one worker.");
  return worker;
}
