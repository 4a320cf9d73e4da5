/** What remains reachable of earlier releases, and what a missing file is, as the platform routes requests. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { get, type IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { parseWranglerConfig, toMiniflareOptions } from "@samovar/api/wrangler-config";
import { sha256 } from "@samovar/base/sha256";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderHeadersFile, SECURITY_HEADERS } from "../../apps/api/src/http/security-headers.ts";
import { TEST_SETTINGS } from "../../apps/api/test/settings.ts";
import {
  KEPT_RELEASES,
  keepReleases,
  readEarlierReleases,
  readFromDirectory,
  readFromUrl,
  type ReadFile,
} from "../../scripts/keep-releases.ts";
import { type Installation, removeDirectory, startInstallation, temporaryDirectory } from "../harness/installation.ts";

const root = join(import.meta.dirname, "../..");
const NAVIGATION = { accept: "text/html", "sec-fetch-mode": "navigate" };
let directory: string;
beforeAll(async () => {
  directory = await temporaryDirectory("samovar-releases-");
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What a build writes, with one part of the page and one vm-agent whose names come from this content. */
async function build(web: string, content: string): Promise<{ part: string; agent: string }> {
  const name = sha256(content).slice(0, 12);
  const [part, agent] = [`assets/part-${name}.js`, `agent/vm-agent-0.1.0-${name}.cjs`];
  await rm(web, { recursive: true, force: true });
  await mkdir(join(web, "agent/lockfiles"), { recursive: true });
  await mkdir(join(web, "assets"));
  await writeFile(join(web, "index.html"), `<script src="/${part}"></script>`);
  await writeFile(join(web, part), `export default "${content}";`);
  await writeFile(join(web, agent), `// vm-agent ${content}`);
  await writeFile(join(web, "_headers"), renderHeadersFile());
  return { part, agent };
}

async function rebuild(web: string, content: string) {
  const earlier = await readEarlierReleases(readFromDirectory(web));
  const files = await build(web, content);
  await keepReleases(web, earlier);
  return files;
}

const serve = async (web: string): Promise<Miniflare> => {
  const config = parseWranglerConfig(await readFile(join(root, "apps/api/wrangler.jsonc"), "utf8"));
  const options = toMiniflareOptions(config);
  const worker = {
    ...options,
    name: "samovar",
    modules: [{ type: "ESModule" as const, path: join(root, "dist/worker/worker.js") }],
    modulesRoot: join(root, "dist/worker"),
    bindings: { ...TEST_SETTINGS, PUBLIC_URL: "http://127.0.0.1:7266" },
    assets: { ...options.assets, directory: web },
  };
  const served = new Miniflare(
    convertV4MiniflareOptions({ port: 0, cf: false, telemetry: { enabled: false }, workers: [worker] }),
  );
  await served.ready;
  return served;
};

describe("a build", () => {
  test("keeps the files of the releases before it, the newest few, and none twice", async () => {
    const web = join(directory, "many");
    const built = [];
    for (let n = 1; n <= KEPT_RELEASES + 2; n++) built.push(await rebuild(web, `release ${n}`));
    await rebuild(web, `release ${KEPT_RELEASES + 2}`);
    const read = readFromDirectory(web);
    const has = await Promise.all(
      built.map(async ({ part, agent }) => (await read(part)) !== null && (await read(agent)) !== null),
    );
    expect(has).toEqual([false, false, ...Array.from({ length: KEPT_RELEASES }, () => true)]);
  });

  test("ignores a list and files of an earlier build that are not whole", async () => {
    const web = join(directory, "broken");
    const { part, agent } = await rebuild(web, "one");
    await writeFile(join(web, part), "something else");
    const earlier = await readEarlierReleases(readFromDirectory(web));
    expect([...earlier.contents.keys()]).toEqual([agent]);
    const list = JSON.stringify({ version: 1, releases: [{ "agent/../../outside": sha256("x") }] });
    await writeFile(join(web, "agent/releases.json"), list);
    expect((await readEarlierReleases(readFromDirectory(web))).releases).toEqual([]);
  });
});

describe("a deployment", () => {
  test("after a rebuild with changed content serves the old files and the new ones; a missing file is a 404, never the page", async () => {
    const web = join(directory, "served");
    const old = await rebuild(web, "old");
    const before = await serve(web);
    // A checkout without an earlier build reads the releases from the deployed one.
    const fresh = join(directory, "fresh");
    const next = await build(fresh, "next");
    await keepReleases(fresh, await readEarlierReleases(readFromUrl(String(await before.ready))));
    await before.dispose();
    const after = await serve(fresh);
    const address = await after.ready;
    const ask = (path: string, headers: Record<string, string> = {}) =>
      after.dispatchFetch(new URL(path, address).href, { headers });
    for (const path of [old.part, old.agent, next.part, next.agent]) {
      const answer = await ask(path);
      expect(answer.status, path).toBe(200);
      expect(await answer.text(), path).toContain(
        path.includes(old.part.slice(-12)) || path === old.agent ? "old" : "next",
      );
      for (const [name, value] of Object.entries(SECURITY_HEADERS))
        expect(answer.headers.get(name), `${path} ${name}`).toBe(value);
    }
    const part = await ask(next.part);
    expect(part.headers.get("x-request-id"), "without the Worker").toBeNull();
    expect(part.headers.get("cache-control")).toContain("immutable");
    for (const headers of [{}, NAVIGATION]) {
      const missing = await ask("assets/part-000000000000.js", headers);
      expect([missing.status, await missing.text()]).toEqual([404, expect.not.stringContaining("<script")]);
      for (const path of ["agent/vm-agent-0.1.0-000000000000.cjs", ".well-known/none"]) {
        const absent = await ask(path, headers);
        expect([absent.status, await absent.json()]).toMatchObject([404, { error: { code: "not_found" } }]);
      }
    }
    const page = await ask("projects/prj_1", NAVIGATION);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<script")]);
    await after.dispose();
  });
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

/** As a browser asks at the pages' address, whose name only browsers resolve. */
const request = ({ url, pageUrl }: Installation, path: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const headers = { ...NAVIGATION, host: new URL(pageUrl).host };
    get({ hostname, port, path, headers }, (answer) => {
      answer
        .toArray()
        .then((chunks) => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) }))
        .catch(reject);
    }).on("error", reject);
  });

describe("samovar up", () => {
  let here: Installation;
  beforeAll(async () => {
    here = await startInstallation();
  });
  afterAll(async () => {
    await here.stop();
    await removeDirectory(here.dataDir);
  });

  test("serves every file of the releases that its build lists, and a 404 for one that never was", async () => {
    const read: ReadFile = async (path) => {
      const answer = await request(here, `/${path}`);
      return answer.status === 200 ? answer.body : null;
    };
    const whole = await readEarlierReleases(read);
    const { releases } = whole;
    expect(releases.length).toBeGreaterThan(0);
    const listed = new Map(releases.flatMap((files) => Object.entries(files)));
    expect([...listed.keys()].some((path) => path.startsWith("assets/"))).toBe(true);
    expect([...whole.contents.keys()].toSorted()).toEqual([...listed.keys()].toSorted());
    const missing = await request(here, "/assets/part-000000000000.js");
    expect([missing.status, Buffer.from(missing.body).toString()]).toEqual([404, expect.not.stringContaining("<")]);
    const part = [...listed.keys()].find((path) => path.endsWith(".js"));
    const { headers } = await request(here, `/${part}`);
    expect(headers["x-request-id"], "without the Worker").toBeUndefined();
    expect(headers).toMatchObject(SECURITY_HEADERS);
    const agent = await fetch(new URL("/agent/vm-agent-0.1.0-000000000000.cjs", here.url));
    expect([agent.status, await agent.json()]).toMatchObject([404, { error: { code: "not_found" } }]);
  });
});
