import t from "tap";
import { type CommandLine, readCommandLine } from "../../src/shell/command-line.ts";
import { Lines } from "./lines.ts";

const read = (line: string): CommandLine => readCommandLine(Buffer.from(line));

t.test("words are what the program gets", (t) => {
  const words = (line: string) => read(line).commands.map((command) => command.words);
  t.strictSame(words(`ls 'a b' "c d" e\\ f '' x"y"'z'`), [["ls", "a b", "c d", "e f", "", "xyz"]]);
  t.strictSame(words(`ls "\\$a \\x \\" '"`), [["ls", `$a \\x " '`]]);
  t.strictSame(words('ls $a "$b" *.c ~/d `id` e'), [
    ["id"],
    ["ls", undefined, undefined, undefined, undefined, undefined, "e"],
  ]);
  t.strictSame(words("ls \\\n  -l # not this"), [["ls", "-l"]]);
  t.strictSame(words("ls a#b [ ] {} = ! x~ 'é' é"), [
    ["ls", "a#b", "[", "]", "{}", "=", "!", "x~", "é", "é"],
  ]);
  t.end();
});

t.test("a program is named with those that run it and those that it runs", (t) => {
  const { programs, commands } = read("sudo -u bob timeout 5 sh -c 'nice rm x & ls'; ls");
  t.strictSame(programs, ["sudo", "timeout", "sh", "nice", "rm", "ls"]);
  const rm = commands.find(({ words }) => words[0] === "rm");
  t.strictSame(rm, {
    words: ["rm", "x"],
    assignments: [],
    background: true,
    wrappedBy: ["sudo", "timeout", "sh", "nice"],
  });
  t.end();
});

t.test("what xargs and find put in is not literal", (t) => {
  const words = (line: string) => read(line).commands.at(-1)?.words;
  t.strictSame(words("xargs rm -f"), ["rm", "-f", undefined]);
  t.strictSame(words("xargs -I% rm % x%y"), ["rm", undefined, undefined]);
  t.strictSame(words("find . -exec rm -f {} a{}b \\;"), ["rm", "-f", undefined, undefined]);
  t.end();
});

t.test("assignments are named", (t) => {
  t.strictSame(read("LANG=C f=1 ls").commands[0]?.assignments, ["LANG", "f"]);
  t.match(read("PATH=. ls").opaque[0], /PATH/);
  t.end();
});

t.test("redirections are files that are read and written", (t) => {
  const files = (line: string) => {
    const { reads, writes, access } = read(line);
    return { reads, writes, access };
  };
  t.strictSame(files("ls <a >b 2>>'c d' 3<>e"), {
    reads: ["a", "e"],
    writes: ["b", "c d", "e"],
    access: "write",
  });
  t.strictSame(files("ls >/dev/null 2>&1 <&0 2>&-"), { reads: [], writes: [], access: "read" });
  t.strictSame(files("ls >~/x >/tmp/$x"), { reads: [], writes: [undefined, undefined], access: "write" });
  t.strictSame(files("{ ls; } >a; (ls) >b; if ls; then ls; fi >c"), {
    reads: [],
    writes: ["a", "b", "c"],
    access: "write",
  });
  t.strictSame(files("sh -c 'ls >a'"), { reads: [], writes: ["a"], access: "write" });
  t.end();
});

t.test("bash's /dev/tcp is the network, and no file", (t) => {
  const { network, access, writes } = read("ls > /dev/tcp/10.0.0.1/80");
  t.strictSame({ network, access, writes }, { network: true, access: "admin", writes: [] });
  t.equal(read("ls < /dev/udp/h/1").network, true);
  for (const line of ["ls > $x", "ls > /dev/$x", "ls > /dev/tcp/$x", "ls < /d*/tcp/h/1"])
    t.not(read(line).opaque.length, 0, line);
  t.end();
});

t.test("programs that read keys or start a pager are told apart, for channels with a terminal", (t) => {
  t.strictSame(read("git log; systemctl status x; ls").terminal, ["git", "systemctl"]);
  t.strictSame(read("git --no-pager log; git -P diff; systemctl status x --no-pager").terminal, []);
  t.end();
});

t.test("lines of file transfer", (t) => {
  const lines: Readonly<Record<string, CommandLine["transfer"]>> = {
    "scp -t /tmp/x": { tool: "scp", direction: "up", paths: ["/tmp/x"], recursive: false },
    "scp -v -r -p -t -- 'a b'": { tool: "scp", direction: "up", paths: ["a b"], recursive: true },
    "scp -f ~/x y": { tool: "scp", direction: "down", paths: ["~/x", "y"], recursive: false },
    "rsync --server --sender -vlogDtpre.iLsfxCIvu . /srv/": {
      tool: "rsync",
      direction: "down",
      paths: ["/srv/"],
      recursive: true,
    },
    "rsync --server -logDtpe.LsfxCIvu --delete --partial . x": {
      tool: "rsync",
      direction: "up",
      paths: ["x"],
      recursive: false,
    },
    "git-upload-pack '/srv/a.git'": {
      tool: "git",
      direction: "down",
      paths: ["/srv/a.git"],
      recursive: true,
    },
    "git-receive-pack 'a.git'": { tool: "git", direction: "up", paths: ["a.git"], recursive: true },
    "git-upload-archive 'a.git'": { tool: "git", direction: "down", paths: ["a.git"], recursive: true },
    "/usr/lib/openssh/sftp-server": { tool: "sftp", direction: "both", paths: [], recursive: true },
  };
  for (const [line, transfer] of Object.entries(lines)) t.strictSame(read(line).transfer, transfer, line);
  for (const line of [
    "sudo scp -t x",
    "scp -t x; ls",
    "scp -t x >y",
    "scp -t x &",
    "(scp -t x)",
    "scp -t $(ls)",
  ])
    t.equal(read(line).transfer, undefined, line);
  t.end();
});

t.test("what is too long, too deep or too much is opaque", (t) => {
  const deep = (open: string, close: string, times: number) =>
    `${open.repeat(times)}ls${close.repeat(times)}`;
  for (const line of [
    `ls ${"x".repeat(256 * 1024)}`,
    `ls ${"x ".repeat(10_001)}`,
    deep("$(", ")", 5000),
    deep("( ", " )", 5000),
    deep("{ ", "; }", 5000),
    deep("if ls; then ", "; fi", 5000),
    deep('"$(', ')"', 5000),
    deep("cat <(", ")", 5000),
    deep("{ ls $(", "); }", 5000),
    deep("if ls $(", "); then ls; fi", 5000),
    deep("( `", "` )", 5000),
    "$(".repeat(100_000),
    `${"sudo ".repeat(5000)}ls`,
    `${"env ".repeat(5000)}ls`,
    "sh -c 'ls';".repeat(3000),
  ])
    t.equal(read(line).access, "unknown", `${line.slice(0, 20)}.. of ${line.length}`);
  t.ok(read(`ls ${"x ".repeat(9000)}`).opaque.length === 0, "up to there it is known");
  t.ok(read(deep("( ", " )", 50)).opaque.length === 0, "to that depth it is known");
  t.ok(read("fi;".repeat(1000)).opaque.length <= 20, "an operator gets a few reasons");
  t.end();
});

t.test("whatever the line, there is an answer, and it is the same again", (t) => {
  const lines = new Lines(1);
  let known = 0;
  for (let count = 0; count < 5000; count++) {
    const line = lines.next();
    const facts = read(line);
    if (facts.opaque.length === 0) known++;
    if (
      (facts.access === "unknown") !== facts.opaque.length > 0 ||
      facts.programs.length > facts.commands.length
    )
      t.fail("the facts contradict each other", { line, facts });
  }
  t.ok(known > 500 && known < 4500, `${known} of 5000 are known`);
  t.end();
});
