/** The part of a D1 database that migrations need, over Cloudflare's API. */
import type { MigrationDatabase, MigrationStatement } from "@samovar/api/database/migrate";
import * as z from "zod";
import type { CloudflareApi } from "./cloudflare-api.ts";

interface Query {
  readonly sql: string;
  readonly params: readonly (string | number)[];
}

const rows = z.array(z.object({ results: z.array(z.record(z.string(), z.unknown())) }));

/** One of the statements that {@link openDatabase} prepares. */
class Statement implements MigrationStatement {
  readonly query: Query;
  readonly #send: (body: unknown) => Promise<z.infer<typeof rows>>;

  constructor(send: (body: unknown) => Promise<z.infer<typeof rows>>, query: Query) {
    this.#send = send;
    this.query = query;
  }

  bind(...params: readonly (string | number)[]): Statement {
    return new Statement(this.#send, { ...this.query, params });
  }

  run(): Promise<unknown> {
    return this.#send(this.query);
  }

  async all<Row>(): Promise<{ readonly results: readonly Row[] }> {
    const [first] = await this.#send(this.query);
    return { results: (first?.results ?? []) as Row[] };
  }
}

export function openDatabase(api: CloudflareApi, databaseId: string): MigrationDatabase {
  const send = (body: unknown) => api.call("POST", `{account}/d1/database/${databaseId}/query`, rows, body);
  return {
    prepare: (sql) => new Statement(send, { sql, params: [] }),
    batch: (statements) =>
      send({ batch: statements.map((each) => (each instanceof Statement ? each.query : refuseForeign())) }),
  };
}

function refuseForeign(): never {
  throw new Error("a statement of another database");
}

const bookmark = z.object({ bookmark: z.string() });

/** The bookmark of the database's current state, to which Time Travel can return for 30 days (7 on the free plan). */
export async function readBookmark(api: CloudflareApi, databaseId: string): Promise<string> {
  return (await api.call("GET", `{account}/d1/database/${databaseId}/time_travel/bookmark`, bookmark)).bookmark;
}
