import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { LocalCloud } from "../index.ts";
import { makeRig, type Rig, WAIT } from "../rig.testing.ts";

let rig: Rig;
let cloud: LocalCloud;
beforeAll(async () => {
  rig = await makeRig();
  cloud = await rig.start();
});
afterAll(() => rig.close());

const ask = (method: string, path: string, body?: unknown) => rig.call(cloud, method, path, body);
const names = async (query: string) => {
  const { body } = await ask("GET", `/servers?${query}`);
  return Array.from(Object(body["servers"]), (server) => Object(server).name);
};

describe("the API", () => {
  test.each(["/servers", "/actions/1", "/nowhere"])("[check 1] wants the token for %s", async (path) => {
    for (const authorization of ["", "Bearer ", "Bearer another", "Basic bG9jYWwtdG9rZW4="]) {
      const reply = await fetch(cloud.url + path, { headers: authorization === "" ? {} : { authorization } });
      expect(reply.status).toBe(401);
      expect(await reply.json()).toMatchObject({ error: { code: "unauthorized" } });
    }
  });

  test("listens on loopback alone", async () => {
    expect(cloud.url).toBe(`http://127.0.0.1:${cloud.port}/v1`);
  });

  test("reports the rate limit with each reply", async () => {
    const { headers } = await ask("GET", "/locations");
    expect(Number(headers.get("ratelimit-limit"))).toBe(3600);
    expect(Number(headers.get("ratelimit-remaining"))).toBeLessThan(3600);
    expect(Number(headers.get("ratelimit-reset"))).toBeGreaterThan(Date.now() / 1000);
  });

  test.each([
    ["a name that is no host name", { name: "a b" }, 422, "invalid_input"],
    ["a type that is not known", { server_type: "cx23" }, 422, "invalid_input"],
    ["an image that is not known", { image: "windows" }, 422, "invalid_input"],
    ["a location that is not known", { location: "fsn1" }, 422, "invalid_input"],
    ["a label that is none", { labels: { "a b": "c" } }, 422, "invalid_input"],
    ["user data that is too long", { user_data: "é".repeat(16_385) }, 422, "invalid_input"],
    ["a request that is far too long", { user_data: "x".repeat(300_000) }, 413, "payload_too_large"],
  ])("refuses %s", async (_, over, status, code) => {
    const before = cloud.servers().length;
    const reply = await ask("POST", "/servers", { name: "x", server_type: "local2", image: "debian-12", ...over });
    expect(reply).toMatchObject({ status, body: { error: { code } } });
    expect(cloud.servers()).toHaveLength(before);
  });

  test.each([
    ["POST", "/servers", "{", 400, "json_error"],
    ["GET", "/servers/999", undefined, 404, "not_found"],
    ["GET", "/servers/x", undefined, 404, "not_found"],
    ["DELETE", "/servers/999", undefined, 404, "not_found"],
    ["POST", "/servers/999/actions/poweroff", undefined, 404, "not_found"],
    ["GET", "/servers?page=0", undefined, 422, "invalid_input"],
    ["GET", "/servers?label_selector=a(b", undefined, 422, "invalid_input"],
    ["GET", "/actions", undefined, 422, "invalid_input"],
    ["GET", "/actions/999", undefined, 404, "not_found"],
    ["GET", "/datacenters", undefined, 410, "deprecated_api_endpoint"],
    ["GET", "/firewalls/999", undefined, 404, "not_found"],
    ["DELETE", "/firewalls/x", undefined, 404, "not_found"],
    ["POST", "/firewalls/999/actions/set_rules", { rules: [] }, 404, "not_found"],
    ["GET", "/firewalls?label_selector=a(b", undefined, 422, "invalid_input"],
    ["POST", "/firewalls", { name: "" }, 422, "invalid_input"],
    [
      "POST",
      "/firewalls",
      { name: "f", rules: [{ direction: "in", protocol: "tcp", port: "22" }] },
      422,
      "invalid_input",
    ],
    [
      "POST",
      "/firewalls",
      { name: "f", rules: [{ direction: "in", protocol: "tcp", source_ips: ["0.0.0.0/0"] }] },
      422,
      "invalid_input",
    ],
    [
      "POST",
      "/firewalls",
      { name: "f", rules: [{ direction: "in", protocol: "icmp", source_ips: ["everywhere"] }] },
      422,
      "invalid_input",
    ],
    ["POST", "/firewalls", { name: "f", apply_to: [{ type: "server", server: { id: 999 } }] }, 404, "not_found"],
    ["GET", "/volumes", undefined, 404, "not_found"],
  ])("%s %s (%s) is answered %d %s", async (method, path, body, status, code) => {
    expect(await ask(method, path, body)).toMatchObject({
      status,
      body: { error: { code, message: expect.any(String) } },
    });
  });

  test("a name is used once", async () => {
    await rig.create(cloud, "taken", "");
    const other = await rig.create(cloud, "other", "");
    const conflict = {
      status: 409,
      body: { error: { code: "uniqueness_error", details: { fields: [{ name: "name" }] } } },
    };
    expect(await ask("POST", "/servers", { name: "taken", server_type: "local2", image: "debian-12" })).toMatchObject(
      conflict,
    );
    expect(await ask("PUT", `/servers/${other}`, { name: "taken" })).toMatchObject(conflict);
  });

  test("fifty creations of one name at once make one server", async () => {
    const replies = await Promise.all(
      Array.from({ length: 50 }, () =>
        ask("POST", "/servers", { name: "once", server_type: "local2", image: "debian-12" }),
      ),
    );
    expect(replies.filter((reply) => reply.status === 201)).toHaveLength(1);
    expect(await names("name=once")).toEqual(["once"]);
  });

  test("labels are replaced whole, and select", async () => {
    const a = await rig.create(cloud, "sel-a", "", { group: "sel", tier: "one" });
    await rig.create(cloud, "sel-b", "", { group: "sel", tier: "two" });
    expect(await names("label_selector=group%3Dsel")).toEqual(["sel-a", "sel-b"]);
    expect(await names("label_selector=group%3Dsel,tier+notin+(two,three)")).toEqual(["sel-a"]);
    expect((await ask("PUT", `/servers/${a}`, { labels: { other: "x" } })).body["server"]).toMatchObject({
      labels: { other: "x" },
    });
    expect(await names("label_selector=group%3Dsel")).toEqual(["sel-b"]);
    expect(await names("label_selector=!group,other")).toEqual(["sel-a"]);
  });

  test("pages are those that were asked for", async () => {
    for (const name of ["pg-1", "pg-2", "pg-3"]) await rig.create(cloud, name, "", { group: "pg" });
    const query = "label_selector=group%3Dpg&per_page=2&sort=name:desc";
    expect(await names(query)).toEqual(["pg-3", "pg-2"]);
    expect(await names(`${query}&page=2`)).toEqual(["pg-1"]);
    expect((await ask("GET", `/servers?${query}`)).body["meta"]).toEqual({
      pagination: { page: 1, per_page: 2, previous_page: null, next_page: 2, last_page: 2, total_entries: 3 },
    });
    expect(await names(`${query}&page=3`)).toEqual([]);
  });

  test("a firewall is attached at a server's creation, and forgotten with the server", async () => {
    const { body } = await ask("POST", "/firewalls", { name: "closed", labels: { a: "b" } });
    const firewall = Number(body["firewall"]?.["id"]);
    const made = await ask("POST", "/servers", {
      name: "guarded",
      server_type: "local2",
      image: "debian-12",
      start_after_create: false,
      firewalls: [{ firewall }],
    });
    const id = Number(made.body["server"]?.["id"]);
    expect(made.body["server"]).toMatchObject({ public_net: { firewalls: [{ id: firewall, status: "applied" }] } });
    expect(await ask("DELETE", `/firewalls/${firewall}`)).toMatchObject({
      status: 422,
      body: { error: { code: "resource_in_use" } },
    });
    await ask("DELETE", `/servers/${id}`);
    await vi.waitFor(
      async () =>
        expect((await ask("GET", `/firewalls/${firewall}`)).body).toMatchObject({ firewall: { applied_to: [] } }),
      WAIT,
    );
  });

  test("a server behind an unknown firewall is not made", async () => {
    const wanted = { name: "unguarded", server_type: "local2", image: "debian-12", firewalls: [{ firewall: 999 }] };
    expect(await ask("POST", "/servers", wanted)).toMatchObject({
      status: 404,
      body: { error: { code: "not_found" } },
    });
    expect(await names("name=unguarded")).toEqual([]);
  });

  test("a server that is not to start stays off until it is powered on", async () => {
    const { body } = await ask("POST", "/servers", {
      name: "later",
      server_type: "local2",
      image: "debian-12",
      start_after_create: false,
    });
    expect(body["server"]).toMatchObject({ status: "off" });
    const id = Number(body["server"]?.["id"]);
    await vi.waitFor(async () => expect((await ask("POST", `/servers/${id}/actions/poweron`)).status).toBe(201), WAIT);
    await vi.waitFor(async () => expect(await rig.status(cloud, id)).toBe("running"), WAIT);
  });

  test("[S1] the user data is nowhere in the answers, and for its owner alone on disk", async () => {
    const id = await rig.create(cloud, "secret", "#cloud-config\nhostname: canary\n");
    expect(JSON.stringify((await ask("GET", `/servers/${id}`)).body)).not.toContain("canary");
    expect(readFileSync(join(rig.dataDir, "cloud.json"), "utf8")).not.toContain("canary");
  });
});

describe("starting", () => {
  test("rejects when the port is taken, and touches nothing", async () => {
    const dataDir = join(rig.dataDir, "elsewhere");
    await expect(rig.start({ dataDir, port: cloud.port })).rejects.toThrow(/EADDRINUSE/);
    expect(() => readFileSync(join(dataDir, "cloud.json"))).toThrow(/ENOENT/);
  });

  test("reads a record from before there were firewalls", async () => {
    const dataDir = join(rig.dataDir, "earlier");
    mkdirSync(dataDir);
    const action = { id: 1, command: "delete_server", status: "success", startedAt: 1, finishedAt: 2, serverId: 1 };
    const record = { version: 1, mark: "0123456789abcdef", nextServerId: 2, nextActionId: 2, servers: [] };
    writeFileSync(join(dataDir, "cloud.json"), JSON.stringify({ ...record, actions: [{ ...action, error: null }] }));
    const earlier = await rig.start({ dataDir });
    expect((await rig.call(earlier, "GET", "/firewalls")).body).toMatchObject({ firewalls: [] });
    expect((await rig.call(earlier, "GET", "/actions/1")).body).toMatchObject({
      action: { resources: [{ id: 1, type: "server" }] },
    });
  });

  test("rejects a record that cannot be read, and leaves it as it is", async () => {
    const dataDir = join(rig.dataDir, "broken");
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, "cloud.json"), "{");
    await expect(rig.start({ dataDir })).rejects.toThrow(/cannot be read/);
    expect(readFileSync(join(dataDir, "cloud.json"), "utf8")).toBe("{");
  });

  test("rejects a place that is no directory", async () => {
    const dataDir = join(rig.dataDir, "file");
    writeFileSync(dataDir, "");
    chmodSync(dataDir, 0o600);
    await expect(rig.start({ dataDir })).rejects.toThrow();
  });
});
