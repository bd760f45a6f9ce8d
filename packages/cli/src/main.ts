import { GatehouseError, messageOf } from "@gatehouse/core";
import { version } from "@gatehouse/gateway/version";
import { Command, CommanderError, Option } from "commander";
import {
  type AnswerOptions,
  type GrantsOptions,
  grantArgument,
  idArgument,
  lengthArgument,
  type ListOptions,
  type RequestOptions,
  type RevokeOptions,
  type ShowOptions,
  states,
  urlArgument,
} from "./approvals-options.ts";
import { headArgument, type VerifyOptions } from "./audit-options.ts";
import type { CheckOptions } from "./check.ts";
import type { ExplainOptions } from "./explain.ts";
import { Failed, Misused, paint, printError } from "./output.ts";
import type { TestOptions } from "./policy-test.ts";
import {
  type CertOptions,
  fileArgument,
  hostArgument,
  portArgument,
  type SshConfigOptions,
  type Way,
  wayArgument,
} from "./ssh-options.ts";

/** Exit codes: 0 done, 1 refused or failed, 2 called in a way that makes no sense. */
const REFUSED = 1;
const USAGE = 2;

/** Each command's code is loaded when it is called, so that `--help` does not wait for a database's parser. */
function program(): Command {
  const gatehouse = new Command("gatehouse")
    .description("An access gateway that knows who asks and understands each command.")
    .version(version)
    .exitOverride()
    .showHelpAfterError("(--help says how)")
    .helpCommand(false);
  const config = () => new Option("-c, --config <file>", "the config").default("gatehouse.yaml");
  const json = () => new Option("--json", "print JSON").default(false);

  gatehouse
    .command("serve")
    .description("run the gateway until SIGTERM or Ctrl-C; SIGHUP reads config and policies again")
    .addOption(config())
    .action(async (options: { config: string }) => (await import("./serve.ts")).serve(options));

  gatehouse
    .command("check")
    .description("read config, policies, secrets and certificates, and say what is wrong with them")
    .addOption(config())
    .option("--targets", "try every level of every target for real, with users made and removed", false)
    .addOption(json())
    .action(async (options: CheckOptions) => (await import("./check.ts")).check(options));

  const policy = gatehouse.command("policy").description("look into policies").helpCommand(false);
  policy
    .command("explain")
    .description("say which rule decides a command, what each rule says to it, and what masks hide")
    .argument("<command>", "the command's text: a statement of SQL, a command line, a request of HTTP")
    .addOption(config())
    .requiredOption("-t, --target <name>", "the target")
    .requiredOption("-l, --level <name>", "the level")
    .option("-s, --subject <name>", "who asks", "somebody")
    .option("-g, --group <name>", "a group of who asks; may be given several times", collect, [])
    .addOption(new Option("--kind <kind>", "what asks").choices(["human", "workload"]).default("workload"))
    .option("--client <host>", "where the client is", "127.0.0.1")
    .option("--catalog <file>", "what the target holds, as `policy catalog` has printed it")
    .addOption(json())
    .action(async (text: string, options: ExplainOptions) =>
      (await import("./explain.ts")).explain(text, options),
    );

  policy
    .command("test")
    .description("run the cases that stand beside the policies, and say which rules decided none")
    .argument("[files...]", "files of cases; without any, *.test.yaml beside the policies")
    .addOption(config())
    .option("--every-rule", "fail also where a rule decided no case", false)
    .addOption(json())
    .action(async (files: string[], options: TestOptions) =>
      (await import("./policy-test.ts")).test(files, options),
    );

  policy
    .command("catalog")
    .description("print what a target holds (names and types, no values), for explain and test without it")
    .argument("<target>", "the target, which must be running")
    .addOption(config())
    .action(async (target: string, options: { config: string }) =>
      (await import("./catalog.ts")).catalog(target, options),
    );

  const audit = gatehouse.command("audit").description("look into the audit log").helpCommand(false);
  audit
    .command("verify")
    .description("check that no line of an audit log was changed, removed or moved")
    .argument("[path]", "the log, or the state folder it is in", "state")
    .addOption(
      new Option("--head <seq:hash>", "a head that an earlier verify printed").argParser(headArgument),
    )
    .addOption(json())
    .action(async (path: string, options: VerifyOptions) =>
      (await import("./audit.ts")).verify(path, options),
    );

  const approvals = gatehouse
    .command("approvals")
    .description("see what is held, and by which rule")
    .helpCommand(false);
  asking(approvals.command("list", { isDefault: true }))
    .description("list what waits for people (also without the word `list`)")
    .addOption(new Option("--state <state>", "those in this state").choices(states).default("pending"))
    .addOption(new Option("--before <id>", "older ones than this one").argParser(idArgument))
    .option("--watch", "follow the changes until Ctrl-C", false)
    .addOption(json())
    .action(async (options: ListOptions) => (await import("./approvals.ts")).list(options));
  asking(approvals.command("show"))
    .description("say all that an approver should know")
    .argument("<id>", "the approval", idArgument)
    .option("--full", "all of what is long", false)
    .addOption(json())
    .action(async (id: string, options: ShowOptions) => (await import("./approvals.ts")).show(id, options));
  for (const [name, description] of [
    ["approve", "say yes to what is held"],
    ["deny", "say no to what is held: its client is told, with the reason"],
  ] as const)
    asking(gatehouse.command(name))
      .description(description)
      .argument("<id>", "the approval", idArgument)
      .option("--reason <text>", "why; whoever asked reads it")
      .addOption(json())
      .action(async (id: string, options: AnswerOptions) =>
        (await import("./approvals.ts")).answer(id, name, options),
      );

  asking(gatehouse.command("request"))
    .description("ask to be let in where that needs somebody's yes, for a time")
    .argument("<target>", "the target")
    .requiredOption("--as <level>", "the level")
    .addOption(new Option("--for <time>", "how long, such as 30m").argParser(lengthArgument))
    .option("--reason <text>", "why; whoever may say yes reads it")
    .option("--wait", "wait for the answer: exit code 0 with a grant, 1 without", false)
    .addOption(json())
    .action(async (target: string, options: RequestOptions) =>
      (await import("./request.ts")).request(target, options),
    );

  const grants = gatehouse
    .command("grants")
    .description("see who is let in by somebody's yes, and take that back")
    .helpCommand(false);
  asking(grants.command("list", { isDefault: true }))
    .description("list the grants that let somebody in now (also without the word `list`)")
    .addOption(json())
    .action(async (options: GrantsOptions) => (await import("./grants.ts")).list(options));
  asking(grants.command("show"))
    .description("say all of one, also of one that has ended")
    .argument("<id>", "the grant", grantArgument)
    .addOption(json())
    .action(async (id: string, options: GrantsOptions) => (await import("./grants.ts")).show(id, options));
  asking(grants.command("revoke"))
    .description("take one back: it lets nobody in any more, and its sessions end")
    .argument("<id>", "the grant", grantArgument)
    .option("--reason <text>", "why; its sessions are told")
    .addOption(json())
    .action(async (id: string, options: RevokeOptions) => (await import("./grants.ts")).revoke(id, options));

  asking(gatehouse.command("ssh-cert"))
    .description("fetch a certificate by which ssh logs in, and put it into the agent or a file")
    .option("--out <file>", "a private key: made where there is none; the certificate goes beside it")
    .option("--key <file.pub>", "a public key of your own, whose certificate goes beside it")
    .option("--agent", "put it into the agent (SSH_AUTH_SOCK); the default without --out and --key")
    .option("--no-agent", "keep it out of the agent")
    .addOption(
      new Option("--lifetime <time>", "for less time than it may last, such as 1h").argParser(lengthArgument),
    )
    .addOption(json())
    .action(async (options: CertOptions) => (await import("./ssh-cert.ts")).sshCert(options));

  asking(gatehouse.command("ssh-config"))
    .description("print what ssh's config needs to reach targets through the gateway")
    .argument(
      "[login@target...]",
      "logins that get a host of their own, such as deploy@web: web.gatehouse",
      wayArgument,
    )
    .addOption(
      new Option("--name <host>", "what ssh calls the gateway").default("gatehouse").argParser(hostArgument),
    )
    .addOption(
      new Option("--host <host>", "where it is; where the control plane is, unless said").argParser(
        hostArgument,
      ),
    )
    .addOption(
      new Option("--port <port>", "its port; as the gateway says, unless said").argParser(portArgument),
    )
    .addOption(
      new Option(
        "--identity <file>",
        "the private key that `ssh-cert --out` has made; without it the agent's",
      ).argParser(fileArgument),
    )
    .option("--known-hosts", "print the gateway's own keys instead, for the file of known hosts", false)
    .addOption(
      new Option("--known-hosts-file <file>", "where those are")
        .default("~/.ssh/gatehouse_known_hosts")
        .argParser(fileArgument),
    )
    .addOption(json())
    .action(async (ways: readonly Way[], options: SshConfigOptions) =>
      (await import("./ssh-config.ts")).sshConfig(ways, options),
    );

  return gatehouse;
}

/** Of a command that asks a control plane. There is no option for the token itself: everybody on the machine sees those. */
function asking(command: Command): Command {
  return command
    .addOption(
      new Option("--url <url>", "the control plane")
        .env("GATEHOUSE_URL")
        .argParser(urlArgument)
        .makeOptionMandatory(),
    )
    .option("--token-file <file>", "a file with an access token, in place of GATEHOUSE_TOKEN")
    .addOption(new Option("--ca <file>", "certificates to trust").env("GATEHOUSE_CA"));
}

// `gatehouse ... | head` has read what it wants: no reason for a stack trace.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(REFUSED);
});
try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function report(error: unknown): number {
  if (error instanceof Failed) return REFUSED;
  // Commander has printed what it has to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  printError(`${paint("red", "✘", process.stderr)} ${messageOf(error)}`);
  if (error instanceof Misused) {
    printError("(--help says how)");
    return USAGE;
  }
  if (error instanceof GatehouseError) {
    if (error.hint !== undefined) printError(`  ${error.hint}`);
    printError(`  ${error.code}`);
  } else if (error instanceof Error && process.env["DEBUG"] !== undefined) printError(error.stack ?? "");
  return REFUSED;
}
