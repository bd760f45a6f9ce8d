import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "@gatehouse/core";
import { readRecording } from "@gatehouse/recording";
import type { Demo } from "./environment.ts";
import { gatehouse, waiting } from "./person.ts";
import { expect, type Step } from "./step.ts";
import { atWeb, download, run, type, upload } from "./web-client.ts";
import { SECRET } from "./web.ts";

/** What the demo shows of SSH. */
export const webStory: readonly Step[] = [
  {
    shows: "ssh: a command that reads runs, as dana, who came by a key of hers",
    play: (demo) =>
      atWeb(demo, "dana", async (client) => {
        const { code, out } = await run(client, "cat app/status");
        expect(code === 0 && out.startsWith("app 1.4.2"), `${code}: ${out}`);
      }),
  },
  {
    shows: "ssh: a command that no rule allows ends with 126 and its reason, and never reaches the target",
    play: (demo) =>
      atWeb(demo, "dana", async (client) => {
        const { code, err } = await run(client, "rm -rf app; true");
        expect(code === 126 && err.includes("Reference: ref_"), `${code}: ${err}`);
        expect(!demo.web.server.ran.some((line) => line.includes("rm")), "the target was asked");
      }),
  },
  {
    shows: "ssh: a restart waits for a person: dana approves it, and it is run once",
    play: (demo) =>
      atWeb(demo, "crew-ops", async (client) => {
        let said = "";
        const restarted = run(client, "systemctl restart app", (err) => {
          said = err;
        });
        const held = await waiting(demo);
        expect(/Held by the rule "restarts"/.test(said), `it was told ${said}`);
        expect((await restarts(demo)) === 0, "it was run before anybody approved");
        const { code, stderr } = await gatehouse(demo, ["approve", held, "--reason", "Go on."]);
        expect(code === 0, stderr);
        const ended = await restarted;
        expect(ended.code === 0 && ended.out === "app restarted\n", JSON.stringify(ended));
        expect((await restarts(demo)) === 1, "it was not run once");
      }),
  },
  {
    shows: "ssh: a secret in what a command prints is hidden",
    play: (demo) =>
      atWeb(demo, "dana", async (client) => {
        const { out } = await run(client, "cat app/env");
        expect(out.includes("REGION=eu-central-1") && !out.includes(SECRET), out);
      }),
  },
  {
    shows: "sftp: a file may be fetched, and none put there",
    play: (demo) =>
      atWeb(demo, "crew-ops", async (client) => {
        expect((await download(client, "app/status")).startsWith("app 1.4.2"), "the file was not fetched");
        const refused = await upload(client, "app/status", "planted").then(
          () => "it was let through",
          messageOf,
        );
        expect(refused.includes("Files get there by deployments."), refused);
        const kept = await readFile(join(demo.web.folder, "app", "status"), "utf8");
        expect(kept.startsWith("app 1.4.2"), "the file was changed");
      }),
  },
  {
    shows: "ssh: a shell is recorded as it was shown, and plays back",
    play: (demo) =>
      atWeb(demo, "dana", async (client) => {
        const shown = await type(client, ["cat app/status", "exit"]);
        expect(shown.includes("app 1.4.2"), shown);
        const played = await recorded(demo);
        expect(played.includes(shown), `the recordings have ${JSON.stringify(played)}`);
      }),
  },
];

/** How often the target has restarted something. */
async function restarts(demo: Demo): Promise<number> {
  const lines = await readFile(join(demo.web.folder, "run", "restarts"), "utf8").catch(() => "");
  return lines.split("\n").length - 1;
}

/** The output of each recording that there is. */
async function recorded({ folder }: Demo): Promise<readonly string[]> {
  const recordings = join(folder, "state", "recordings");
  const files = (await readdir(recordings, { recursive: true })).filter((file) => file.endsWith(".cast"));
  return Promise.all(
    files.map(async (file) => {
      let output = "";
      for await (const event of readRecording(join(recordings, file))) {
        if (event.kind === "output") output += event.text;
      }
      return output;
    }),
  );
}
