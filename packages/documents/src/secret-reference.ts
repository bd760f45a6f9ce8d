import { resolve } from "node:path";
import { Secret, type SecretReference } from "@gatehouse/core";
import { z } from "zod";

/** One way to refer to a secret: `NAME:` and what stands behind it. */
interface Form {
  readonly written: string;
  /** Of what stands behind the colon. */
  readonly pattern: RegExp;
  /** What is to be said where it does not fit. */
  readonly rule: string;
  read(text: string, folder: string): SecretReference;
}

/** What a word of a command is made of: no blanks, and no control characters, at which a system call could end it. */
const WORD = String.raw`[^\u0000-\u0020\u007f]+`;
/** One step of a path in a secrets engine. `..` could lead from one secret to another, or to what is none at all. */
const STEP = String.raw`(?!\.\.?[/#])[A-Za-z0-9_.@=+:~-]+`;

const forms = {
  env: {
    written: "env:NAME",
    pattern: /[A-Za-z_][A-Za-z0-9_]*/,
    rule: "the name of an environment variable is of letters, digits and _",
    read: (name) => ({ from: "env", name }),
  },
  file: {
    written: "file:PATH",
    pattern: /.+/,
    rule: "the path is not empty",
    read: (path, folder) => ({ from: "file", path: resolve(folder, path) }),
  },
  exec: {
    written: "exec:/PATH ARGUMENT ...",
    pattern: new RegExp(`/${WORD}( +${WORD})*`),
    rule: "the program's path is absolute, and no shell reads what follows: words end at blanks",
    read(text) {
      const [program = "", ...words] = text.split(/ +/);
      return { from: "exec", command: [program, ...words] };
    },
  },
  vault: {
    written: "vault:MOUNT/data/PATH#FIELD",
    pattern: new RegExp(`(${STEP}/)+data(/${STEP})+#[A-Za-z0-9_.-]+`),
    rule: "`data` stands behind the mount of a KV engine, and the field behind #, such as secret/data/orders#password",
    read(text) {
      const [path = "", field = ""] = text.split("#");
      return { from: "vault", path, field };
    },
  },
} as const satisfies Readonly<Record<string, Form>>;

type Name = keyof typeof forms;
const NAMES = ["env", "file", "exec", "vault"] as const satisfies readonly Name[];

/** What looks like a reference and is none is no literal either: a target would be sent it as a password. */
const LITERAL = `(?!(${NAMES.join("|")}):)[\\s\\S]+`;

/**
 * A reference to a secret. A literal is read only where the config says that it is one for development: a secret in a
 * config file ends in a repository.
 * @param folder to which paths are relative
 * @param options.vault whether a secrets engine may have it, which it does when left out
 */
export function secretReference(
  folder: string,
  { literals, vault = true }: { readonly literals: boolean; readonly vault?: boolean },
) {
  const names = NAMES.filter((name) => vault || name !== "vault");
  const written = [...names.map((name) => forms[name].written), ...(literals ? ["a literal"] : [])];
  const list = `${written.slice(0, -1).join(", ")} or ${written.at(-1)}`;
  const expected = literals ? list : `a reference to a secret, ${list} (literals need \`development: true\`)`;
  const patterns = names.map((name) => `${name}:${forms[name].pattern.source}`);
  const pattern = new RegExp(`^(${[...patterns, ...(literals ? [LITERAL] : [])].join("|")})$`);
  return z
    .string()
    .meta({ pattern: pattern.source, description: expected })
    .transform((text, context): SecretReference => {
      if (pattern.test(text)) return read(text, folder);
      // The text is not repeated: it may be the secret itself.
      const message = nearest(text, names) ?? `expected ${expected}, found a literal`;
      context.addIssue({ code: "custom", message, params: { secret: true } });
      return z.NEVER;
    });
}

function read(text: string, folder: string): SecretReference {
  const name = NAMES.find((one) => text.startsWith(`${one}:`));
  if (name === undefined) return { from: "literal", secret: new Secret(text) };
  return forms[name].read(text.slice(name.length + 1), folder);
}

/** Of `Exec:bin/token`: what a reference of that form looks like. */
function nearest(text: string, names: readonly Name[]): string | undefined {
  const name = names.find((one) => text.toLowerCase().startsWith(`${one}:`));
  return name && `expected ${forms[name].written}: ${forms[name].rule}`;
}
