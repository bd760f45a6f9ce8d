import { appendFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";

/** What a command came to. */
export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/**
 * A shell of very few words, for a target that is no machine: each command is one program with literal arguments, and files are
 * those of one folder, which it takes for `/`. Nothing of the machine it runs on can be reached by it.
 */
export class SmallShell {
  readonly #root: string;
  readonly #user: string;

  constructor(root: string, user: string) {
    this.#root = root;
    this.#user = user;
  }

  /** @param line a command line; single and double quotes keep blanks together */
  async run(line: string): Promise<Ran> {
    const [program = "", ...args] = words(line);
    try {
      return await this.#program(program, args);
    } catch (error) {
      return failed(
        `${program}: ${error instanceof Error && "code" in error ? String(error.code) : String(error)}`,
      );
    }
  }

  async #program(program: string, args: readonly string[]): Promise<Ran> {
    const paths = args.filter((word) => !word.startsWith("-"));
    switch (program) {
      case "":
      case "true":
        return wrote("");
      case "false":
        return { ...wrote(""), status: 1 };
      case "echo":
        return wrote(`${args.join(" ")}\n`);
      case "whoami":
        return wrote(`${this.#user}\n`);
      case "pwd":
        return wrote("/\n");
      case "cat":
        return wrote((await Promise.all(paths.map((path) => readFile(this.#at(path), "utf8")))).join(""));
      case "ls":
        return wrote(
          (await readdir(this.#at(paths[0] ?? ".")))
            .sort()
            .map((name) => `${name}\n`)
            .join(""),
        );
      case "mkdir":
        await mkdir(this.#at(paths[0] ?? ""));
        return wrote("");
      case "rm":
        for (const path of paths)
          await rm(this.#at(path), { recursive: args.includes("-r") || args.includes("-rf") });
        return wrote("");
      case "systemctl":
        return this.#service(args);
      default:
        return { status: 127, out: "", err: `${program}: command not found\n` };
    }
  }

  /** `systemctl restart NAME` writes a line into `/run/restarts`: who looks there sees how often it was done. */
  async #service([verb = "", name = ""]: readonly string[]): Promise<Ran> {
    if (verb === "restart") {
      await mkdir(this.#at("run"), { recursive: true });
      await appendFile(this.#at("run/restarts"), `${name}\n`);
      return wrote(`${name} restarted\n`);
    }
    return verb === "status" ? wrote(`${name} is active\n`) : failed(`systemctl: ${verb}: not known here`);
  }

  /** @throws Error for a path that leads out of the folder */
  #at(path: string): string {
    const place = resolve(this.#root, `.${sep}${path}`);
    if (relative(this.#root, place).startsWith("..")) throw new Error("outside");
    return place;
  }
}

function wrote(out: string): Ran {
  return { status: 0, out, err: "" };
}

function failed(message: string): Ran {
  return { status: 1, out: "", err: `${message}\n` };
}

function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? "",
  );
}
