import { options, readArguments } from "../options.ts";
import { type Call, isKnown } from "../program.ts";
import { literalWord } from "../tree.ts";

const OPTIONS = options(
  "-c -x -t -r -u -z -j -J -a -v -p -k -m -h -S -P -O -f: -C: -X: --create --extract --list --gzip --bzip2 --xz --zstd " +
    "--auto-compress --verbose --file: --directory: --exclude: --strip-components: --no-same-owner --no-same-permissions " +
    "--same-owner --numeric-owner --preserve-permissions --keep-old-files --overwrite --one-file-system --wildcards " +
    "--anchored --to-stdout --warning:",
);

/** The options that run programs (--checkpoint-action, --to-command, -I, -F, --rsh-command) are among those not known. */
export function tar(call: Call): void {
  const [first, ...rest] = call.words;
  const words = [...call.words];
  // `tar xzf FILE`, without a dash: each letter that takes a value takes the next word.
  const bundle = first?.literal ?? "?";
  if (!bundle.startsWith("-")) {
    if (!/^[A-Za-z]+$/.test(bundle) || /[fCTX]./.test(bundle)) {
      call.facts.unclear("tar has options in an order that is not known.");
      return;
    }
    words.splice(0, words.length, literalWord(`-${bundle}`), ...rest);
  }
  const found = readArguments(words, OPTIONS, false);
  if (!isKnown(call, found, true)) return;
  const named = new Set(found.options.map(({ name }) => name));
  if (!named.has("-t") && !named.has("--list")) call.facts.atLeast("write");
  for (const { name, value } of found.options) {
    // host:file is fetched by rsh.
    const local = value?.literal !== undefined && !value.literal.includes(":");
    if ((name === "-f" || name === "--file") && !local)
      call.facts.unclear("tar has an archive that may be on another host.");
  }
}
