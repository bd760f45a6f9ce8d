import { Fields, string } from "./fields.ts";
import { certificateInvalid } from "./invalid.ts";

/*
 * Critical options, or extensions, of a certificate: `string name, string data` again and again, in the order of their
 * names, each once. The data of one that has a value is a string within the string; of any other it is empty.
 */

export type CertificateOptions = ReadonlyMap<string, Buffer>;

/** @throws GatehouseError CERTIFICATE_INVALID also for a name that stands there twice: another reader could take the other */
export function readOptions(bytes: Buffer): CertificateOptions {
  const fields = new Fields(bytes, certificateInvalid);
  const options = new Map<string, Buffer>();
  let last: string | undefined;
  while (fields.remaining > 0) {
    const name = fields.text();
    if (last !== undefined && !precedes(last, name)) {
      throw certificateInvalid("its options are not in order, or one is there twice");
    }
    options.set(name, fields.string());
    last = name;
  }
  return options;
}

export function writeOptions(options: CertificateOptions): Buffer {
  const sorted = [...options].sort(([one], [other]) => (precedes(one, other) ? -1 : 1));
  return Buffer.concat(sorted.flatMap(([name, data]) => [string(name), string(data)]));
}

/** The data of an option with a value. */
export function optionData(value: string): Buffer {
  return string(value);
}

/** The value in an option's data. @throws GatehouseError CERTIFICATE_INVALID */
export function optionValue(data: Buffer): string {
  const fields = new Fields(data, certificateInvalid);
  const value = fields.text();
  fields.end();
  return value;
}

/** In the order of their bytes. */
function precedes(one: string, other: string): boolean {
  return Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0;
}
