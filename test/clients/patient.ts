import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import { installed, onPath } from "./world.ts";

/** A client that deletes the row WORD from `held`, in a transaction if TRANSACTION is there, and waits for as long as it takes. */
interface Patient {
  readonly world: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Of psql alone, which is no program of ours. */
  readonly script?: string;
}

const PSQL = `\\getenv word WORD
\\getenv transaction TRANSACTION
\\if :{?transaction}
begin;
insert into held values ('before ' || :'word');
\\endif
delete from held where word = :'word';
\\if :{?transaction}
commit;
\\endif
`;

const python = (driver: string): Patient => ({
  world: "python",
  program: installed("python", "bin", "python"),
  args: ["-B", "python/patient.py", driver],
});

/** By the names of their drivers. */
export const patients: Readonly<Record<string, Patient>> = {
  psql: {
    world: "psql",
    program: onPath("psql"),
    args: ["--no-psqlrc", "--set", "ON_ERROR_STOP=1"],
    script: PSQL,
  },
  "node-postgres": { world: "node", program: process.execPath, args: ["node/patient.js"] },
  psycopg: python("psycopg"),
  asyncpg: python("asyncpg"),
  pgx: { world: "go", program: join(installed("go"), "patient"), args: [] },
  pgjdbc: {
    world: "java",
    program: "java",
    args: [
      "-cp",
      [installed("java", "held"), join(installed("java", "lib"), "*")].join(delimiter),
      "Patient",
    ],
  },
};

export interface Waited {
  /** What a driver says that was done: `DELETE 1`. */
  readonly done: boolean;
  /** Notices that it has shown. */
  readonly notices: number;
  readonly output: string;
}

/** Has a client delete a row of `held`, and resolves when the client has ended. */
export async function waits(
  driver: string,
  word: string,
  inTransaction: boolean,
  env: NodeJS.ProcessEnv,
): Promise<Waited> {
  const { program, args, script } = patients[driver] ?? { program: "", args: [] };
  const child = spawn(program, [...args], {
    cwd: import.meta.dirname,
    env: { ...env, WORD: word, ...(inTransaction ? { TRANSACTION: "1" } : {}) },
    stdio: "pipe",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  child.stdin.end(script);
  const [code] = (await once(child, "close")) as [number | null];
  return {
    done: code === 0 && /^DELETE 1$/m.test(output),
    notices: output.match(/^NOTICE:/gm)?.length ?? 0,
    output,
  };
}
