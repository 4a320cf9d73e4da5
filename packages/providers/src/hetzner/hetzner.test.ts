import type { Random } from "@samovar/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { providerContract } from "../contract.testing.ts";
import { createHetznerProvider, type HetznerOptions, type Provider, type ServerSpec } from "../index.ts";
import { fetchPatiently, type Reply } from "../scripted-api.testing.ts";
import { hetznerError, type ScriptedHetzner, scriptedHetzner, serverType } from "./scripted-hetzner.testing.ts";

const token = "a-hetzner-token";
const installationId = "install-1";
const inOrder: Random = { next: () => 0, bytes: (length) => new Uint8Array(length) };

const SSH = { direction: "in", protocol: "tcp", port: "22", source_ips: ["0.0.0.0/0"] };

providerContract("hetzner over a scripted server", async () => {
  const cloud = await scriptedHetzner(token);
  let foreign = 900_000;
  return {
    userData: "#cloud-config\n",
    serversPath: "/servers",
    quotaRefusal: hetznerError(403, "resource_limit_exceeded", "server limit exceeded"),
    connect: (connection) => createHetznerProvider({ baseUrl: cloud.url, token, ...connection }),
    makeForeignServer: async (name, labels) => {
      const id = ++foreign;
      cloud.servers.set(id, { id, name, labels: { ...labels }, body: {} });
      return String(id);
    },
    makeForeignFirewall: async (name) =>
      void cloud.firewalls.set(1, { id: 1, name, labels: { owner: "another" }, rules: [SSH] }),
    listFirewalls: async () =>
      [...cloud.firewalls.values()].map(({ id, name, rules }) => ({
        name,
        inboundRules: rules.length,
        servers: [...cloud.servers.values()]
          .filter(({ body }) => JSON.stringify(body["firewalls"]) === JSON.stringify([{ firewall: id }]))
          .map((server) => String(server.id)),
      })),
    openFirewall: async (name) =>
      [...cloud.firewalls.values()]
        .filter((firewall) => firewall.name === name)
        .forEach((firewall) => void firewall.rules.push(SSH)),
    close: cloud.close,
  };
});

describe("hetzner", () => {
  let cloud: ScriptedHetzner;
  let provider: Provider;
  const connect = (over: Partial<HetznerOptions> = {}) =>
    createHetznerProvider({
      baseUrl: cloud.url,
      token,
      installationId,
      fetch: fetchPatiently,
      random: inOrder,
      ...over,
    });
  beforeEach(async () => {
    cloud = await scriptedHetzner(token);
    provider = connect();
  });
  afterEach(() => cloud.close());

  const spec: ServerSpec = {
    name: "samovar-n1",
    size: "small",
    userData: "#cloud-config\n",
    labels: { "samovar-installation": installationId, "samovar-node": "n1" },
  };

  test("asks for Debian 12 with the user data and the labels, in the type that suits", async () => {
    expect(await provider.createServer({ ...spec, size: "large" })).toMatchObject({
      ok: true,
      value: { id: "1", location: "here", pricePerHour: { amount: "0.01", currency: "EUR" } },
    });
    expect(cloud.creations()).toEqual([
      expect.objectContaining({
        name: "samovar-n1",
        server_type: "t8",
        location: "here",
        image: "debian-12",
        user_data: spec.userData,
        labels: spec.labels,
        firewalls: [{ firewall: 501 }],
        start_after_create: true,
      }),
    ]);
  });

  test("the image, location and ssh key of the settings are used", async () => {
    cloud.types = [serverType("t2", 2, 4, { fsn1: { price: "0.01" }, hel1: { price: "0.02" } })];
    cloud.sshKeys = [{ id: 101, name: "ops" }];
    const set = connect({ image: "debian-13", locations: ["hel1"], sshKey: "ops" });
    expect(await set.createServer(spec)).toMatchObject({ ok: true, value: { location: "hel1" } });
    expect(cloud.creations()).toMatchObject([{ image: "debian-13", location: "hel1", ssh_keys: [101] }]);
    expect(await connect({ sshKey: "7" }).createServer({ ...spec, name: "samovar-n2" })).toMatchObject({ ok: true });
    expect(cloud.creations().at(-1)).toMatchObject({ ssh_keys: [7] });
  });

  const snapshot = (id: number, architecture: string, day: number, over: object = {}) => ({
    id,
    name: null,
    type: "snapshot",
    status: "available",
    architecture,
    disk_size: 40,
    created: `2026-11-${day}T00:00:00+00:00`,
    labels: { image: "samovar" },
    ...over,
  });

  test("a snapshot is used on types of its architecture whose disk it fits", async () => {
    cloud.types = [
      serverType("arm", 2, 4, { a: { price: "0.001" } }, { architecture: "arm", disk: 80 }),
      serverType("small-disk", 2, 4, { a: { price: "0.002" } }, { architecture: "x86", disk: 20 }),
      serverType("fits", 2, 4, { a: { price: "0.003" } }, { architecture: "x86", disk: 40 }),
    ];
    cloud.images = [snapshot(77, "x86", 10)];
    expect(await connect({ image: "77" }).createServer(spec)).toMatchObject({ ok: true });
    expect(cloud.creations()).toMatchObject([{ server_type: "fits", image: 77 }]);
  });

  test("a label asks for the newest available snapshot of each architecture", async () => {
    cloud.types = [
      serverType("arm", 2, 4, { a: { price: "0.001" } }, { architecture: "arm", disk: 40 }),
      serverType("x86", 2, 4, { a: { price: "0.003" } }, { architecture: "x86", disk: 40 }),
    ];
    cloud.images = [
      snapshot(1, "x86", 10),
      snapshot(2, "x86", 12),
      snapshot(3, "arm", 11),
      snapshot(4, "arm", 13, { status: "creating" }),
      snapshot(5, "x86", 14, { labels: { image: "other" } }),
    ];
    cloud.put("POST /servers", hetznerError(412, "resource_unavailable"));
    expect(await connect({ image: "image=samovar" }).createServer(spec)).toMatchObject({ ok: true });
    expect(cloud.creations()).toMatchObject([
      { server_type: "arm", image: 3 },
      { server_type: "x86", image: 2 },
    ]);
  });

  test.each([
    [{ image: "999" }, "image_not_found", /999.*HETZNER_IMAGE/s],
    [{ image: "image=none" }, "image_not_found", /image=none.*HETZNER_IMAGE/s],
    [{ locations: ["mars1"] }, "location_not_found", /mars1.*known locations: here.*HETZNER_LOCATION/s],
    [{ sshKey: "none" }, "ssh_key_not_found", /"none".*HETZNER_SSH_KEY/s],
  ])("[R18] the settings %j do not suit: %s", async (over, code, message) => {
    expect(await connect(over).createServer(spec)).toMatchObject({
      ok: false,
      error: { kind: "invalid", code, retriable: false, message: expect.stringMatching(message) },
    });
    expect(cloud.creations()).toEqual([]);
  });

  test("[R18] a token that may only read is named as such, and nothing is made", async () => {
    cloud.put("POST /servers", hetznerError(401, "token_readonly", "token is only allowed to perform read operations"));
    expect(await provider.listMissingPermissions()).toEqual({ ok: true, value: ["Read & Write"] });
    expect(cloud.servers.size).toBe(0);
  });

  test("a firewall that is still in use, or gone already, is no failure of its removal", async () => {
    await provider.createServer(spec);
    expect(await provider.deleteSharedResources()).toEqual({ ok: true, value: "in_use" });
    await provider.deleteServer("1");
    cloud.put("DELETE /firewalls/501", { ...hetznerError(404, "not_found"), execute: true });
    expect(await provider.deleteSharedResources()).toEqual({ ok: true, value: "deleted" });
    expect(await provider.deleteSharedResources()).toEqual({ ok: true, value: "deleted" });
  });

  test("[F21] prefers what is available, then cheap, then recommended; what is leaving comes last", async () => {
    cloud.types = [
      serverType("tiny", 1, 2, { a: { price: "0.001" } }),
      serverType("sold-out", 2, 4, { a: { price: "0.005", available: false } }),
      serverType("dear", 4, 16, { a: { price: "0.09" } }),
      serverType("good", 2, 4, {
        a: { price: "0.01" },
        b: { price: "0.01", recommended: true },
        c: { price: "0.002", leaving: true },
      }),
    ];
    cloud.put("POST /servers", ...Array<Reply>(5).fill(hetznerError(412, "resource_unavailable")));
    expect(await provider.createServer(spec)).toMatchObject({
      ok: false,
      error: { kind: "capacity", retriable: true },
    });
    expect(cloud.creations().map((body) => `${String(body["server_type"])}@${String(body["location"])}`)).toEqual([
      "good@b",
      "good@a",
      "dear@a",
      "good@c",
      "sold-out@a",
    ]);
  });

  test("of those that cost the same, none is larger than asked", async () => {
    const locations = { a: { price: "0" }, b: { price: "0" } };
    cloud.types = [8, 2, 4].map((cores) => serverType(`local${cores}`, cores, cores * 2, locations));
    const sizes = Array.from({ length: 20 }, () => provider.listSizes());
    for (const read of await Promise.all(sizes))
      expect(read.ok && read.value.map(({ serverType: name }) => name)).toEqual(["local2", "local4", "local8"]);
  });

  test.each([
    ["no capacity", hetznerError(412, "resource_unavailable")],
    ["an unsupported location", hetznerError(422, "invalid_input", "unsupported location for server type")],
    ["no placement", hetznerError(422, "placement_error")],
  ])("[F21] after %s the next place is tried", async (_, refusal) => {
    cloud.types = [serverType("t", 2, 4, { a: { price: "0.01", recommended: true }, b: { price: "0.01" } })];
    cloud.put("POST /servers", refusal);
    expect(await provider.createServer(spec)).toMatchObject({ ok: true, value: { location: "b" } });
  });

  test("no type is large enough", async () => {
    cloud.types = [serverType("t", 2, 4, { a: { price: "0.01" } })];
    expect(await provider.createServer({ ...spec, size: "large" })).toMatchObject({
      ok: false,
      error: { kind: "capacity", code: "no_server_type" },
    });
  });

  const ambiguous: [string, Reply][] = [
    ["the connection breaks", { status: 0, body: "", hangUp: true, execute: true }],
    ["the gateway gives up", { ...hetznerError(504, "timeout"), execute: true }],
    ["the gateway answers in HTML", { status: 502, body: "<html>", execute: true }],
    ["the answer is cut", { status: 201, body: '{"server":{"id":', execute: true }],
    ["the answer is another document", { status: 201, body: { hello: 1 }, execute: true }],
  ];
  test.each(ambiguous)("[F19] made, and %s: adopted", async (_, reply) => {
    cloud.put("POST /servers", reply);
    expect(await provider.createServer(spec)).toMatchObject({ ok: true, value: { id: "1", name: spec.name } });
    expect(cloud.servers.size).toBe(1);
  });
  test.each(ambiguous)("[F19] not made, and %s: to be tried again", async (_, reply) => {
    cloud.put("POST /servers", { ...reply, execute: false });
    expect(await provider.createServer(spec)).toMatchObject({
      ok: false,
      error: { kind: "unavailable", retriable: true },
    });
    expect(await provider.createServer(spec)).toMatchObject({ ok: true });
  });

  test("[F19] a look-up that fails after a lost answer is a fault, and the next try adopts", async () => {
    cloud.put("POST /servers", { status: 0, body: "", hangUp: true, execute: true });
    cloud.put("GET /servers", hetznerError(503, "unavailable"));
    expect(await provider.createServer(spec)).toMatchObject({ ok: false, error: { retriable: true } });
    expect(await provider.createServer(spec)).toMatchObject({ ok: true, value: { id: "1" } });
    expect(cloud.servers.size).toBe(1);
  });

  test.each([
    [hetznerError(401, "unauthorized"), "unauthorized", false],
    [hetznerError(401, "token_readonly"), "unauthorized", false],
    [hetznerError(403, "forbidden"), "unauthorized", false],
    [hetznerError(403, "resource_limit_exceeded", "server limit reached"), "quota", true],
    [hetznerError(403, "maintenance"), "unavailable", true],
    [hetznerError(400, "json_error"), "invalid", false],
    [hetznerError(422, "invalid_input", "invalid input in field 'user_data'"), "invalid", false],
    [hetznerError(422, "service_error"), "unavailable", true],
    [hetznerError(409, "conflict"), "conflict", true],
    [hetznerError(429, "rate_limit_exceeded"), "rate_limited", true],
    [hetznerError(500, "server_error"), "unavailable", true],
  ] as const)("[F21] creation answered %o is %s", async (reply, kind, retriable) => {
    cloud.put("POST /servers", reply);
    const result = await provider.createServer(spec);
    expect(result).toMatchObject({ ok: false, error: { kind, retriable } });
    expect(cloud.servers.size).toBe(0);
  });

  test.each([
    [409, "conflict", "conflict"],
    [423, "locked", "locked"],
    [423, "protected", "locked"],
    [429, "rate_limit_exceeded", "rate_limited"],
    [500, "server_error", "unavailable"],
    [502, "bad_gateway", "unavailable"],
    [503, "unavailable", "unavailable"],
  ] as const)("[F23] deletion answered %d %s is to be asked again", async (status, code, kind) => {
    await provider.createServer(spec);
    cloud.put("DELETE /servers/1", hetznerError(status, code));
    expect(await provider.deleteServer("1")).toMatchObject({ ok: false, error: { kind, code, retriable: true } });
    expect(await provider.deleteServer("1")).toEqual({ ok: true, value: "deleting" });
  });

  test("[F22] gone between the look and the deletion is gone", async () => {
    await provider.createServer(spec);
    cloud.put("DELETE /servers/1", hetznerError(404, "not_found"));
    expect(await provider.deleteServer("1")).toEqual({ ok: true, value: "gone" });
  });

  test("[N1] a 404 that is not the API's own word does not mean gone", async () => {
    await provider.createServer(spec);
    const page: Reply = { status: 404, body: "<h1>Not Found</h1>" };
    cloud.put("GET /servers/1", page);
    expect(await provider.getServer("1")).toMatchObject({ ok: false, error: { kind: "unavailable", retriable: true } });
    cloud.put("DELETE /servers/1", page);
    expect(await provider.deleteServer("1")).toMatchObject({ ok: false, error: { retriable: true } });
  });

  test("[F25] a page without paging facts is a fault, not an end", async () => {
    cloud.put("GET /servers", { status: 200, body: { servers: [] } });
    expect(await provider.listServers({})).toMatchObject({ ok: false, error: { code: "unreadable_reply" } });
  });

  test("[F25] a list that shrank while it was read is a fault", async () => {
    cloud.put("GET /servers", {
      status: 200,
      body: { servers: [], meta: { pagination: { next_page: null, total_entries: 3 } } },
    });
    expect(await provider.listServers({})).toMatchObject({
      ok: false,
      error: { code: "list_changed", retriable: true },
    });
  });

  test("lists ask for fifty a page, in order, with our label", async () => {
    await provider.listServers({ "samovar-node": "n1" });
    const asked = new URL(cloud.requests.at(-1)?.replace("GET ", "http://x") ?? "");
    expect(Object.fromEntries(asked.searchParams)).toEqual({
      label_selector: `samovar-node=n1,samovar-installation=${installationId}`,
      sort: "id:asc",
      page: "1",
      per_page: "50",
    });
  });

  test("a label that would change the selector is refused", async () => {
    expect(await provider.listServers({ "samovar-node": "x,!samovar-installation" })).toMatchObject({
      ok: false,
      error: { kind: "invalid" },
    });
    expect(cloud.requests).toEqual([]);
  });

  test("Retry-After is passed on", async () => {
    cloud.put("GET /servers/1", { ...hetznerError(429, "rate_limit_exceeded"), headers: { "retry-after": "7" } });
    expect(await provider.getServer("1")).toMatchObject({ ok: false, error: { retryAfterMs: 7000 } });
  });

  test("[S1] reports a wrong token without showing it", async () => {
    const wrong = createHetznerProvider({
      baseUrl: cloud.url,
      token: "another-secret",
      installationId,
      fetch: () => Promise.reject(new Error("bad header another-secret")),
    });
    const result = await wrong.getServer("1");
    expect(JSON.stringify(result)).not.toContain("another-secret");
    const refused = createHetznerProvider({
      baseUrl: cloud.url,
      token: "another-secret",
      installationId,
      fetch: fetchPatiently,
    });
    expect(await refused.getServer("1")).toMatchObject({
      ok: false,
      error: { kind: "unauthorized", retriable: false },
    });
  });

  test("an id cannot leave its place in the path", async () => {
    await provider.getServer("1/../../secrets?x=1");
    expect(cloud.requests).toEqual(["GET /servers/1%2F..%2F..%2Fsecrets%3Fx%3D1"]);
  });
});
