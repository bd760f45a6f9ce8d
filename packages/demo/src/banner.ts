import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Demo } from "./environment.ts";
import { paint } from "./progress.ts";

/** A file to source in another terminal, so that every client finds its way. */
export async function writeVariables({ folder, variables }: Demo): Promise<string> {
  const path = join(folder, "env");
  const lines = Object.entries({ ...variables, NODE_EXTRA_CA_CERTS: variables["GATEHOUSE_CA"] ?? "" }).map(
    ([name, value]) => `export ${name}=${quoted(value)}\n`,
  );
  await writeFile(path, lines.join(""), { mode: 0o600 });
  return path;
}

/** For a POSIX shell: as it is where no character needs care. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What to try, as commands that work when they are copied. */
export function banner(demo: Demo, variablesFile: string): string {
  const bold = (text: string) => paint("bold", text, process.stdout);
  const dim = (text: string) => paint("dim", text, process.stdout);
  const { PGPORT, GATEHOUSE_SSH_PORT, GATEHOUSE_HTTP_URL, GATEHOUSE_URL } = demo.variables;
  const repository = quoted(join(import.meta.dirname, "..", "..", ".."));
  return `
${bold("Gatehouse is up.")}  PostgreSQL clients: localhost:${PGPORT}   SSH: localhost:${GATEHOUSE_SSH_PORT}   HTTP: ${GATEHOUSE_HTTP_URL}   control plane: ${GATEHOUSE_URL}

In another terminal, first become the agent ${bold("crew-analyst")}, who may read and nothing else:

  . ${quoted(variablesFile)}

then any client that speaks PostgreSQL:

  ${dim("# psql")}
  psql -c 'select id, name, city from customers limit 2'
  psql -c 'select name, contact, upper(contact) from customer_contacts limit 2'
  psql -c 'drop table orders'

  ${dim("# Python (pip install 'psycopg[binary]')")}
  python3 -c 'import psycopg; print(psycopg.connect().execute("select count(*) from orders").fetchone())'

  ${dim("# Node")}
  cd ${repository} && node -e 'const { Client } = require("pg"); const c = new Client(); c.connect().then(() => c.query("select count(*) from orders")).then((r) => console.log(r.rows)).finally(() => c.end())'

Other ways in, and what is on the record:

  ${dim("# the agent that writes, and the person dana")}
  PGUSER=writer PGPASSWORD=$WRITER_TOKEN psql -c "update orders set status = 'open' where id = 1"
  PGUSER=writer PGPASSWORD=$GATEHOUSE_TOKEN psql -c 'select customer_email(1)'

  ${dim("# what an agent deletes waits for dana: this one in the background, who waits, and dana's word")}
  PGUSER=writer PGPASSWORD=$WRITER_TOKEN psql -c 'delete from payments where order_id = 7' &
  cd ${repository}
  npm run -s gatehouse -- approvals
  npm run -s gatehouse -- approve ID --reason 'The order was a test.'

  ${dim("# dana at the web server: what reads is let through, secrets are hidden, a shell is recorded")}
  alias web='ssh -i $GATEHOUSE_SSH_KEY -o IdentitiesOnly=yes -o UserKnownHostsFile=$GATEHOUSE_KNOWN_HOSTS -p $GATEHOUSE_SSH_PORT deploy@web@localhost'
  web cat app/env
  web rm -rf app
  web

  ${dim("# an API that the agents have no secret for: reads are let through, deletes refused, refunds wait for dana")}
  curl --cacert $GATEHOUSE_CA -H "Authorization: Bearer $AGENT_TOKEN" $GATEHOUSE_HTTP_URL/api/v1/orders
  curl --cacert $GATEHOUSE_CA -H "Authorization: Bearer $AGENT_TOKEN" -X DELETE $GATEHOUSE_HTTP_URL/api/v1/orders/1
  curl --cacert $GATEHOUSE_CA -H "Authorization: Bearer $WRITER_TOKEN" --json '{"order":3}' $GATEHOUSE_HTTP_URL/api/v1/refunds &

  ${dim("# a model with OpenAI's shape: an SDK's base URL is $GATEHOUSE_HTTP_URL/model/v1; what it lets slip is masked as it streams")}
  curl -N --cacert $GATEHOUSE_CA -H "Authorization: Bearer $AGENT_TOKEN" --json '{"model":"demo-1","stream":true,"messages":[{"role":"user","content":"Why?"}]}' $GATEHOUSE_HTTP_URL/model/v1/chat/completions

  ${dim("# which rule decides, and is the audit log whole?")}
  cd ${repository}
  npm run -s gatehouse -- policy explain --config $GATEHOUSE_CONFIG --group crew-analyst --target orders --level reader 'drop table orders'
  npm run -s gatehouse -- audit verify $GATEHOUSE_STATE
  tail -n 3 $GATEHOUSE_STATE/audit/audit.jsonl

The config and the policies are in ${demo.folder}. ${bold("Ctrl-C")} stops it all and removes them.
`;
}
