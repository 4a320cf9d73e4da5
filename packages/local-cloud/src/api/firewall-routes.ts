/** Hetzner's calls for firewalls. */
import type { Hono } from "hono";
import type { Firewalls } from "../firewalls.ts";
import type { FirewallRecord } from "../state.ts";
import { ApiError } from "./errors.ts";
import { idOf, jsonBody, queryOf } from "./http.ts";
import {
  applyFirewall,
  changeFirewall,
  createFirewall,
  pageOf,
  parseBody,
  removeFirewall,
  setRules,
} from "./requests.ts";
import { selectorOf } from "./selector.ts";
import { toActionView, toFirewallView } from "./views.ts";

const FIELDS = {
  id: (one: FirewallRecord) => one.id,
  name: (one: FirewallRecord) => one.name,
  created: (one: FirewallRecord) => one.createdAt,
};

export function serveFirewalls(app: Hono, firewalls: Firewalls): void {
  app.get("/firewalls", (c) => {
    const query = queryOf(c);
    const name = query.get("name");
    const selects = selectorOf(query);
    const found = firewalls.list().filter((one) => (name === null || one.name === name) && selects(one.labels));
    const { items, meta } = pageOf(found, query, FIELDS);
    return c.json({ firewalls: items.map(toFirewallView), meta });
  });
  app.post("/firewalls", async (c) => {
    const { apply_to: serverIds, ...body } = parseBody(createFirewall, await jsonBody(c));
    const { firewall, actions } = firewalls.create({ ...body, serverIds });
    return c.json({ firewall: toFirewallView(firewall), actions: actions.map(toActionView) }, 201);
  });
  app.get("/firewalls/:id", (c) => {
    const id = idOf(c, "firewall");
    const firewall = firewalls.list().find((one) => one.id === id);
    if (firewall === undefined) throw new ApiError("not_found", `firewall with ID '${id}' not found`);
    return c.json({ firewall: toFirewallView(firewall) });
  });
  app.put("/firewalls/:id", async (c) => {
    const changed = firewalls.change(idOf(c, "firewall"), parseBody(changeFirewall, await jsonBody(c)));
    return c.json({ firewall: toFirewallView(changed) });
  });
  app.delete("/firewalls/:id", (c) => {
    firewalls.remove(idOf(c, "firewall"));
    return c.body(null, 204);
  });
  app.post("/firewalls/:id/actions/set_rules", async (c) => {
    const { rules } = parseBody(setRules, await jsonBody(c));
    return c.json({ actions: firewalls.setRules(idOf(c, "firewall"), rules).map(toActionView) }, 201);
  });
  app.post("/firewalls/:id/actions/apply_to_resources", async (c) => {
    const { apply_to: ids } = parseBody(applyFirewall, await jsonBody(c));
    return c.json({ actions: firewalls.apply(idOf(c, "firewall"), ids).map(toActionView) }, 201);
  });
  app.post("/firewalls/:id/actions/remove_from_resources", async (c) => {
    const { remove_from: ids } = parseBody(removeFirewall, await jsonBody(c));
    return c.json({ actions: firewalls.removeFrom(idOf(c, "firewall"), ids).map(toActionView) }, 201);
  });
}
