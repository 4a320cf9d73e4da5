/**
 * The life of one installation: `npm run deploy` and `npm run destroy` against a scripted Cloudflare account, with real
 * wrangler, the uploaded Worker in workerd, and nodes made from their user data. Each test continues the one before.
 */
import { appendFile, cp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRemote } from "../harness/repository.ts";
import { Rig } from "./rig.ts";

let rig: Rig;
let repository: string;

beforeAll(async () => {
  rig = await Rig.start();
  repository = makeRemote(join(rig.directory, "remote"));
});

afterAll(() => rig.close());

test("[R52] a first deployment takes an empty account to a task on a node made from its user data", async () => {
  const done = await rig.deploy({ smokeTask: repository });

  expect(done).toMatchObject({ uploaded: true, migrated: rig.release.migrations.map(({ name }) => name) });
  expect(rig.printed).toContainEqual(expect.stringMatching(/^Smoke task: tsk_\w+ completed\.$/));
  expect(done?.signInLink).toMatch(/\/sign-in#/);
  expect(rig.printed).toContainEqual(expect.stringMatching(/^create database$/m));
  const { version, crons, isOnWorkersDev } = rig.worker;
  expect(version.metadata).toMatchObject({
    compatibility_date: rig.release.config.compatibility_date,
    compatibility_flags: rig.release.config.compatibility_flags,
    migrations: { new_tag: "v1" },
  });
  expect([crons, isOnWorkersDev, [...rig.account.workflows.keys()]]).toEqual([["*/15 * * * *"], true, ["task-run"]]);
  expect(rig.cloud.servers().map(({ labels }) => labels["samovar-installation"])).toEqual([rig.installationId]);
});

test("[R52] an account without a name below workers.dev gets one, because workflows need it", () => {
  expect(rig.account.subdomain).toBe(rig.installationId);
});

test("[R52] secrets go up in the same call as the code, as secrets, and are printed nowhere", () => {
  const { bindings } = rig.worker.version.metadata;
  const secrets = bindings.filter(({ type }) => type === "secret_text");

  expect(secrets.map(({ name }) => name).toSorted()).toEqual(["CREDENTIALS_KEY", "OPERATOR_SECRET", "SIGNING_KEY"]);
  const plain = bindings.filter(({ type }) => type === "plain_text").map(({ text }) => text);
  const { d } = JSON.parse(secrets.find(({ name }) => name === "SIGNING_KEY")?.text ?? "{}") as { d: string };
  for (const text of [...secrets.map((each) => each.text ?? ""), d])
    expect([...plain, ...rig.printed].join("\n")).not.toContain(text);
});

test("[R52] the database's state before the migrations is printed and kept with the version", () => {
  const bookmark = /0000000\d-[0-9a-f-]+/;
  expect(rig.printed.find((line) => line.startsWith("The database:"))).toMatch(bookmark);
  expect(rig.worker.version.metadata.annotations?.["workers/message"]).toMatch(bookmark);
});

test("[R52] a second deployment changes nothing", async () => {
  rig.account.takeChanges();

  const done = await rig.deploy();

  expect(done).toMatchObject({ uploaded: false, migrated: [] });
  expect(rig.account.takeChanges()).toEqual([]);
});

test("[R52] a new release uploads what is new, keeps the last one's files, and its tasks run on a live node of that one", async () => {
  const [server] = rig.cloud.servers();
  const [known, files] = [rig.account.assets.size, Object.keys(rig.worker.version.manifest)];
  const assets = join(rig.directory, "next-web");
  await cp(rig.release.assets, assets, { recursive: true });
  const former = files.find((path) => path.startsWith("/assets/")) ?? "";
  await rename(join(assets, former), join(assets, "assets/new-part.js"));
  await appendFile(join(assets, "assets/new-part.js"), "// changed");
  await rm(join(assets, "agent/releases.json"));
  const agent = { ...rig.release.agent, version: "0.2.0" };

  const done = await rig.deploy({ release: { ...rig.release, agent, assets }, smokeTask: repository });

  expect(done).toMatchObject({ uploaded: true, migrated: [] });
  // The new part, and the list of releases.
  expect(rig.account.assets.size).toBe(known + 2);
  expect(Object.keys(rig.worker.version.manifest)).toEqual(
    expect.arrayContaining([former, "/assets/new-part.js", rig.release.agent.path]),
  );
  expect(rig.worker.version.metadata.migrations).toBeUndefined();
  expect(rig.cloud.servers().map(({ id }) => id)).toEqual([server?.id]);
});

test("[R52] a new object migration is sent once, and a checkout without it is refused afterwards", async () => {
  const { config } = rig.release;
  const migrations = [...config.migrations, { tag: "v2", new_sqlite_classes: ["Kettle"] }];
  const release = { ...rig.release, config: { ...config, migrations } };

  await rig.deploy({ release });
  expect(rig.worker.version.metadata.migrations).toEqual({
    old_tag: "v1",
    new_tag: "v2",
    steps: [{ new_sqlite_classes: ["Kettle"] }],
  });
  await rig.deploy({ release, env: { NODE_SLOTS: "4" } });
  expect(rig.worker.version.metadata.migrations).toBeUndefined();
  rig.account.takeChanges();

  await expect(rig.deploy()).rejects.toThrow(/object migration v2, which this checkout does not have/);
  expect(rig.account.takeChanges()).toEqual([]);
  rig.worker.classes.delete("Kettle");
  const deployed = rig.account.workers.get(config.name);
  if (deployed !== undefined) deployed.migrationTag = "v1";
});

test("[R52] an edited migration of the database is refused before the Worker changes", async () => {
  const [first, ...rest] = rig.release.migrations;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) throw new Error("too few migrations");
  const migrations = [first, ...rest.slice(0, -1), { ...last, sql: `${last.sql}\n-- edited` }];
  rig.account.takeChanges();

  await expect(rig.deploy({ release: { ...rig.release, migrations } })).rejects.toThrow(
    new RegExp(`migration ${last.name} was edited after it was applied`),
  );
  expect(rig.account.takeChanges()).toEqual([]);
});

test("[R52] a checkout that lacks an applied migration is refused before the Worker changes", async () => {
  const migrations = rig.release.migrations.slice(0, -1);

  await expect(rig.deploy({ release: { ...rig.release, migrations } })).rejects.toThrow(
    /a newer Samovar has migrated this database/,
  );
  expect(rig.account.takeChanges()).toEqual([]);
});

test("[R52] a Worker that does not answer fails the smoke test with the way back", async () => {
  const failed = rig.deploy({ env: { PUBLIC_URL: "http://127.0.0.1:9" }, pause: async () => {} });

  await expect(failed).rejects.toMatchObject({
    message: expect.stringMatching(/smoke test failed: http:\/\/127\.0\.0\.1:9\/api\/health does not answer/),
    advice: expect.stringMatching(/rollback/),
  });
  expect(await rig.deploy()).toMatchObject({ uploaded: true });
});

test("[R52] a removal that is not confirmed removes nothing, and says what it would remove and keep", async () => {
  rig.account.takeChanges();
  const installation = rig.installationId;

  await expect(rig.remove({ confirmed: null, deleteData: false })).rejects.toMatchObject({
    advice: expect.stringContaining(`--confirm ${installation}`),
  });

  expect(rig.account.takeChanges()).toEqual([]);
  expect(rig.printed.slice(-4)).toEqual([
    `Removal of ${installation}:`,
    expect.stringMatching(/removed: its nodes and servers; the Worker/),
    expect.stringMatching(/kept: the D1 database .*--delete-data removes them too/),
    expect.stringMatching(/kept: the account's name below workers\.dev/),
  ]);
});

test("[R52] a removal ends the nodes, then the Worker, and keeps the data", async () => {
  const confirmed = rig.installationId;
  expect(rig.cloud.servers()).toHaveLength(1);

  await rig.remove({ confirmed, deleteData: false });

  expect(rig.printed.slice(-3)).toEqual([
    "Nodes destroyed: 1.",
    "The Worker, its objects, its workflow and its schedule are deleted.",
    "At hetzner: no server is left.",
  ]);
  expect(rig.cloud.servers()).toEqual([]);
  expect([rig.account.workers.size, rig.account.workflows.size, rig.account.databases.size]).toEqual([0, 0, 1]);
});

test("[R52] what is kept is deployed again, with the same secrets", async () => {
  const before = rig.stack?.["operator-secret"];

  expect(await rig.deploy()).toMatchObject({ uploaded: true, migrated: [] });
  expect(rig.stack?.["operator-secret"]).toEqual(before);
});

test("[R52] a removal with its data leaves only what it named", async () => {
  const confirmed = rig.installationId;

  await rig.remove({ confirmed, deleteData: true });

  expect(rig.stack).toBeNull();
  expect([rig.account.workers.size, rig.account.workflows.size, rig.account.databases.size]).toEqual([0, 0, 0]);
  expect(rig.cloud.servers()).toEqual([]);
  expect(rig.account.subdomain).toBe(confirmed);
  await expect(rig.remove({ confirmed, deleteData: true })).rejects.toThrow(/has no installation/);
});
