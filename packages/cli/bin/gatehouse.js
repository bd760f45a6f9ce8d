#!/usr/bin/env node
// Runs the command on the pinned Node, whatever Node is on the machine.
process.argv.splice(2, 0, "packages/cli/src/main.ts");
await import("@gatehouse/toolchain/run");
