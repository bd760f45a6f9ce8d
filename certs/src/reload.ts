import { createHash } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { type Clock, GatehouseError, type Logger, messageOf, systemClock } from "@gatehouse/core";
import { readPair } from "./files.ts";
import { checkValidity, openPair, type PemPair } from "./pair.ts";
import { parseCertificates, readPem } from "./pem.ts";

const INTERVAL = 5000;

/** Which files to watch, all PEM. */
export interface CertificateFiles {
  /** The certificate, followed by those that vouch for it, where there are any. */
  readonly cert: string;
  readonly key: string;
  /** The authorities of client certificates, for a server that asks for them. */
  readonly ca?: string;
}

export interface WatchOptions extends CertificateFiles {
  readonly log: Logger;
  readonly clock?: Clock;
  /** Milliseconds between two looks at the files: 5 seconds unless told otherwise. */
  readonly interval?: number;
  /** Called after a new pair was taken into use. */
  readonly onReload?: () => void;
}

/** A certificate that follows its files. */
export interface ReloadingCertificate {
  /** What new connections are to use. Open ones keep what they began with. */
  current(): SecureContext;
  /**
   * Looks at the files now.
   * @returns whether a changed pair was taken into use. A bad one is logged, and the old one stays.
   */
  reload(): Promise<boolean>;
  /** Stops watching. `current` goes on giving what it had. */
  close(): void;
}

interface Content {
  readonly pair: PemPair;
  readonly ca: string | undefined;
  readonly digest: string;
}

/**
 * Loads a certificate with its key, for TLS 1.2 and later, and follows changes of the files. What the files
 * hold is compared, not when they changed: a rename and the symbolic links of a Kubernetes volume are found
 * just so. The timer keeps no process alive.
 * @throws GatehouseError CERTIFICATE_INVALID when the first pair can't be read, does not belong together or is
 * not valid now
 */
export async function watchCertificate(options: WatchOptions): Promise<ReloadingCertificate> {
  const { log, clock = systemClock, interval = INTERVAL, onReload } = options;
  const first = await read(options);
  let context = contextOf(first, options, clock.now());
  let inUse = first.digest;
  let problem: string | undefined;
  let sightings = 0;
  let closed = false;

  async function attempt(asked: boolean): Promise<boolean> {
    let replaced = false;
    try {
      const found = await read(options);
      if (closed) return false;
      if (found.digest !== inUse) {
        context = contextOf(found, options, clock.now());
        inUse = found.digest;
        replaced = true;
      }
      problem = undefined;
    } catch (thrown) {
      const found = messageOf(thrown);
      sightings = found === problem ? sightings + 1 : asked ? 2 : 1;
      problem = found;
      // What the watch sees once may be a replacement under way; what it sees again is said once.
      if (asked || sightings === 2) {
        log.warn(
          { cert: options.cert, key: options.key, problem },
          "certificate not reloaded; the old one stays",
        );
      }
      return false;
    }
    if (replaced) {
      log.info({ cert: options.cert }, "certificate reloaded");
      onReload?.();
    }
    return replaced;
  }

  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: an older look at the files must not win over a newer one. */
  function inTurn(asked: boolean): Promise<boolean> {
    const turn = last.then(() => attempt(asked));
    last = turn.catch(() => undefined);
    return turn;
  }

  async function look(): Promise<void> {
    try {
      await inTurn(false);
    } catch (thrown) {
      log.error({ cert: options.cert, problem: messageOf(thrown) }, "what follows a reload failed");
    }
    if (!closed) schedule();
  }

  let timer: NodeJS.Timeout | undefined;
  function schedule(): void {
    timer = setTimeout(() => void look(), interval).unref();
  }
  schedule();

  return {
    current: () => context,
    reload: () => inTurn(true),
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

async function read(files: CertificateFiles): Promise<Content> {
  const pair = await readPair(files);
  const ca = files.ca === undefined ? undefined : await readPem(files.ca);
  const digest = createHash("sha256")
    .update(JSON.stringify([pair.certificatePem, pair.key.reveal(), ca]))
    .digest("base64");
  return { pair, ca, digest };
}

function contextOf({ pair, ca }: Content, files: CertificateFiles, now: number): SecureContext {
  const { certificate } = openPair(pair, files);
  checkValidity(certificate, files.cert, now);
  if (ca !== undefined && files.ca !== undefined) parseCertificates(ca, files.ca);
  try {
    return createSecureContext({
      minVersion: "TLSv1.2",
      cert: pair.certificatePem,
      key: pair.key.reveal(),
      ...(ca === undefined ? {} : { ca }),
    });
  } catch (cause) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `TLS can't use ${files.cert} with ${files.key}: ${messageOf(cause)}.`,
      { hint: "Issue a new pair with `npm run certs -- issue`.", cause },
    );
  }
}
