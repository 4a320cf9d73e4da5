/** `samovar egress` against the test's own control plane [R50]. */
import type { EgressPolicy } from "@samovar/contracts";
import { aProjectView } from "@samovar/testing";
import { afterEach, expect, it } from "vitest";
import { testSamovar, toPage } from "./context.testing.ts";
import { allowHost, setEgress, showEgress } from "./egress.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const tea = aProjectView({ name: "tea", egress: { mode: "allow-list", hosts: ["a.example"] } });
const others = [
  aProjectView({ name: "open" }),
  aProjectView({ name: "private", egress: { mode: "open", hosts: ["10.0.0.7:5432"] } }),
  aProjectView({ name: "none", egress: { mode: "none", hosts: [] } }),
];

async function samovar() {
  const changed = (egress: unknown) => ({ ...tea, egress: egress as EgressPolicy });
  const here = await testSamovar({
    "GET /api/projects": () => toPage(tea, ...others),
    [`PATCH /api/projects/${tea.id}`]: ({ body }) => changed((body as { egress: unknown }).egress),
    [`POST /api/projects/${tea.id}/egress/hosts`]: ({ body }) =>
      changed({ ...tea.egress, hosts: [...tea.egress.hosts, (body as { host: string }).host] }),
  });
  closing.push(here.close);
  return here;
}

it("[R50] shows each project's mode and hosts", async () => {
  const here = await samovar();
  const context = here.context();
  expect(await showEgress(undefined, context)).toBe(0);
  const lines = context.terminal.out().split("\n");
  expect(lines[1]).toMatch(/^tea +allow-list +\d+ by default, and a\.example$/);
  expect(lines[2]).toMatch(/^open +open +all public hosts$/);
  expect(lines[3]).toMatch(/^private +open +all public hosts, and 10\.0\.0\.7:5432$/);
  expect(lines[4]).toMatch(/^none +none +no hosts$/);
  const asJson = here.context({ json: true });
  await showEgress("tea", asJson);
  expect(JSON.parse(asJson.terminal.out())).toEqual([{ id: tea.id, name: "tea", egress: tea.egress }]);
});

it("[R50] sets a project's mode, and its hosts if they are given", async () => {
  const here = await samovar();
  const context = here.context();
  expect(await setEgress({ project: "tea", mode: "open", hosts: undefined }, context)).toBe(0);
  expect(here.asked.at(-1)?.body).toEqual({ egress: { mode: "open", hosts: ["a.example"] } });
  expect(context.terminal.out()).toContain("tea: open, all public hosts, and a.example, from the next session on.");
  await setEgress({ project: tea.id, mode: "allow-list", hosts: "B.example, *.c.example:8443" }, here.context());
  expect(here.asked.at(-1)?.body).toEqual({ egress: { mode: "allow-list", hosts: ["b.example", "*.c.example:8443"] } });
  await setEgress({ project: "tea", mode: "none", hosts: "" }, here.context());
  expect(here.asked.at(-1)?.body).toEqual({ egress: { mode: "none", hosts: [] } });
});

it("[R50] allows one host through the route that loses no other", async () => {
  const here = await samovar();
  const context = here.context();
  expect(await allowHost("tea", "B.example:8443", context)).toBe(0);
  expect(here.asked.at(-1)).toMatchObject({ method: "POST", body: { host: "b.example:8443" } });
  expect(context.terminal.out()).toContain("and a.example, b.example:8443");
});

it("[R50] says what is wrong with a mode, host or project before it asks for a change", async () => {
  const here = await samovar();
  const set = (mode: string, hosts: string) => setEgress({ project: "tea", mode, hosts }, here.context());
  await expect(set("closed", "")).rejects.toMatchObject({ hint: "Choose one of: open, allow-list, none" });
  await expect(set("open", "https://a.example")).rejects.toThrow("https://a.example is not a host.");
  await expect(allowHost("tea", "a b", here.context())).rejects.toThrow("a b is not a host.");
  await expect(allowHost("coffee", "a.example", here.context())).rejects.toThrow("No project is named coffee.");
  expect(here.asked.filter(({ method }) => method !== "GET")).toEqual([]);
});
