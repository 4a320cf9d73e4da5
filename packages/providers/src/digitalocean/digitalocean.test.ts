import type { Random } from "@samovar/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { providerContract } from "../contract.testing.ts";
import { createDigitalOceanProvider, type DigitalOceanOptions, type Provider, type ServerSpec } from "../index.ts";
import { fetchPatiently, type Reply } from "../scripted-api.testing.ts";
import {
  digitalOceanError,
  dropletSize,
  type ScriptedDigitalOcean,
  scriptedDigitalOcean,
} from "./scripted-digitalocean.testing.ts";
import { toTags } from "./tags.ts";

const token = "a-digitalocean-token";
const installationId = "install-1";
const NOW = 1_900_000_000_000;
const inOrder: Random = { next: () => 0, bytes: (length) => new Uint8Array(length) };
const unprocessable = (message: string) => digitalOceanError(422, "unprocessable_entity", message);

providerContract("DigitalOcean over a scripted API", async () => {
  const cloud = await scriptedDigitalOcean(token);
  const byName = (name: string) => [...cloud.firewalls.values()].filter((firewall) => firewall.name === name);
  return {
    userData: "#cloud-config\n",
    serversPath: "/droplets",
    quotaRefusal: unprocessable("creating this/these droplet(s) will exceed your droplet limit"),
    connect: (connection) => createDigitalOceanProvider({ baseUrl: cloud.url, token, ...connection }),
    makeForeignServer: async (name, labels) => String(cloud.makeDroplet(name, toTags(labels))),
    makeForeignFirewall: async (name) => {
      const rule = { protocol: "tcp", ports: "22", sources: { addresses: ["0.0.0.0/0"] } };
      const id = `foreign-${name}`;
      cloud.firewalls.set(id, { id, name, tags: [], inbound_rules: [rule], outbound_rules: [], droplet_ids: [] });
    },
    listFirewalls: async () =>
      [...cloud.firewalls.values()].map((firewall) => ({
        name: firewall.name,
        inboundRules: firewall.inbound_rules.length,
        servers: [...cloud.droplets.values()]
          .filter(
            ({ id, tags }) => firewall.droplet_ids.includes(id) || tags.some((tag) => firewall.tags.includes(tag)),
          )
          .map(({ id }) => String(id)),
      })),
    openFirewall: async (name) =>
      byName(name).forEach(
        (firewall) => void firewall.inbound_rules.push({ protocol: "tcp", ports: "22", sources: {} }),
      ),
    close: cloud.close,
  };
});

describe("DigitalOcean", () => {
  let cloud: ScriptedDigitalOcean;
  let provider: Provider;
  const connect = (over: Partial<DigitalOceanOptions> = {}) =>
    createDigitalOceanProvider({
      baseUrl: cloud.url,
      token,
      installationId,
      fetch: fetchPatiently,
      random: inOrder,
      now: () => NOW,
      ...over,
    });
  beforeEach(async () => {
    cloud = await scriptedDigitalOcean(token);
    provider = connect();
  });
  afterEach(() => cloud.close());

  const spec: ServerSpec = {
    name: "samovar-n1",
    size: "small",
    userData: "#cloud-config\n",
    labels: { "samovar-installation": installationId, "samovar-node": "nod_1" },
  };

  test("asks for Debian 12 with the user data and the labels as tags, in the size that suits", async () => {
    expect(await provider.createServer({ ...spec, size: "large" })).toMatchObject({
      ok: true,
      value: { labels: spec.labels, location: "fra1", pricePerHour: { amount: "0.14286", currency: "USD" } },
    });
    expect(cloud.creations()).toEqual([
      {
        name: "samovar-n1",
        size: "s-8vcpu-16gb",
        region: "fra1",
        image: "debian-12-x64",
        user_data: spec.userData,
        tags: ["samovar-installation:install-1", "samovar-node:nod_5f1"],
        ipv6: true,
      },
    ]);
  });

  test("the image, region and ssh key of the settings are used", async () => {
    cloud.sizes = [dropletSize("s-2vcpu-4gb", 2, 4, 0.03571, { regions: ["nyc3", "fra1", "ams3"] })];
    cloud.sshKeys = [{ id: 289_794, name: "ops", fingerprint: "3b:16" }];
    const set = connect({ image: "7555620", regions: ["ams3"], sshKey: "ops" });
    expect(await set.createServer(spec)).toMatchObject({ ok: true, value: { location: "ams3" } });
    expect(cloud.creations()).toMatchObject([{ image: 7_555_620, region: "ams3", ssh_keys: [289_794] }]);
  });

  test.each([
    [{ regions: ["mars1"] }, "region_not_found", /mars1.*known regions: fra1.*DIGITALOCEAN_REGION/s],
    [{ sshKey: "none" }, "ssh_key_not_found", /"none".*DIGITALOCEAN_SSH_KEY/s],
  ])("[R18] the settings %j do not suit: %s", async (over, code, message) => {
    expect(await connect(over).createServer(spec)).toMatchObject({
      ok: false,
      error: { kind: "invalid", code, retriable: false, message: expect.stringMatching(message) },
    });
    expect(cloud.creations()).toEqual([]);
  });

  test("[F21] what is not to be had in one region is tried in the next, then as another size", async () => {
    cloud.sizes = [
      dropletSize("cheap", 2, 4, 0.01, { regions: ["a1", "b1"] }),
      dropletSize("dear", 4, 16, 0.09, { regions: ["a1"] }),
      dropletSize("gone", 2, 4, 0.001, { regions: ["a1"], available: false }),
    ];
    cloud.put(
      "POST /droplets",
      unprocessable("Size is not available in this region."),
      unprocessable("Region is not available"),
      unprocessable("The image you specified is not available in the selected region."),
      unprocessable("Size is unavailable"),
    );
    expect(await provider.createServer(spec)).toMatchObject({
      ok: false,
      error: { kind: "capacity", retriable: true },
    });
    expect(cloud.creations().map((body) => `${String(body["size"])}@${String(body["region"])}`)).toEqual([
      "cheap@a1",
      "cheap@b1",
      "dear@a1",
      "gone@a1",
    ]);
  });

  const ambiguous: [string, Reply][] = [
    ["the connection breaks", { status: 0, body: "", hangUp: true, execute: true }],
    ["the gateway gives up", { ...digitalOceanError(504, "gateway_timeout"), execute: true }],
    ["the gateway answers in HTML", { status: 502, body: "<html>", execute: true }],
    ["the answer is cut", { status: 202, body: '{"droplet":{"id":', execute: true }],
  ];
  test.each(ambiguous)("[F19] made, and %s: adopted", async (_, reply) => {
    cloud.put("POST /droplets", reply);
    expect(await provider.createServer(spec)).toMatchObject({ ok: true, value: { name: spec.name } });
    expect(cloud.droplets.size).toBe(1);
  });
  test.each(ambiguous)("[F19] not made, and %s: to be tried again", async (_, reply) => {
    cloud.put("POST /droplets", { ...reply, execute: false });
    expect(await provider.createServer(spec)).toMatchObject({ ok: false, error: { retriable: true } });
    expect(await provider.createServer(spec)).toMatchObject({ ok: true });
    expect(cloud.droplets.size).toBe(1);
  });

  test("[F19] two droplets of one creation: the older is the node's, the younger is deleted", async () => {
    const older = cloud.makeDroplet(spec.name, toTags(spec.labels));
    const younger = cloud.makeDroplet(spec.name, toTags(spec.labels));
    expect(await provider.createServer(spec)).toMatchObject({ ok: true, value: { id: String(older) } });
    expect([...cloud.droplets.keys()]).toEqual([older]);
    expect(younger).toBeGreaterThan(older);
    expect(cloud.creations()).toEqual([]);
  });

  test.each([
    [digitalOceanError(401, "unauthorized", "Unable to authenticate you"), "unauthorized", false],
    [digitalOceanError(403, "forbidden", "You are not authorized to perform this operation"), "unauthorized", false],
    [unprocessable("creating this/these droplet(s) will exceed your droplet limit"), "quota", true],
    [unprocessable("You specified an invalid image for Droplet creation."), "invalid", false],
    [digitalOceanError(400, "bad_request"), "invalid", false],
    [digitalOceanError(429, "too_many_requests", "API Rate limit exceeded."), "rate_limited", true],
    [digitalOceanError(500, "server_error", "Unexpected server-side error"), "unavailable", true],
    [digitalOceanError(503, "service_unavailable"), "unavailable", true],
  ] as const)("[F21] [R18] creation answered %o is %s", async (reply, kind, retriable) => {
    cloud.put("POST /droplets", reply);
    const result = await provider.createServer(spec);
    expect(result).toMatchObject({ ok: false, error: { kind, retriable } });
    expect(cloud.droplets.size).toBe(0);
  });

  test.each([
    [unprocessable("Droplet already has a pending event."), "locked"],
    [digitalOceanError(429, "too_many_requests"), "rate_limited"],
    [digitalOceanError(503, "service_unavailable"), "unavailable"],
    [{ status: 404, body: "<h1>Not Found</h1>" }, "unavailable"],
  ] as const)("[F23] [N1] deletion answered %o is to be asked again", async (reply, kind) => {
    const made = await provider.createServer(spec);
    const id = made.ok ? made.value.id : "";
    cloud.put(`DELETE /droplets/${id}`, reply);
    expect(await provider.deleteServer(id)).toMatchObject({ ok: false, error: { kind, retriable: true } });
    expect(await provider.deleteServer(id)).toEqual({ ok: true, value: "deleting" });
  });

  test("a deleted droplet's own tag goes with it, the installation's stays", async () => {
    const made = await provider.createServer(spec);
    expect([...cloud.tags]).toContain("samovar-node:nod_5f1");
    await provider.deleteServer(made.ok ? made.value.id : "");
    expect([...cloud.tags]).toEqual(["samovar-installation:install-1"]);
  });

  test("a wait is as long as DigitalOcean says: a burst's in seconds, an hour's until its reset", async () => {
    const limited = digitalOceanError(429, "too_many_requests");
    const at = (ms: number) => ({ "ratelimit-remaining": "0", "ratelimit-reset": String((NOW + ms) / 1000) });
    cloud.put(
      "GET /droplets/1",
      { ...limited, headers: { "retry-after": "7" } },
      { ...limited, headers: at(90_000) },
      { ...limited, headers: at(-90_000) },
      limited,
    );
    const waits = [await provider.getServer("1"), await provider.getServer("1")];
    const unclear = [await provider.getServer("1"), await provider.getServer("1")];
    expect(waits).toMatchObject([{ error: { retryAfterMs: 7_000 } }, { error: { retryAfterMs: 90_000 } }]);
    expect(unclear).toMatchObject([{ error: { retryAfterMs: 5_000 } }, { error: { retryAfterMs: 5_000 } }]);
  });

  test("[F25] a list without its total, or shorter than it, is a fault and not an end", async () => {
    cloud.put("GET /droplets", { status: 200, body: { droplets: [] } });
    expect(await provider.listServers({})).toMatchObject({ ok: false, error: { code: "unreadable_reply" } });
    cloud.put("GET /droplets", { status: 200, body: { droplets: [], meta: { total: 3 } } });
    expect(await provider.listServers({})).toMatchObject({ ok: false, error: { code: "list_changed" } });
  });

  test("[S1] the next page is asked of the address that was set, wherever a link points", async () => {
    const next = "https://elsewhere.test/v2/droplets?page=2";
    cloud.put("GET /droplets", { status: 200, body: { droplets: [], links: { pages: { next } }, meta: { total: 0 } } });
    expect(await provider.listServers({})).toMatchObject({ ok: true });
    expect(cloud.requests.at(-1)).toBe("GET /droplets?tag_name=samovar-installation%3Ainstall-1&per_page=50&page=2");
    cloud.put("GET /droplets", {
      status: 200,
      body: { droplets: [], links: { pages: { next: "https://x.test/" } }, meta: { total: 0 } },
    });
    expect(await provider.listServers({})).toMatchObject({ ok: false, error: { code: "unreadable_reply" } });
  });

  test("[R18] scopes that a token lacks are named, and asking makes nothing", async () => {
    cloud.missingScopes = ["droplet:create", "tag:create", "firewall:update"];
    expect(await provider.listMissingPermissions()).toEqual({
      ok: true,
      value: ["droplet:create", "tag:create", "firewall:update"],
    });
    cloud.missingScopes = ["ssh_key:read"];
    expect(await provider.listMissingPermissions()).toEqual({ ok: true, value: [] });
    expect(await connect({ sshKey: "ops" }).listMissingPermissions()).toEqual({ ok: true, value: ["ssh_key:read"] });
    expect([cloud.droplets.size, cloud.firewalls.size, cloud.tags.size]).toEqual([0, 0, 0]);
  });

  test("the firewall lets everything out, and a rule that was taken away is put back", async () => {
    await provider.createServer(spec);
    const [firewall] = cloud.firewalls.values();
    expect(firewall).toMatchObject({
      inbound_rules: [],
      outbound_rules: ["tcp", "udp", "icmp"].map((protocol) => ({
        protocol,
        ports: "0",
        destinations: { addresses: ["0.0.0.0/0", "::/0"] },
      })),
      tags: ["samovar-installation:install-1"],
    });
    firewall?.outbound_rules.pop();
    await provider.createServer({ ...spec, name: "samovar-n2" });
    expect([...cloud.firewalls.values()][0]?.outbound_rules).toHaveLength(3);
    const writes = cloud.requests.filter((request) => request.startsWith("PUT /firewalls"));
    await provider.createServer({ ...spec, name: "samovar-n3" });
    expect(cloud.requests.filter((request) => request.startsWith("PUT /firewalls"))).toEqual(writes);
  });

  test("an id cannot leave its place in the path", async () => {
    await provider.getServer("1/../../secrets?x=1");
    expect(cloud.requests).toEqual(["GET /droplets/1%2F..%2F..%2Fsecrets%3Fx%3D1"]);
  });
});
