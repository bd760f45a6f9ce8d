import { freePort } from "@gatehouse/testkit";
import { startNginx } from "../nginx.ts";
import { SECRET, type Site } from "../site.ts";
import type { HttpPeer } from "../stage.ts";

/** nginx as a proxy that puts a credential in, and checks nobody's: it keeps its connections, and streams both ways. */
export async function startNginxProxy(site: Site): Promise<HttpPeer> {
  const { ports, tls } = site;
  const port = await freePort();
  const targets = ["api", "model"] as const;
  const { pid, stop } = await startNginx(site, {
    name: `nginx-${port}`,
    port,
    http: targets
      .map((name) => `upstream ${name} { server 127.0.0.1:${ports[name]}; keepalive 64; }`)
      .join("\n  "),
    server: `proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Authorization "Bearer ${SECRET}";
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate ${tls.ca};
    proxy_ssl_name localhost;
    proxy_ssl_server_name on;
    proxy_request_buffering off;
    # None of an answer goes to a disk.
    proxy_max_temp_file_size 0;
    proxy_buffers 16 64k;
    proxy_buffer_size 64k;
    location /api/ { proxy_pass https://api/; }
    location /model/ { proxy_pass https://model/; proxy_buffering off; }`,
  });
  return {
    name: "nginx",
    pid,
    url: ({ target, path }) => `https://127.0.0.1:${port}/${target}${path}`,
    stop: () => stop("SIGTERM"),
  };
}
