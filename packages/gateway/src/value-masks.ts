import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type InsteadOf,
  type Mask,
  type MaskingStream,
  type MaskText,
  Secret,
  type Transform,
  type ValueMasks,
} from "@gatehouse/core";
import {
  chained,
  compileTransform,
  type DetectorRegistry,
  maskAscii,
  maskingKey,
  type MaskingStreamOptions,
  maskingStream,
  nothingLeft,
  type TextTransform,
} from "@gatehouse/masking";

/** In the state folder: the key of hashes, which has to be the same after a restart. */
const KEY_FILE = "masking.key";

/**
 * What masked texts become in this gateway.
 * @param folder of its state
 * @param detectors as the config has them at this moment: asked for at each answer
 * @throws what reading and writing the key's file throws
 */
export async function openValueMasks(folder: string, detectors: () => DetectorRegistry): Promise<ValueMasks> {
  const material = await openKey(join(folder, KEY_FILE));
  const key = maskingKey(material);
  material.wipe();
  return {
    transform(transform: Transform): MaskText {
      const compiled = compileTransform(transform, key);
      return (text) => compiled(text);
    },
    ascii: maskAscii,
    detectors(masks: readonly Mask[], instead?: InsteadOf): MaskText {
      const steps = masks.map((mask) => {
        const transform = instead ? replacing(instead) : compileTransform(mask.with, key);
        const selection = detectors().select(mask.detect);
        // Decided by policies and detectors that a reload has taken away meanwhile: nothing may be left.
        if (!selection.ok) return () => null;
        return (text: string) => selection.scanner.mask(text, transform).text;
      });
      return (text) => {
        let masked: string | null = text;
        for (const step of steps) if (masked !== null) masked = step(masked);
        return masked;
      };
    },
    stream(masks: readonly Mask[], options: MaskingStreamOptions): MaskingStream {
      return chained(
        masks
          .filter(({ detect }) => detect.length > 0)
          .map((mask) => {
            const selection = detectors().select(mask.detect);
            if (!selection.ok) return nothingLeft;
            return maskingStream(selection.scanner, compileTransform(mask.with, key), options);
          }),
      );
    },
  };
}

function replacing(instead: InsteadOf): TextTransform {
  return (value, found) => instead(value, found?.detectors ?? []);
}

async function openKey(path: string): Promise<Secret> {
  try {
    await writeFile(path, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return new Secret((await readFile(path, "utf8")).trim());
}
