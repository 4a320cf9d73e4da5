/** What `0002_access` does with the sign-ins and API tokens of a database that was in use. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { API_TOKEN_TTL_MS, signInSessionId } from "@samovar/contracts";
import { expect, it } from "vitest";
import { MIGRATIONS } from "../../test/migrations.ts";
import { applyMigrations } from "./migrate.ts";

const before = MIGRATIONS.filter(({ name }) => name < "0002");

it("[security 12] keeps browsers signed in, and gives every API token an end", async () => {
  await reset();
  await applyMigrations(env.DB, before);
  await env.DB.batch([
    env.DB.prepare("INSERT INTO users VALUES ('usr_1', 'Owner', 1)"),
    env.DB.prepare("INSERT INTO cookie_sessions VALUES ('hash-1', 'usr_1', 1, 9), ('hash-2', 'usr_1', 2, 8)"),
    env.DB.prepare(
      "INSERT INTO api_tokens VALUES ('tok_1', 'usr_1', 'CLI', 'h1', 1, NULL, NULL), ('tok_2', 'usr_1', 'ci', 'h2', 1, NULL, NULL), ('tok_3', 'usr_1', 'CLI', 'h3', 1, 7, NULL)",
    ),
  ]);
  const migratedAt = Date.now();
  await applyMigrations(env.DB, MIGRATIONS);
  const { results: sessions } = await env.DB.prepare(
    "SELECT id, hash, user_agent, expires_at FROM sign_in_sessions ORDER BY hash",
  ).all();
  expect(sessions).toMatchObject([
    { hash: "hash-1", user_agent: "", expires_at: 9 },
    { hash: "hash-2", user_agent: "", expires_at: 8 },
  ]);
  for (const { id } of sessions) expect(signInSessionId.safeParse(id).success).toBe(true);
  const { results: tokens } = await env.DB.prepare("SELECT id, kind, expires_at FROM api_tokens ORDER BY id").all();
  expect(tokens).toMatchObject([
    { id: "tok_1", kind: "local", expires_at: null },
    { id: "tok_2", kind: "personal" },
    { id: "tok_3", kind: "personal", expires_at: 7 },
  ]);
  const left = Number(tokens[1]?.["expires_at"]) - migratedAt;
  expect(Math.abs(left - API_TOKEN_TTL_MS.default)).toBeLessThan(60_000);
});
