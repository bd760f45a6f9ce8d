import { startControlPlane } from "@gatehouse/api";
import { type Listener, messageOf } from "@gatehouse/core";
import { createLogger, Gateway } from "@gatehouse/gateway";
import { pino } from "pino";
import { build as pinoPretty } from "pino-pretty";

/** Milliseconds within which signals are one keystroke's. */
const ONE_KEYSTROKE = 500;

/**
 * Bytes of the pieces that Node cuts small buffers from. Each TLS socket keeps such a buffer, its ALPN names, as long as
 * it is open, and with it the whole piece: of Node's own size, that is 8 KB for a session that is idle.
 */
const BUFFER_POOL = 1024;

/** `gatehouse serve`: runs until it is told to stop. Logs are JSON, or easier on the eye on a terminal. */
export async function serve({ config }: { config: string }): Promise<void> {
  Buffer.poolSize = BUFFER_POOL;
  const destination = process.stdout.isTTY
    ? pinoPretty({ colorize: true, translateTime: "SYS:HH:MM:ss.l", ignore: "pid,hostname", sync: true })
    : pino.destination({ fd: 1, sync: false });
  const log = createLogger(destination);
  // From the first moment on: a signal during the start must not leave a half-made gateway behind.
  const stop = nextStopSignal();
  let reload: () => void = () => undefined;
  process.on("SIGHUP", () => reload());
  const gateway = await Gateway.start({ configFile: config, log });
  log.level = gateway.configuration.config.logLevel;
  let control: Listener | undefined;
  try {
    control = await startControlPlane({ gateway, log });
    reload = () => {
      gateway.reload().then(
        () => {
          log.level = gateway.configuration.config.logLevel;
        },
        (error: unknown) => log.error({ error }, "reload failed: the old config stays"),
      );
    };
    const signal = await stop;
    // Whoever asks twice does not want to wait for the sessions. One Ctrl-C may come twice, by the terminal and by
    // npm: what comes at once is the same one.
    const again = setTimeout(() => {
      process.once("SIGINT", () => process.exit(130));
      process.once("SIGTERM", () => process.exit(143));
    }, ONE_KEYSTROKE);
    again.unref();
    await gateway.stop(signal);
  } catch (error) {
    await gateway.stop(messageOf(error));
    throw error;
  } finally {
    await control?.close();
  }
}

function nextStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
}
