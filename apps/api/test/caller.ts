/** Calls the control plane as a person would: a signed-in owner, or another user. */
import { env } from "cloudflare:workers";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import type { UserId } from "@samovar/base";
import { setupReply } from "@samovar/contracts";
import { database } from "../src/database/index.ts";
import { users } from "../src/database/schema.ts";
import { depsFor } from "../src/deps.ts";
import type { Ports } from "../src/deps.ts";
import { createApp } from "../src/app.ts";
import type { AuditActor } from "../src/audit/store.ts";
import type { Caller } from "../src/http/context.ts";
import { mintApiToken } from "../src/identity/api-tokens.ts";
import { TEST_SETTINGS } from "./settings.ts";

export const ids = idSource(systemClock, systemRandom);
export const ORIGIN = TEST_SETTINGS.PUBLIC_URL;

/** A clock that stands still until it is moved. */
export function manualClock(at = Date.now()): { now: () => number; advance: (ms: number) => void } {
  let time = at;
  return {
    now: () => time,
    advance: (ms) => {
      time += ms;
    },
  };
}

export interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
}

/** One control plane of the tests, over the bindings of this file. */
export function controlPlane(
  ports: Ports = { clock: systemClock, random: systemRandom },
  settings: Record<string, string> = {},
) {
  const app = createApp(ports);
  const bindings = Object.keys(settings).length === 0 ? env : { ...env, ...settings };

  /** `path`: also a whole address, for a call by another name. */
  const ask = async (path: string, { method, body, token, headers }: Ask = {}): Promise<Response> =>
    app.request(
      new URL(path, ORIGIN).href,
      {
        method: method ?? (body === undefined ? "GET" : "POST"),
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      },
      bindings,
    );

  const setUp = async () =>
    setupReply.parse(
      await (await ask("/api/identity/setup", { body: {}, token: TEST_SETTINGS.OPERATOR_SECRET })).json(),
    );

  return { app, env: bindings, ask, setUp, deps: depsFor(bindings, ports) };
}

/** A second person, with an API token of their own. */
export async function anotherUser(name = "Another user"): Promise<{ id: UserId; token: string }> {
  const id = ids.make("usr");
  await database(env).insert(users).values({ id, name, createdAt: Date.now() });
  return { id, token: await tokenOf(id) };
}

/** For actions whose actor does not matter to a test. */
export const actorOf = (ownerId: UserId): AuditActor => ({ kind: "operator", id: null, ownerId });

/** A new API token of a person, with which requests can be sent. */
export async function tokenOf(ownerId: UserId): Promise<string> {
  const wanted = { name: "theirs", kind: "personal", expiresAt: null } as const;
  return (await mintApiToken(depsFor(env), actorOf(ownerId), wanted)).token;
}

/** A person who has proven who they are with an API token. */
export const callerOf = (id: UserId): Caller => ({
  id,
  name: "Owner",
  via: "token",
  access: { id: ids.make("tok"), expiresAt: null },
});
