import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";

const root = join(import.meta.dirname, "..", "..", "..");

/** What the code of each package may import. One that is not here has to be thought about, and added. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "packages/core": [],
  "packages/wire": ["core"],
  "packages/documents": ["core"],
  "packages/openssh": ["core"],
  "packages/recording": ["core"],
  "packages/masking": ["core", "documents"],
  "packages/credentials": ["core", "documents", "openssh"],
  "packages/config": ["core", "documents", "openssh", "credentials", "masking"],
  "packages/identity": ["core", "documents", "openssh"],
  "packages/policy": ["core", "documents"],
  "packages/audit": ["core", "documents"],
  "packages/sessions": ["core", "documents"],
  "packages/approvals": ["core", "documents"],
  "packages/grants": ["core", "approvals", "documents"],
  "packages/storage": ["core", "approvals", "credentials", "grants"],
  "packages/webhooks": ["core", "credentials", "documents"],
  certs: ["core", "documents", "openssh"],
  "protocols/*": ["core", "wire", "masking", "documents", "openssh"],
  "packages/gateway": [
    ...["core", "wire", "documents", "masking", "config", "identity", "policy", "credentials"],
    ...["audit", "sessions", "approvals", "grants", "storage", "webhooks", "certs", "openssh"],
    ...["recording", "postgres", "ssh", "http"],
  ],
  "packages/testkit": ["core"],
  "packages/toolchain": [],
};
/** The surfaces are the outermost: they may import all but what only serves tests. */
const SURFACES = ["packages/api", "packages/bench", "packages/cli", "packages/demo", "test"];

interface Workspace {
  readonly folder: string;
  readonly name: string;
  readonly declared: readonly string[];
  readonly declaredForTests: readonly string[];
  /** Imported module names by file, of src and of test. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
  readonly tests: ReadonlyMap<string, readonly string[]>;
}

const IMPORT = /^(?:import|export)\b[^;]*?\bfrom\s+"([^"]+)"|\bimport\("([^"]+)"\)|^import\s+"([^"]+)"/gm;

async function importsOf(pattern: string): Promise<Map<string, string[]>> {
  const files = new Map<string, string[]>();
  for await (const file of glob(pattern, { cwd: root })) {
    const text = await readFile(join(root, file), "utf8");
    files.set(
      file,
      [...text.matchAll(IMPORT)].flatMap(([, from, dynamic, bare]) => from ?? dynamic ?? bare ?? []),
    );
  }
  return files;
}

async function workspaces(): Promise<Workspace[]> {
  const found: Workspace[] = [];
  for await (const manifest of glob("{packages/*,protocols/*,certs,test}/package.json", { cwd: root })) {
    const folder = manifest.slice(0, -"/package.json".length);
    const text = await readFile(join(root, manifest), "utf8");
    const { name, dependencies, devDependencies } = JSON.parse(text) as {
      name: string;
      dependencies?: Record<string, string>;
      devDependencies?: Record<string, string>;
    };
    found.push({
      folder,
      name,
      declared: ours(Object.keys(dependencies ?? {})),
      declaredForTests: ours(Object.keys(devDependencies ?? {})),
      sources: await importsOf(`${folder}/{src,bin}/**/*.{ts,js}`),
      tests: await importsOf(
        folder === "test" ? "test/**/*.ts" : `${folder}/{test,scripts,bench,fuzz}/**/*.ts`,
      ),
    });
  }
  return found;
}

/** The workspace packages among these modules, each once, without scope and subpath. */
function ours(modules: Iterable<string>): string[] {
  const names = [...modules].flatMap((module) => /^@gatehouse\/([^/]+)/.exec(module)?.[1] ?? []);
  return [...new Set(names)].sort();
}

const all = await workspaces();
const protocols = all.filter(({ folder }) => folder.startsWith("protocols/"));
const flat = (files: ReadonlyMap<string, readonly string[]>) => [...files.values()].flat();

t.test("the packages are found, and their imports are", async (t) => {
  t.ok(all.length >= 15);
  t.ok(
    ours(flat(all.find(({ name }) => name === "@gatehouse/gateway")?.sources ?? new Map())).includes("core"),
  );
});

t.test("each package imports only what stands below it", async (t) => {
  for (const { folder, sources } of all) {
    if (SURFACES.includes(folder)) continue;
    const allowed = ALLOWED[folder] ?? (folder.startsWith("protocols/") ? ALLOWED["protocols/*"] : undefined);
    if (allowed === undefined) throw new Error(`${folder} is in no rule`);
    for (const [file, modules] of sources) {
      t.same(
        ours(modules).filter((name) => !allowed.includes(name)),
        [],
        file,
      );
    }
  }
});

t.test("core reaches nothing but Node", async (t) => {
  const core = all.find(({ folder }) => folder === "packages/core");
  for (const module of flat(core?.sources ?? new Map())) t.match(module, /^(\.\.?\/|node:)/);
});

t.test(
  "a protocol is imported by name in one file alone, so that another is its folder and a line",
  async (t) => {
    const names = new Set(protocols.map(({ name }) => name));
    const importing = all.flatMap(({ sources }) =>
      [...sources].filter(([, modules]) => modules.some((module) => names.has(module))).map(([file]) => file),
    );
    t.same(importing, ["packages/gateway/src/protocols.ts"]);
  },
);

t.test("permits can be issued in one file alone", async (t) => {
  const importing = all.flatMap(({ sources }) =>
    [...sources].filter(([, modules]) => modules.includes("@gatehouse/core/permit")).map(([file]) => file),
  );
  t.same(importing, ["packages/gateway/src/enforcement.ts"]);
});

t.test("of the code that is run, only the demo's and the bench's uses the testkit", async (t) => {
  const using = all.filter(({ sources }) => ours(flat(sources)).includes("testkit"));
  t.same(using.map(({ folder }) => folder).sort(), ["packages/bench", "packages/demo"]);
});

t.test("no package reaches into another's files", async (t) => {
  for (const { folder, sources, tests } of all) {
    for (const [file, modules] of [...sources, ...tests]) {
      for (const module of modules.filter((name) => name.startsWith("."))) {
        t.ok(join(file, "..", module).startsWith(`${folder}/`), `${file}: ${module}`);
      }
    }
  }
});

t.test("each package declares the workspace packages that it imports, and no others", async (t) => {
  for (const { folder, declared, declaredForTests, sources, tests } of all) {
    const used = ours(flat(sources));
    t.same(declared.toSorted(), used, `${folder}: dependencies`);
    const own = folder.split("/").at(-1) ?? "";
    const forTests = ours(flat(tests)).filter((name) => !used.includes(name) && name !== own);
    t.same(declaredForTests.toSorted(), forTests, `${folder}: devDependencies`);
  }
});
