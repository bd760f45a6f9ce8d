// A gateway as a process of its own, to be killed: `node gateway-process.ts CONFIG`. It says its port, and runs.
import { createLogger, Gateway } from "@gatehouse/gateway";

const [configFile = ""] = process.argv.slice(2);
const log = createLogger(process.stderr, "error");
const gateway = await Gateway.start({ configFile, log });
process.stdout.write(`${gateway.port("postgres") ?? 0}\n`);
