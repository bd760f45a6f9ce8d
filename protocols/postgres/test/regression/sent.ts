import type pg from "pg";

/** What came of a text. */
export interface Outcome {
  /** Names and values of the last rows. */
  readonly fields: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** standard_conforming_strings, where that was changed. */
  readonly conforming?: string;
  readonly error?: Error;
}

/** What the types of pg leave out. */
interface Connection extends pg.Connection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/**
 * Sends a text as psql does, in one Query message, and keeps all values as the server writes them.
 * @param data of a COPY from the client, asked for when the server does
 */
export function send(client: pg.Client, text: string, data: () => string): Promise<Outcome> {
  return new Promise((resolve) => {
    let outcome: Outcome = { fields: [], rows: [] };
    let rows: (readonly (string | null)[])[] = [];
    let connection: pg.Connection | undefined;
    const reported = (message: { parameterName: string; parameterValue: string }) => {
      if (message.parameterName !== "standard_conforming_strings") return;
      outcome = { ...outcome, conforming: message.parameterValue };
    };
    const ended = (error?: Error) => {
      connection?.off("parameterStatus", reported);
      resolve(error ? { ...outcome, error } : outcome);
    };
    client.query({
      submit(opened: pg.Connection) {
        connection = opened.on("parameterStatus", reported);
        opened.query(text);
      },
      handleRowDescription({ fields }: { fields: readonly { name: string }[] }) {
        rows = [];
        outcome = { ...outcome, fields: fields.map(({ name }) => name), rows };
      },
      handleDataRow: ({ fields }: { fields: readonly (string | null)[] }) => rows.push(fields),
      handleCopyInResponse(copying: Connection) {
        copying.sendCopyFromChunk(Buffer.from(data()));
        copying.endCopyFrom();
      },
      handleCopyData() {},
      handleCommandComplete() {},
      handleEmptyQuery() {},
      // No ReadyForQuery is handed on behind it.
      handleError: ended,
      handleReadyForQuery: () => ended(),
    } as never);
  });
}
