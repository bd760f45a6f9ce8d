import { runCerts } from "./command.ts";

process.exitCode = await runCerts(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  now: Date.now(),
});
