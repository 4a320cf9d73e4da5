/**
 * For tests: counts what Cloudflare charges for while the control plane works. It stands on the runtime's own classes and
 * on the objects' interfaces, so that routes, objects, workflows and the sweep are all counted, however they are called.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { NodeLifecycle } from "../src/nodes/durable-object/node-lifecycle.ts";
import { ProjectData } from "../src/sessions/durable-object/project-data.ts";
import { RunContext } from "../src/tasks/workflow/run-context.ts";
import { ids } from "./caller.ts";

export interface CountedOperations {
  /** Calls, upgrades and alarms. */
  readonly objectCalls: number;
  /** Alarms alone. */
  readonly alarms: number;
  /** Messages on sockets that an object received. */
  readonly socketMessages: number;
  readonly workflowSteps: number;
  /** Statements in objects. */
  readonly objectStatements: number;
  readonly objectRowsWritten: number;
  readonly objectRowsRead: number;
  readonly databaseQueries: number;
  readonly databaseRowsWritten: number;
  readonly databaseRowsRead: number;
}

export interface OperationCounter {
  /** Since the counter was made. */
  read(): CountedOperations;
  stop(): void;
}

interface Cursor {
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

interface DatabaseMeta {
  readonly rows_read?: number;
  readonly rows_written?: number;
}

type Call = (real: () => unknown) => unknown;

export async function countOperations(): Promise<OperationCounter> {
  const count = { objectCalls: 0, alarms: 0, socketMessages: 0, workflowSteps: 0, databaseQueries: 0 };
  const database = { written: 0, read: 0 };
  /** A cursor's counts grow while its rows are read, so they are summed at the end. */
  const cursors: Cursor[] = [];
  let alarmRows = 0;
  const { sql, storage } = await findStoragePrototypes();
  const undo = [
    replace(sql, "exec", (real) => {
      const cursor = real();
      cursors.push(cursor as Cursor);
      return cursor;
    }),
    ...["setAlarm", "deleteAlarm"].map((name) =>
      replace(storage, name, (real) => {
        alarmRows++;
        return real();
      }),
    ),
    replace(findDatabasePrototype(), "_send", async (real) => {
      const answer = await real();
      for (const { meta } of [answer].flat() as { readonly meta: DatabaseMeta }[]) {
        count.databaseQueries++;
        database.written += meta.rows_written ?? 0;
        database.read += meta.rows_read ?? 0;
      }
      return answer;
    }),
    ...[ProjectData.prototype, NodeLifecycle.prototype].flatMap((object) =>
      listMethods(object).map((name) =>
        replace(object, name, (real) => {
          if (name === "webSocketMessage") count.socketMessages++;
          else if (!name.startsWith("webSocket")) count.objectCalls++;
          if (name === "alarm") count.alarms++;
          return real();
        }),
      ),
    ),
    ...["once", "attemptAt", "pause", "waitForSignal"].map((name) =>
      replace(RunContext.prototype, name, (real) => {
        count.workflowSteps++;
        return real();
      }),
    ),
  ];
  return {
    read: () => ({
      ...count,
      objectStatements: cursors.length,
      objectRowsWritten: alarmRows + cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0),
      objectRowsRead: cursors.reduce((sum, cursor) => sum + cursor.rowsRead, 0),
      databaseRowsWritten: database.written,
      databaseRowsRead: database.read,
    }),
    stop: () => {
      for (const each of undo) each();
    },
  };
}

export function subtractCounts(after: CountedOperations, before: CountedOperations): CountedOperations {
  return {
    objectCalls: after.objectCalls - before.objectCalls,
    alarms: after.alarms - before.alarms,
    socketMessages: after.socketMessages - before.socketMessages,
    workflowSteps: after.workflowSteps - before.workflowSteps,
    objectStatements: after.objectStatements - before.objectStatements,
    objectRowsWritten: after.objectRowsWritten - before.objectRowsWritten,
    objectRowsRead: after.objectRowsRead - before.objectRowsRead,
    databaseQueries: after.databaseQueries - before.databaseQueries,
    databaseRowsWritten: after.databaseRowsWritten - before.databaseRowsWritten,
    databaseRowsRead: after.databaseRowsRead - before.databaseRowsRead,
  };
}

async function findStoragePrototypes(): Promise<{ readonly sql: object; readonly storage: object }> {
  const stub = env.PROJECT_DATA.getByName(ids.make("prj"));
  return runInDurableObject(stub, (_object, { storage }) => ({
    sql: Object.getPrototypeOf(storage.sql),
    storage: Object.getPrototypeOf(storage),
  }));
}

/** Where each of D1's answers comes through, with its counts. */
function findDatabasePrototype(): object {
  const session: unknown = Reflect.get(env.DB, "alwaysPrimarySession");
  if (typeof session !== "object" || session === null) throw new Error("D1 has no primary session");
  const own: object = Object.getPrototypeOf(session);
  return Object.hasOwn(own, "_send") ? own : Object.getPrototypeOf(own);
}

const listMethods = (prototype: object): readonly string[] =>
  Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");

function replace(owner: object, name: string, call: Call): () => void {
  const real: unknown = Reflect.get(owner, name);
  if (typeof real !== "function") throw new Error(`there is no ${name} to count`);
  const value = function (this: unknown, ...args: unknown[]): unknown {
    return call(() => Reflect.apply(real, this, args));
  };
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => Object.defineProperty(owner, name, { value: real, configurable: true, writable: true });
}
