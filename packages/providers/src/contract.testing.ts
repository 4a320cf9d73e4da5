/** What every provider must do, as tests (vitest). Run it over each implementation; faults come in through `fetch`. */
import type { Result } from "@samovar/base";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Provider, type ProviderFault, type Server, SERVER_LABELS, type ServerSpec } from "./provider.ts";
import { removeInstallation } from "./remove-installation.ts";
import { fetchPatiently } from "./scripted-api.testing.ts";
import type { HttpFetch } from "./transport.ts";

export interface Connection {
  readonly fetch: HttpFetch;
  readonly installationId: string;
  /** Without it the right one. */
  readonly token?: string;
}

export interface ObservedFirewall {
  readonly name: string;
  readonly inboundRules: number;
  /** Ids of the servers behind it. */
  readonly servers: readonly string[];
}

/** A cloud that runs for the length of the suite. */
export interface ProviderHarness {
  /** User data that the cloud can boot. */
  readonly userData: string;
  /** Where servers are created and listed: `/servers`. */
  readonly serversPath: string;
  /** How the cloud refuses a creation beyond the account's limit. */
  readonly quotaRefusal: { readonly status: number; readonly body: unknown };
  /** The provider over this `fetch`, which may lose or change answers. */
  connect(connection: Connection): Provider;
  /** Creates a server without the provider, as another program would; returns its id. */
  makeForeignServer(name: string, labels: Readonly<Record<string, string>>): Promise<string>;
  /** Creates a firewall without the provider. */
  makeForeignFirewall(name: string): Promise<void>;
  listFirewalls(): Promise<readonly ObservedFirewall[]>;
  /** Lets ssh in, as a person might. */
  openFirewall(name: string): Promise<void>;
  close(): Promise<void>;
}

const WAIT = { timeout: 15_000, interval: 50 } as const;
const INSTALLATION = "contract";

export function providerContract(name: string, start: () => Promise<ProviderHarness>): void {
  describe(`provider contract: ${name}`, () => {
    let cloud: ProviderHarness;
    let provider: Provider;
    let made = 0;
    beforeAll(async () => {
      cloud = await start();
      provider = connect(fetchPatiently);
    });
    afterAll(() => cloud.close());

    const connect = (fetch: HttpFetch, installationId = INSTALLATION) => cloud.connect({ fetch, installationId });
    const spec = (over: Partial<ServerSpec> = {}, installationId = INSTALLATION): ServerSpec => ({
      name: `samovar-contract-${++made}`,
      size: "small",
      userData: cloud.userData,
      labels: { [SERVER_LABELS.installation]: installationId, [SERVER_LABELS.node]: `node-${made}` },
      ...over,
    });
    const untilGone = (id: string) =>
      vi.waitFor(async () => expect(value(await provider.getServer(id))).toBeNull(), WAIT);
    const isCreation = (url: string, { method }: { readonly method: string }, path = cloud.serversPath) =>
      method === "POST" && new URL(url).pathname.endsWith(path);
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, WAIT.interval));
    const findFirewall = async (installationId: string) =>
      (await cloud.listFirewalls()).find((firewall) => firewall.name === `samovar-${installationId}`);

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

    test("labels of several kinds select together, whatever letters they hold", async () => {
      const labels = { [SERVER_LABELS.installation]: INSTALLATION, "Tier.of_use": "One_2.x" };
      const one = value(await provider.createServer(spec({ labels: { ...labels, zone: "a" } })));
      const two = value(await provider.createServer(spec({ labels: { ...labels, zone: "b" } })));
      expect(one.labels).toEqual({ ...labels, zone: "a" });
      expect(ids(await provider.listServers({ "Tier.of_use": "One_2.x" })).toSorted()).toEqual(
        [one.id, two.id].toSorted(),
      );
      expect(ids(await provider.listServers({ "Tier.of_use": "One_2.x", zone: "b" }))).toEqual([two.id]);
      expect(ids(await provider.listServers({ "Tier.of_use": "one_2.x" }))).toEqual([]);
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

    test("[F19] the same specification twice at once is one server", async () => {
      const wanted = spec();
      const [one, two] = await Promise.all([provider.createServer(wanted), provider.createServer(wanted)]);
      expect(value(one).id).toBe(value(two).id);
      await vi.waitFor(
        async () =>
          expect(
            ids(await provider.listServers({ [SERVER_LABELS.node]: wanted.labels[SERVER_LABELS.node] ?? "" })),
          ).toEqual([value(one).id]),
        WAIT,
      );
    });

    test("[F19] made, but the answer was lost: the server is adopted", async () => {
      const wanted = spec();
      let lost = 0;
      const lossy = connect(async (url, init) => {
        const reply = await fetchPatiently(url, init);
        if (!isCreation(url, init)) return reply;
        lost++;
        throw new TypeError("socket hang up");
      });
      const server = value(await lossy.createServer(wanted));
      expect(lost).toBe(1);
      expect(value(await provider.findServer(wanted.name))?.id).toBe(server.id);
    });

    test("[F19] not made, and no answer: a fault that says to try again, and no server", async () => {
      const wanted = spec();
      const cut = connect((url, init) =>
        isCreation(url, init) ? Promise.reject(new TypeError("connection refused")) : fetchPatiently(url, init),
      );
      expect(fault(await cut.createServer(wanted))).toMatchObject({ kind: "unavailable", retriable: true });
      expect(value(await provider.findServer(wanted.name))).toBeNull();
    });

    test("[F21] [R18] a creation beyond the account's limit says so, and what to do", async () => {
      const wanted = spec();
      const { status, body } = cloud.quotaRefusal;
      const full = connect(async (url, init) =>
        isCreation(url, init) ? Response.json(body, { status }) : fetchPatiently(url, init),
      );
      expect(fault(await full.createServer(wanted))).toMatchObject({
        kind: "quota",
        retriable: true,
        message: expect.stringMatching(/limit.*delete/is),
      });
      expect(value(await provider.findServer(wanted.name))).toBeNull();
    });

    test("[R18] [S1] a token that is not accepted is named as the reason, and not shown", async () => {
      const token = "not-the-token-of-this-cloud";
      const stranger = cloud.connect({ fetch: fetchPatiently, installationId: INSTALLATION, token });
      const faults = [
        fault(await stranger.createServer(spec())),
        fault(await stranger.listServers({})),
        fault(await stranger.listMissingPermissions()),
      ];
      for (const each of faults) {
        expect(each).toMatchObject({ kind: "unauthorized", retriable: false });
        expect(each.message).toContain("token");
        expect(each.message).not.toContain(token);
      }
    });

    test("a token with every permission lacks none, and asking changes nothing", async () => {
      const before = ids(await provider.listServers({}));
      expect(value(await provider.listMissingPermissions())).toEqual([]);
      expect(ids(await provider.listServers({}))).toEqual(before);
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
      const lossy = connect(async (url, init) => {
        const reply = await fetchPatiently(url, init);
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
      const cut = connect(() => Promise.reject(new TypeError("connection refused")));
      const answers = [
        await cut.createServer(spec()),
        await cut.findServer("x"),
        await cut.getServer("1"),
        await cut.deleteServer("1"),
        await cut.listServers({}),
        await cut.listSizes(),
        await cut.listMissingPermissions(),
        await cut.deleteSharedResources(),
      ];
      for (const answer of answers) expect(fault(answer)).toMatchObject({ kind: "unavailable", retriable: true });
    });

    test("[F25] more servers than a page holds are all listed, or none", async () => {
      const group = { [SERVER_LABELS.installation]: INSTALLATION, group: "pages" };
      const wanted = Array.from({ length: 53 }, () => spec({ labels: group, userData: "" }));
      const servers: Server[] = [];
      for (const one of wanted) servers.push(value(await provider.createServer(one)));
      expect(ids(await provider.listServers({ group: "pages" })).toSorted()).toEqual(
        servers.map((server) => server.id).toSorted(),
      );

      const halting = connect((url, init) =>
        new URL(url).searchParams.get("page") === "2"
          ? Promise.reject(new TypeError("socket hang up"))
          : fetchPatiently(url, init),
      );
      expect(fault(await halting.listServers({ group: "pages" }))).toMatchObject({
        kind: "unavailable",
        retriable: true,
      });
    });

    describe("the firewall", () => {
      test("every server is behind one firewall without inbound rules", async () => {
        const one = value(await provider.createServer(spec()));
        const two = value(await provider.createServer(spec()));
        expect(await findFirewall(INSTALLATION)).toMatchObject({
          inboundRules: 0,
          servers: expect.arrayContaining([one.id, two.id]),
        });
      });

      test("two first servers at once make one firewall", async () => {
        const id = "at-once";
        const fresh = connect(fetchPatiently, id);
        const servers = (await Promise.all([1, 2].map(() => fresh.createServer(spec({}, id))))).map(value);
        const named = (await cloud.listFirewalls()).filter((firewall) => firewall.name === `samovar-${id}`);
        expect(named).toHaveLength(1);
        expect(named[0]?.servers.toSorted()).toEqual(servers.map((server) => server.id).toSorted());
      });

      test("rules that were changed are put back before the next server is made", async () => {
        const id = "changed";
        const fresh = connect(fetchPatiently, id);
        value(await fresh.createServer(spec({}, id)));
        await cloud.openFirewall(`samovar-${id}`);
        expect(await findFirewall(id)).toMatchObject({ inboundRules: 1 });
        value(await fresh.createServer(spec({}, id)));
        expect(await findFirewall(id)).toMatchObject({ inboundRules: 0 });
      });

      test("made, but the answer was lost: it is found by its name", async () => {
        const id = "lost";
        const lossy = connect(async (url, init) => {
          const reply = await fetchPatiently(url, init);
          if (isCreation(url, init, "/firewalls")) throw new TypeError("socket hang up");
          return reply;
        }, id);
        const server = value(await lossy.createServer(spec({}, id)));
        expect(await findFirewall(id)).toMatchObject({ servers: [server.id] });
      });

      test("a firewall that cannot be made leaves no server", async () => {
        const id = "unmade";
        const wanted = spec({}, id);
        const cut = connect(
          (url, init) =>
            isCreation(url, init, "/firewalls")
              ? Promise.reject(new TypeError("connection refused"))
              : fetchPatiently(url, init),
          id,
        );
        expect(fault(await cut.createServer(wanted))).toMatchObject({ kind: "unavailable", retriable: true });
        expect(value(await provider.findServer(wanted.name))).toBeNull();
      });

      test("[N3] another's firewall of that name is left alone, and the reason says what to do", async () => {
        const id = "taken";
        await cloud.makeForeignFirewall(`samovar-${id}`);
        const wanted = spec({}, id);
        expect(fault(await connect(fetchPatiently, id).createServer(wanted))).toMatchObject({
          kind: "conflict",
          code: "firewall_name_taken",
          retriable: false,
          message: expect.stringMatching(/samovar-taken.*(rename|delete)/s),
        });
        expect(await findFirewall(id)).toMatchObject({ inboundRules: 1, servers: [] });
      });
    });

    describe("removing an installation", () => {
      test("[N3] its servers and its firewall go, and nothing else; again removes nothing", async () => {
        const id = "leaving";
        const leaving = connect(fetchPatiently, id);
        const made = [value(await leaving.createServer(spec({}, id))), value(await leaving.createServer(spec({}, id)))];
        const others = ids(await provider.listServers({})).length;
        expect(value(await leaving.deleteSharedResources())).toBe("in_use");
        const removed = value(await removeInstallation(leaving, pause, 300));
        expect(removed.servers.toSorted()).toEqual(made.map((server) => server.name).toSorted());
        expect(removed.remaining).toEqual([]);
        expect(ids(await leaving.listServers({}))).toEqual([]);
        expect(await findFirewall(id)).toBeUndefined();
        expect(await findFirewall(INSTALLATION)).toBeDefined();
        expect(ids(await provider.listServers({}))).toHaveLength(others);
        expect(value(await removeInstallation(leaving, pause))).toEqual({ servers: [], remaining: [] });
      });

      test("what remains after the last pass is named", async () => {
        const id = "remaining";
        const server = value(await connect(fetchPatiently, id).createServer(spec({}, id)));
        const locked = connect(
          (url, init) =>
            init.method === "DELETE" ? Promise.reject(new TypeError("connection refused")) : fetchPatiently(url, init),
          id,
        );
        expect(value(await removeInstallation(locked, pause, 2))).toEqual({
          servers: [server.name],
          remaining: [server.name],
        });
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
