import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";

/**
 * The gateway's log: JSON lines on `destination`. Errors are written with type, message and stack; what holds a
 * secret prints itself as `[secret]` (core's Secret), so that no list of paths to redact has to be complete.
 */
export function createLogger(destination: DestinationStream, level = "info"): PinoLogger {
  return pino({ level, base: null, serializers: { error: pino.stdSerializers.err } }, destination);
}
