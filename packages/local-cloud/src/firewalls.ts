/**
 * Firewalls as the cloud's API stores them. They are stored and attached, not enforced: a server is a process tree of this
 * machine, and its ports are as reachable as any other program's.
 */
import type { Clock } from "@samovar/base";
import { ApiError } from "./api/errors.ts";
import type { ActionRecord, CloudState, FirewallRecord, FirewallRule } from "./state.ts";

export interface NewFirewall {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly rules: readonly FirewallRule[];
  readonly serverIds: readonly number[];
}

export interface Firewalls {
  list(): readonly FirewallRecord[];
  /** Throws `uniqueness_error`. One action for each server that it is applied to. */
  create(input: NewFirewall): { readonly firewall: FirewallRecord; readonly actions: readonly ActionRecord[] };
  /** Throws `not_found`, `uniqueness_error`. */
  change(
    id: number,
    change: { readonly name?: string | undefined; readonly labels?: Readonly<Record<string, string>> | undefined },
  ): FirewallRecord;
  /** Throws `not_found`. */
  setRules(id: number, rules: readonly FirewallRule[]): readonly ActionRecord[];
  /** Throws `not_found`. */
  apply(id: number, serverIds: readonly number[]): readonly ActionRecord[];
  /** Throws `not_found`. */
  removeFrom(id: number, serverIds: readonly number[]): readonly ActionRecord[];
  /** Throws `not_found`, `resource_in_use` while a server is behind it. */
  remove(id: number): void;
}

interface Ports {
  readonly state: CloudState;
  readonly clock: Clock;
  save(): void;
  /** Throws `not_found`. */
  requireServer(id: number): void;
  /** An action that is already done. */
  addDoneAction(command: string, on: { readonly firewallId: number; readonly serverId: number | null }): ActionRecord;
}

export function createFirewalls({ state, clock, save, requireServer, addDoneAction }: Ports): Firewalls {
  function known(id: number): FirewallRecord {
    const firewall = state.firewalls.find((one) => one.id === id);
    if (firewall === undefined) throw new ApiError("not_found", `firewall with ID '${id}' not found`);
    return firewall;
  }

  function requireFreeName(name: string, exceptId: number | null): void {
    if (!state.firewalls.some((one) => one.name === name && one.id !== exceptId)) return;
    throw new ApiError("uniqueness_error", "firewall name is already used", { fields: [{ name: "name" }] });
  }

  function apply(id: number, serverIds: readonly number[]): readonly ActionRecord[] {
    const firewall = known(id);
    for (const serverId of serverIds) requireServer(serverId);
    firewall.serverIds = [...new Set([...firewall.serverIds, ...serverIds])];
    const actions = serverIds.map((serverId) => addDoneAction("apply_firewall", { firewallId: id, serverId }));
    save();
    return actions;
  }

  return {
    list: () => state.firewalls,
    create({ serverIds, ...input }) {
      requireFreeName(input.name, null);
      for (const serverId of serverIds) requireServer(serverId);
      const firewall: FirewallRecord = {
        id: state.nextFirewallId++,
        name: input.name,
        labels: { ...input.labels },
        rules: [...input.rules],
        createdAt: clock.now(),
        serverIds: [],
      };
      state.firewalls.push(firewall);
      return { firewall, actions: apply(firewall.id, serverIds) };
    },
    change(id, { name, labels }) {
      const firewall = known(id);
      if (name !== undefined) requireFreeName(name, id);
      firewall.name = name ?? firewall.name;
      firewall.labels = { ...(labels ?? firewall.labels) };
      save();
      return firewall;
    },
    setRules(id, rules) {
      known(id).rules = [...rules];
      const action = addDoneAction("set_firewall_rules", { firewallId: id, serverId: null });
      save();
      return [action];
    },
    apply,
    removeFrom(id, serverIds) {
      const firewall = known(id);
      firewall.serverIds = firewall.serverIds.filter((serverId) => !serverIds.includes(serverId));
      const actions = serverIds.map((serverId) => addDoneAction("remove_firewall", { firewallId: id, serverId }));
      save();
      return actions;
    },
    remove(id) {
      if (known(id).serverIds.length > 0)
        throw new ApiError("resource_in_use", `firewall with ID '${id}' is still in use`);
      state.firewalls = state.firewalls.filter((one) => one.id !== id);
      save();
    },
  };
}
