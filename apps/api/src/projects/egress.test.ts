/** A project's rights over HTTP: its egress policy, and whether agents use the repository's settings [R49] [R50]. */
import { auditEntry, errorBody, page, projectView } from "@samovar/contracts";
import { beforeAll, describe, expect, it } from "vitest";
import { anotherUser, controlPlane } from "../../test/caller.ts";

const { ask, setUp } = controlPlane();
let token = "";
beforeAll(async () => {
  token = (await setUp()).apiToken;
});

const create = async (more: object = {}) =>
  ask("/api/projects", { body: { name: "Tea", repoUrl: "https://git.test/a.git", ...more }, token });
const aProject = async (more: object = {}) => projectView.parse(await (await create(more)).json());
const patch = (id: string, body: object) => ask(`/api/projects/${id}`, { method: "PATCH", body, token });
const allow = (id: string, host: string, as = token) =>
  ask(`/api/projects/${id}/egress/hosts`, { body: { host }, token: as });
const read = async (id: string) => projectView.parse(await (await ask(`/api/projects/${id}`, { token })).json());
const listEntries = async (id: string) =>
  page(auditEntry)
    .parse(await (await ask("/api/audit-log?limit=200", { token })).json())
    .items.filter(({ objectId }) => objectId === id);

describe("a project", () => {
  it("[R49] [R50] is open, and ignores the repository's settings, until that is changed", async () => {
    const project = await aProject();
    expect(project).toMatchObject({ egress: { mode: "open", hosts: [] }, repositorySettings: "ignored" });
    const egress = { mode: "allow-list", hosts: ["registry.example.com", "*.example.org:8443"] };
    expect((await patch(project.id, { egress, repositorySettings: "used" })).status).toBe(200);
    expect(await read(project.id)).toMatchObject({ egress, repositorySettings: "used" });
    const made = await aProject({ egress: { mode: "none", hosts: [] }, repositorySettings: "used" });
    expect(made).toMatchObject({ egress: { mode: "none", hosts: [] }, repositorySettings: "used" });
  });

  it("[R50] refuses hosts that are none, and those that no policy opens", async () => {
    const { id } = await aProject();
    for (const host of ["https://example.com", "example.com/path", "a b", "127.0.0.1", "localhost:80", "[fe80::1]"]) {
      const egress = { mode: "allow-list", hosts: [host] };
      expect((await patch(id, { egress })).status, host).toBe(400);
      expect((await create({ egress })).status, host).toBe(400);
      expect((await allow(id, host)).status, host).toBe(400);
    }
    expect(await read(id)).toMatchObject({ egress: { mode: "open", hosts: [] } });
  });

  it("[security 40] leaves a record of each change of its rights", async () => {
    const { id } = await aProject();
    await patch(id, { egress: { mode: "allow-list", hosts: ["a.example"] }, repositorySettings: "used" });
    await allow(id, "b.example");
    await allow(id, "b.example");
    expect((await listEntries(id)).toReversed()).toMatchObject([
      {
        action: "project.changed",
        detail: {
          settings: "egress, repositorySettings",
          egress: "allow-list",
          hosts: "a.example",
          repositorySettings: "used",
        },
      },
      { action: "project.changed", detail: { settings: "egress", allowed: "b.example" } },
    ]);
    expect(await listEntries(id)).toHaveLength(2);
  });
});

describe("[R50] allowing a host", () => {
  it("adds it once, whatever the project's mode was and however often it is asked for", async () => {
    for (const egress of [undefined, { mode: "open", hosts: [] }, { mode: "allow-list", hosts: ["a.example"] }]) {
      const before = await aProject(egress === undefined ? {} : { egress });
      for (const host of ["B.Example:8443", "b.example:8443"]) expect((await allow(before.id, host)).status).toBe(200);
      const { mode, hosts } = (await read(before.id)).egress;
      expect({ mode, hosts }).toEqual({ mode: before.egress.mode, hosts: [...before.egress.hosts, "b.example:8443"] });
    }
  });

  it("loses no host when many are allowed at once", async () => {
    const { id } = await aProject();
    const hosts = Array.from({ length: 20 }, (_, n) => `host-${n}.example`);
    const answers = await Promise.all(hosts.map((host) => allow(id, host)));
    expect(answers.map(({ status }) => status)).toEqual(hosts.map(() => 200));
    expect((await read(id)).egress.hosts.toSorted()).toEqual(hosts.toSorted());
  });

  it("is refused beyond 200 hosts, for a project that allows none, and for another person's project", async () => {
    const hosts = Array.from({ length: 200 }, (_, n) => `host-${n}.example`);
    const full = await aProject({ egress: { mode: "allow-list", hosts } });
    const refused = await allow(full.id, "one-more.example");
    expect(refused.status).toBe(409);
    expect(errorBody.parse(await refused.json()).error.message).toContain("200 hosts already");
    expect((await allow(full.id, "host-7.example")).status).toBe(200);
    const closed = await aProject({ egress: { mode: "none", hosts: [] } });
    expect((await allow(closed.id, "a.example")).status).toBe(409);
    expect((await read(closed.id)).egress).toEqual({ mode: "none", hosts: [] });
    const other = await anotherUser();
    expect((await allow(full.id, "a.example", other.token)).status).toBe(404);
  });
});
