import t from "tap";
import { lexical, split, textOfPath } from "../../src/sftp/places.ts";
import { type Presence, Resolver } from "../../src/sftp/resolver.ts";

/** A target with these links and folders; everything else is missing. @param asked is told of each look */
function target(
  links: Readonly<Record<string, string>>,
  folders: readonly string[],
  asked: string[] = [],
): Resolver {
  const real = (path: string): string | undefined => {
    let at = "";
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    for (const [index, part] of parts.entries()) {
      if (part === "..") {
        at = at.slice(0, at.lastIndexOf("/"));
        continue;
      }
      const next = `${at}/${part}`;
      const link = links[next];
      if (link !== undefined)
        return link === "?" ? undefined : real([link, ...parts.slice(index + 1)].join("/"));
      if (!folders.includes(next)) return undefined;
      at = next;
    }
    return at === "" ? "/" : at;
  };
  return new Resolver({
    realpath: (path) => {
      asked.push(path);
      return Promise.resolve(real(path));
    },
    presence: (path) => {
      const presence: Presence = path in links || folders.includes(path) ? "there" : "missing";
      return Promise.resolve(path === "/closed/x" ? "denied" : presence);
    },
  });
}

const folders = ["/srv", "/srv/data", "/etc", "/etc/ssh", "/closed"];
const links = { "/srv/way": "/etc", "/srv/loop": "?" };

t.test("a path is where the target says that it leads", async (t) => {
  const resolver = target(links, folders);
  t.same(await resolver.follow("/srv/way/ssh"), { path: "/etc/ssh", resolved: true });
  t.same(await resolver.follow("/srv/way/../srv/./data//"), { path: "/srv/data", resolved: true });
});

t.test("what is missing is where its nearest folder that is there leads", async (t) => {
  const resolver = target(links, folders);
  t.same(await resolver.follow("/srv/way/new"), { path: "/etc/new", resolved: true });
  t.same(await resolver.follow("/srv/way/new/a/b/c/d"), { path: "/etc/new/a/b/c/d", resolved: true });
  t.same(await resolver.follow("/none"), { path: "/none", resolved: true });
});

t.test("dots behind what is missing are taken by their words, and looked up again", async (t) => {
  const resolver = target(links, folders);
  t.same(await resolver.follow("/srv/none/../way/ssh"), { path: "/etc/ssh", resolved: true });
  t.same(await resolver.follow("/srv/none/../../etc/ssh"), { path: "/etc/ssh", resolved: true });
  t.same(await resolver.follow("/none/.."), { path: "/", resolved: true });
});

t.test("a link that the target can't resolve is not followed by anybody", async (t) => {
  const resolver = target(links, folders);
  await t.rejects(resolver.follow("/srv/loop"), { name: "Unresolvable" });
  await t.rejects(resolver.follow("/srv/loop/a/b"), { name: "Unresolvable" });
  await t.rejects(resolver.own("/srv/loop/a"), { name: "Unresolvable" });
  t.same(await resolver.own("/srv/loop"), { path: "/srv/loop", resolved: true }, "the link itself can go");
});

t.test("where the target lets nobody look, nothing is known", async (t) => {
  const resolver = target(links, folders);
  t.same(await resolver.follow("/closed/x/y"), { path: "/closed/x/y", resolved: false });
});

t.test("of the last part itself, only what is in front of it is followed", async (t) => {
  const resolver = target(links, folders);
  t.same(await resolver.own("/srv/way"), { path: "/srv/way", resolved: true });
  t.same(await resolver.own("/srv/way/"), { path: "/srv/way", resolved: true });
  t.same(await resolver.own("/srv/way/x"), { path: "/etc/x", resolved: true });
  t.same(await resolver.own("/srv/way/.."), { path: "/", resolved: true });
  t.same(await resolver.own("/"), { path: "/", resolved: true });
});

t.test("a deep path that is missing costs few looks", async (t) => {
  const asked: string[] = [];
  await target(links, folders, asked).follow(`/srv${"/x".repeat(2000)}`);
  t.ok(asked.length < 20, String(asked.length));
});

t.test("paths by their words", (t) => {
  for (const [path, canonical] of [
    ["/", "/"],
    ["//a///b/", "/a/b"],
    ["/a/./b/../c", "/a/c"],
    ["/../../a", "/a"],
    ["/a/..", "/"],
    ["/a/...", "/a/..."],
  ] as const) {
    t.equal(lexical(path), canonical, path);
  }
  t.same(split("/a/b/"), { folder: "/a", name: "b" });
  t.same(split("/a"), { folder: "/", name: "a" });
  t.equal(split("/a/."), undefined);
  t.equal(split("/"), undefined);
  t.end();
});

t.test("a path that two readers could read in two ways is none", (t) => {
  t.same(textOfPath(Buffer.from("/ä\n")), { ok: true, path: "/ä\n" });
  for (const bytes of [
    Buffer.from("/srv/a\0/../etc"),
    Buffer.of(0x2f, 0xff),
    Buffer.of(0x2f, 0xc0, 0xaf),
    Buffer.of(0x2f, 0xed, 0xa0, 0x80),
    Buffer.alloc(4097, "a"),
    Buffer.alloc(65_536, "/"),
  ]) {
    t.equal(textOfPath(bytes).ok, false);
  }
  t.end();
});
