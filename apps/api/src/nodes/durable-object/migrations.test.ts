/** What a node's object makes of storage that an earlier version has written. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import type { NodeId } from "@samovar/base";
import type { SlotLease } from "@samovar/domain/node-record";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { migrateObject } from "../../database/migrate-object.ts";
import { nodeObject } from "./stub.ts";
import { NODE_MIGRATIONS } from "./migrations.ts";
import { aHolder, aNode, anOwner, stopClock } from "./node.fixture.ts";
import { scriptedCloud } from "./scripted-cloud.ts";
import { NodeStorage } from "./storage.ts";

let lease: SlotLease;
let nodeId: NodeId;
const node = () => nodeObject(env, nodeId);

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  const owner = await anOwner();
  lease = await aHolder(owner);
  nodeId = await aNode(lease, owner);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("migrations run once, and an edited past is refused", async () => {
  await runInDurableObject(node(), (_object, state) => {
    expect(() => migrateObject(state.storage, NODE_MIGRATIONS)).not.toThrow();
    const edited = NODE_MIGRATIONS.map((migration) => ({ ...migration, sql: `${migration.sql} ` }));
    expect(() => migrateObject(state.storage, edited)).toThrow(/edited or removed/);
  });
});

it("a slot from before workspaces were told apart is not a kept one; nothing else changes", async () => {
  const before = await node().view();
  await runInDurableObject(node(), (_object, state) => {
    state.storage.sql.exec("UPDATE node SET record = json_remove(record, '$.slots[0].retained')");
    const keptSlots = NODE_MIGRATIONS.find(({ name }) => name === "0004_kept_slots");
    state.storage.sql.exec(keptSlots?.sql ?? "");
    expect(new NodeStorage(state.storage).node()?.record.slots).toMatchObject([{ lease, retained: false, lost: null }]);
  });
  expect(await node().view()).toEqual(before);
});
