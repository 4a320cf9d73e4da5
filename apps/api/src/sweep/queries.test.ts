/** How often one sweep queries D1 after a long outage, when every phase has more to repair than it may. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ids } from "../../test/caller.ts";
import { aHolder, anOwner, stopClock } from "../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { PER_SWEEP } from "./phase.ts";
import { runSweep } from "./sweep.ts";

/** Of the smallest paid plan, for one invocation. */
const MOST_QUERIES = 1_000;
const ROWS = 200;

beforeEach(() => stopClock());
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** The database, and how many statements it was sent; each statement of a batch counts. */
function countQueries(db: D1Database): { db: D1Database; queries: () => number } {
  let queries = 0;
  const real = new WeakMap<object, D1PreparedStatement>();
  const wrapStatement = (statement: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = new Proxy(statement, {
      get(target, name) {
        if (name === "bind") return (...values: unknown[]) => wrapStatement(target.bind(...values));
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          queries++;
          return Reflect.apply(member, target, args);
        };
      },
    });
    real.set(wrapped, statement);
    return wrapped;
  };
  const counted = new Proxy(db, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => wrapStatement(target.prepare(sql));
      if (name === "batch")
        return (statements: D1PreparedStatement[]) => {
          queries += statements.length;
          return target.batch(statements.map((each) => real.get(each) ?? each));
        };
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  return { db: counted, queries: () => queries };
}

const insertAll = async (sql: string, rows: readonly (readonly unknown[])[]): Promise<void> => {
  await env.DB.batch(rows.map((row) => env.DB.prepare(sql).bind(...row)));
};
const many = <T>(make: (n: number) => T): T[] => Array.from({ length: ROWS }, (_, n) => make(n));

it("[F17] stays below the platform's limit with two hundred rows in each phase, and later sweeps do the rest", async () => {
  const cloud = scriptedCloud();
  const owner = await anOwner();
  const { projectId } = await aHolder(owner);
  const outbox = JSON.stringify({ pending: 0, deadLetters: 0, lastDeadLetterReason: null });
  const NODE =
    "INSERT INTO nodes (id, owner_id, name, provider, size, state, version, epoch, slots, task_ids, outbox, max_lifetime_at, created_at, server_id, warm_until, destroyed_at) VALUES (?, ?, ?, 'hetzner', 'small', ?, ?, 1, 3, '[]', ?, 1, 1, ?, 1, ?)";
  const aRow = (state: string, version: number, server: string | null, destroyedAt: number | null) => {
    const id = ids.make("nod");
    return [id, owner, id, state, version, outbox, server, destroyedAt];
  };
  await insertAll(
    NODE,
    many(() => aRow("warm", 0, null, null)),
  );
  await insertAll(
    NODE,
    many(() => aRow("destroyed", 3, null, 1)),
  );
  await insertAll(
    NODE,
    many((n) => aRow("draining", 3, String(9_000 + n), null)),
  );
  for (let n = 0; n < ROWS; n++) cloud.add({ name: `samovar-lost-${n}`, ageMs: 365 * 86_400_000 });
  const WORKSPACE =
    "INSERT INTO workspaces (id, owner_id, project_id, session_id, task_id, node_id, state, retained_until, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 1)";
  const TASK =
    "INSERT INTO tasks (id, project_id, session_id, title, description, prompt_message_id, status, run_id, version, created_at, updated_at) VALUES (?, ?, ?, 'T', 'Do it', ?, ?, ?, 1, 1, 1)";
  const aTask = () => ({
    id: ids.make("tsk"),
    session: ids.make("ses"),
    workspace: ids.make("wsp"),
    node: ids.make("nod"),
  });
  for (const [status, state] of [
    ["in_progress", "busy"],
    ["failed", "busy"],
    ["completed", "retained"],
    ["completed", "destroying"],
  ] as const) {
    const made = many(aTask);
    await insertAll(
      TASK,
      made.map(({ id, session }) => [id, projectId, session, ids.messageId(), status, ids.make("run")]),
    );
    await insertAll(
      WORKSPACE,
      made.map(({ id, session, workspace, node }) => [
        workspace,
        owner,
        projectId,
        session,
        id,
        node,
        state,
        state === "busy" ? null : 1,
      ]),
    );
  }
  await insertAll(
    "INSERT INTO finished_runs (run_id, finished_at) VALUES (?, 1)",
    many(() => [ids.make("run")]),
  );
  await insertAll(
    "INSERT INTO viewer_access (access_id, project_id) VALUES (?, ?)",
    many(() => [ids.make("tok"), projectId]),
  );
  await insertAll(
    "INSERT INTO idempotency_keys (owner_id, key, request_hash, resource_id, created_at) VALUES (?, ?, 'h', 'r', 1)",
    many((n) => [owner, `key-${n}`]),
  );

  const counted = countQueries(env.DB);
  const reports = await runSweep({ ...env, DB: counted.db }, Date.now());

  expect(reports.filter(({ ok }) => !ok)).toEqual([]);
  // The others are one statement each, however many rows there are; nothing is restored here.
  for (const { phase, found } of reports.filter((each) => !/^(old-|restored$)/.test(each.phase)))
    expect(found, phase).toBe(PER_SWEEP);
  expect(counted.queries()).toBeLessThan(MOST_QUERIES);
  const first = new Map(reports.map(({ phase, acted }) => [phase, acted]));
  const again = await runSweep(env, Date.now());
  for (const phase of ["stale-nodes", "destroyed-nodes", "retained-workspaces", "orphan-runs", "abandoned-workspaces"])
    expect(again.find((each) => each.phase === phase)?.acted, phase).toBe(first.get(phase));
});
