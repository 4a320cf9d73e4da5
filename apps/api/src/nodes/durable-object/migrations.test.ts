/** The migrations of a node's object. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { expect, it } from "vitest";
import { migrateObject } from "../../database/migrate-object.ts";
import { NODE_MIGRATIONS } from "./migrations.ts";
import { getNodeObject } from "./stub.ts";

it("are applied once, and an edited history is refused", async () => {
  const nodeId = idSource(systemClock, systemRandom).make("nod");
  await runInDurableObject(getNodeObject(env, nodeId), (_object, state) => {
    expect(() => migrateObject(state.storage, NODE_MIGRATIONS)).not.toThrow();
    const edited = NODE_MIGRATIONS.map((migration) => ({ ...migration, sql: `${migration.sql} ` }));
    expect(() => migrateObject(state.storage, edited)).toThrow(/edited or removed/);
  });
});
