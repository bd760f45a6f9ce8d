import type { Access } from "../facts.ts";
import { only, type Subcommand, subcommands } from "../program.ts";
import type { Table } from "./table.ts";

/*
 * Programs whose subcommand tells what they do. Those that run programs (exec, edit, run) are not listed, and so make
 * the line unclear.
 */

type Subcommands = Readonly<Record<string, Subcommand>>;

const units = (names: string, access: Access): Subcommands =>
  Object.fromEntries(
    names.split(" ").map((name) => [name, { options: "--now", access, terminal: access === "read" }]),
  );

const containers = subcommands({
  before: "",
  anywhere: false,
  known: {
    ps: { options: "-a -q -s -n: -f: --all --quiet --filter: --format: --no-trunc" },
    images: { options: "-a -q -f: --all --quiet --filter: --format: --no-trunc" },
    logs: { options: "-f -t -n: --follow --tail: --since: --until: --timestamps" },
    inspect: { options: "-f: -s --format: --size --type:" },
    stats: { options: "-a --no-stream --all --format:" },
    top: { options: "" },
    port: { options: "" },
    version: { options: "-f: --format:" },
    info: { options: "-f: --format:" },
    start: { options: "", access: "admin" },
    stop: { options: "-t: --time:", access: "admin" },
    restart: { options: "-t: --time:", access: "admin" },
    kill: { options: "-s: --signal:", access: "admin" },
    rm: { options: "-f -v --force --volumes", access: "admin" },
  },
});

const ADDRESSES = /^(?:s|sh|show|l|ls|list|dev|up|[0-9][0-9a-f.:/]*|e[a-z]*[0-9]+[a-z0-9]*|lo|docker0)$/;

export const services: Table = {
  docker: containers,
  podman: containers,
  ip: subcommands({
    before: "-4 -6 -s -d -o -j -p -c -h",
    anywhere: false,
    known: Object.fromEntries(
      "a ad addr address l link r ro route n neigh neighbour ru rule"
        .split(" ")
        .map((name) => [name, { options: "", operands: { like: ADDRESSES } }]),
    ),
  }),
  systemctl: subcommands({
    before:
      "-l -a -q -n: -t: -p: -o: --all --full --no-pager --no-legend --plain --quiet --user --system --type: --state: " +
      "--property: --value --lines: --failed --output:",
    anywhere: true,
    known: {
      ...units(
        "status show cat list-units list-unit-files list-timers list-sockets list-dependencies",
        "read",
      ),
      ...units("is-active is-enabled is-failed is-system-running", "read"),
      ...units(
        "start stop restart reload try-restart reload-or-restart enable disable mask unmask kill",
        "admin",
      ),
      ...units("daemon-reload daemon-reexec reset-failed reboot poweroff halt isolate", "admin"),
    },
  }),
  journalctl: only({
    options:
      "-u: -n: -f -b? -k -e -x -r -o: -p: -S: -U: -t: -a -q -g: --unit: --lines: --follow --boot? --dmesg " +
      "--reverse --output: --priority: --since: --until: --no-pager --user --system --utc --grep: --disk-usage --list-boots",
    runs: true,
    terminal: true,
  }),
  kubectl: subcommands({
    before: "-n: --namespace: -A --all-namespaces -o: --output: --no-headers",
    anywhere: true,
    known: {
      get: {
        options: "-l: -w --watch --selector: --show-labels --sort-by: --field-selector:",
        network: true,
      },
      describe: { options: "-l: --selector:", network: true },
      logs: {
        options: "-f -c: -p -l: --tail: --since: --timestamps --previous --follow --container:",
        network: true,
      },
      top: { options: "-l: --containers --sort-by:", network: true },
      version: { options: "--short --client", network: true },
    },
  }),
};
