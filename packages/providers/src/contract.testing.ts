/** What every provider must do, as tests (vitest). Run it over each implementation; faults come in through `fetch`. */
import type { Result } from "@samovar/base";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { HttpFetch } from "./hetzner/transport.ts";
import { type Provider, type ProviderFault, type Server, SERVER_LABELS, type ServerSpec } from "./provider.ts";

/** A cloud that runs for the length of the suite. */
export interface ProviderHarness {
  readonly installationId: string;
  /** User data that the cloud can boot. */
  readonly userData: string;
  /** The provider over this `fetch`, which may lose or change answers. */
  connect(fetch: HttpFetch): Provider;
  /** Creates a server without the provider, as another program would; returns its id. */
  makeForeignServer(name: string, labels: Readonly<Record<string, string>>): Promise<string>;
  close(): Promise<void>;
}

const WAIT = { timeout: 15_000, interval: 50 } as const;

export function providerContract(name: string, start: () => Promise<ProviderHarness>): void {
  describe(`provider contract: ${name}`, () => {
    let cloud: ProviderHarness;
    let provider: Provider;
    let made = 0;
    beforeAll(async () => {
      cloud = await start();
      provider = cloud.connect(globalThis.fetch);
    });
    afterAll(() => cloud.close());

    const spec = (over: Partial<ServerSpec> = {}): ServerSpec => ({
      name: `samovar-contract-${++made}`,
      size: "small",
      userData: cloud.userData,
      labels: { [SERVER_LABELS.installation]: cloud.installationId, [SERVER_LABELS.node]: `node-${made}` },
      ...over,
    });
    const untilGone = (id: string) =>
      vi.waitFor(async () => expect(value(await provider.getServer(id))).toBeNull(), WAIT);

    test("a server is found by id, by name and by label, and comes up", async () => {
      const wanted = spec({ size: "medium" });
      const server = value(await provider.createServer(wanted));
      expect(server).toMatchObject({ name: wanted.name, labels: wanted.labels });
      expect(Math.abs(server.createdAt - Date.now())).toBeLessThan(60_000);
      expect(value(await provider.getServer(server.id))?.name).toBe(wanted.name);
      expect(value(await provider.findServer(wanted.name))?.id).toBe(server.id);
      expect(
        ids(await provider.listServers({ [SERVER_LABELS.node]: wanted.labels[SERVER_LABELS.node] ?? "" })),
      ).toEqual([server.id]);
      await vi.waitFor(async () => expect(value(await provider.getServer(server.id))?.status).toBe("running"), WAIT);
    });

    test("says what each size is and costs; a larger one is not less", async () => {
      const sizes = value(await provider.listSizes());
      expect(sizes.map(({ size }) => size)).toEqual(["small", "medium", "large"]);
      for (const each of sizes) expect(each).toMatchObject({ pricePerHour: { currency: expect.any(String) } });
      const cores = sizes.map((each) => each.cores ?? 0);
      expect(cores).toEqual(cores.toSorted((a, b) => a - b));
    });

    test.each(["small", "medium", "large"] as const)("there is a machine of size %s", async (size) => {
      expect(value(await provider.createServer(spec({ size }))).pricePerHour).toMatchObject({
        currency: expect.any(String),
      });
    });

    test("[F19] the same specification twice is one server", async () => {
      const wanted = spec();
      const first = value(await provider.createServer(wanted));
      expect(value(await provider.createServer(wanted)).id).toBe(first.id);
    });

    test("[F19] made, but the answer was lost: the server is adopted", async () => {
      const wanted = spec();
      let lost = 0;
      const lossy = cloud.connect(async (url, init) => {
        const reply = await globalThis.fetch(url, init);
        if (init.method !== "POST") return reply;
        lost++;
        throw new TypeError("socket hang up");
      });
      const server = value(await lossy.createServer(wanted));
      expect(lost).toBe(1);
      expect(value(await provider.findServer(wanted.name))?.id).toBe(server.id);
    });

    test("[F19] not made, and no answer: a fault that says to try again, and no server", async () => {
      const wanted = spec();
      const cut = cloud.connect((url, init) =>
        init.method === "POST" ? Promise.reject(new TypeError("connection refused")) : globalThis.fetch(url, init),
      );
      expect(fault(await cut.createServer(wanted))).toMatchObject({ kind: "unavailable", retriable: true });
      expect(value(await provider.findServer(wanted.name))).toBeNull();
    });

    test("[F26] [N3] a name that another server has is a conflict, and that server stays", async () => {
      const wanted = spec();
      const id = await cloud.makeForeignServer(wanted.name, { owner: "another" });
      expect(fault(await provider.createServer(wanted))).toMatchObject({ kind: "conflict", retriable: false });
      expect(value(await provider.getServer(id))?.labels).toEqual({ owner: "another" });
    });

    test("[F26] [N3] a server without our label is neither listed nor deleted", async () => {
      const id = await cloud.makeForeignServer(`foreign-${++made}`, { [SERVER_LABELS.installation]: "another" });
      expect(ids(await provider.listServers({}))).not.toContain(id);
      expect(fault(await provider.deleteServer(id))).toMatchObject({ code: "not_ours", retriable: false });
      expect(value(await provider.getServer(id))).not.toBeNull();
    });

    test("[N3] a server is not made without our label", async () => {
      const wanted = spec({ labels: { [SERVER_LABELS.installation]: "another" } });
      expect(fault(await provider.createServer(wanted))).toMatchObject({ kind: "invalid" });
      expect(value(await provider.findServer(wanted.name))).toBeNull();
    });

    test("[F22] deleting ends in gone, and gone stays gone", async () => {
      const wanted = spec();
      const server = value(await provider.createServer(wanted));
      await vi.waitFor(async () => expect(value(await provider.deleteServer(server.id))).toBe("gone"), WAIT);
      expect(value(await provider.getServer(server.id))).toBeNull();
      expect(value(await provider.findServer(wanted.name))).toBeNull();
      expect(value(await provider.deleteServer(server.id))).toBe("gone");
    });

    test("[F24] deleted, but the answer was lost: asked again it is gone in the end", async () => {
      const server = value(await provider.createServer(spec()));
      const lossy = cloud.connect(async (url, init) => {
        const reply = await globalThis.fetch(url, init);
        if (init.method === "DELETE") throw new TypeError("socket hang up");
        return reply;
      });
      expect(fault(await lossy.deleteServer(server.id))).toMatchObject({ retriable: true });
      await untilGone(server.id);
    });

    test("[F22] an id that never was is gone", async () => {
      expect(value(await provider.getServer("999999999"))).toBeNull();
      expect(value(await provider.deleteServer("999999999"))).toBe("gone");
    });

    test("an outage is a fault that says to try again, everywhere", async () => {
      const cut = cloud.connect(() => Promise.reject(new TypeError("connection refused")));
      const answers = [
        await cut.createServer(spec()),
        await cut.findServer("x"),
        await cut.getServer("1"),
        await cut.deleteServer("1"),
        await cut.listServers({}),
      ];
      expect(answers.map((answer) => fault(answer).retriable)).toEqual([true, true, true, true, true]);
    });

    test("[F25] more servers than a page holds are all listed, or none", async () => {
      const group = { [SERVER_LABELS.installation]: cloud.installationId, group: "pages" };
      const wanted = Array.from({ length: 53 }, () => spec({ labels: group, userData: "" }));
      const servers: Server[] = [];
      for (const one of wanted) servers.push(value(await provider.createServer(one)));
      expect(ids(await provider.listServers({ group: "pages" })).toSorted()).toEqual(
        servers.map((server) => server.id).toSorted(),
      );

      const halting = cloud.connect((url, init) =>
        new URL(url).searchParams.get("page") === "2"
          ? Promise.reject(new TypeError("socket hang up"))
          : globalThis.fetch(url, init),
      );
      expect(fault(await halting.listServers({ group: "pages" }))).toMatchObject({
        kind: "unavailable",
        retriable: true,
      });
    });
  });
}

function value<T>(result: Result<T, ProviderFault>): T {
  if (!result.ok) throw new Error(`${result.error.kind}: ${result.error.message}`);
  return result.value;
}

function fault(result: Result<unknown, ProviderFault>): ProviderFault {
  if (result.ok) throw new Error(`expected a fault, got ${JSON.stringify(result.value)}`);
  return result.error;
}

const ids = (result: Result<readonly Server[], ProviderFault>) => value(result).map((server) => server.id);
