/** The Pulumi program under mocks: what it makes, and what it protects. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createPublicKey, sign, verify, createPrivateKey } from "node:crypto";
import { expect, test } from "vitest";
import { toSigningKey } from "../../scripts/deploy/worker-plan.ts";
import { infra, type ProgramReply, runProgram } from "./pulumi/run-program.ts";

const CONFIG = { "samovar:accountId": "account", "samovar:databaseName": "samovar" };
/** Runs the sources with this configuration added. */
const run = (
  config: Readonly<Record<string, string>> = {},
  state: ProgramReply["state"] = {},
  databaseId = "database-1",
) => runProgram(join(infra, "index.ts"), { config: { ...CONFIG, ...config }, state, databaseId });

test("[R52] the stack protects its database and its generated secrets", async () => {
  const { state, secrets } = await run();

  const { "samovar-test": _stack, ...resources } = state;
  expect(Object.entries(resources).map(([name, { protect }]) => [name, protect])).toEqual(
    expect.arrayContaining(
      ["database", "installation", "operator-secret", "credentials-key", "signing-seed"].map((name) => [name, true]),
    ),
  );
  expect(state["database"]).toMatchObject({ retainOnDelete: true, inputs: { accountId: "account", name: "samovar" } });
  expect(secrets.toSorted()).toEqual(["credentialsKey", "operatorSecret", "signingSeed"]);
});

test("[R52] the stack is the same when it runs again", async () => {
  const first = await run();
  expect(await run({}, first.state, "database-2")).toEqual(first);
});

test("[R52] a domain adds a record, which no server stands behind", async () => {
  const { state } = await run({ "samovar:domain": "tea.example.org", "samovar:zoneId": "zone" });
  expect(state["address"]?.inputs).toMatchObject({
    zoneId: "zone",
    name: "tea.example.org",
    content: "100::",
    proxied: true,
  });
});

test("[R52] nothing is protected once the data may go", async () => {
  const { state } = await run({ "samovar:keepData": "false" });
  expect(Object.values(state).filter(({ protect, retainOnDelete }) => protect || retainOnDelete)).toEqual([]);
});

test("[R52] the signing key of a seed signs what its public half verifies", () => {
  const jwk = toSigningKey(Buffer.alloc(32, 7).toString("base64"));
  const { d: _private, ...publicJwk } = jwk;
  const signature = sign(null, Buffer.from("tea"), createPrivateKey({ key: jwk, format: "jwk" }));
  expect(verify(null, Buffer.from("tea"), createPublicKey({ key: publicJwk, format: "jwk" }), signature)).toBe(true);
  expect(toSigningKey(Buffer.alloc(32, 7).toString("base64"))).toEqual(jwk);
});

test("[R52] the program's types are right", () => {
  expect(execFileSync(join(infra, "../node_modules/.bin/tsc"), ["-p", infra], { encoding: "utf8" })).toBe("");
});
