/**
 * The cloud's own part, without HTTP: servers, the actions upon them, and what is remembered of both.
 * A server's record is saved before its machine is touched, and goes only when the machine is gone.
 */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { assertNever, type Clock, errorMessage, type Logger, type Timers } from "@samovar/base";
import { openCpuGroup, type StartGate } from "@samovar/processes";
import { makePassable } from "./machine/make-directory.ts";
import { ApiError } from "./api/errors.ts";
import { createFirewalls, type Firewalls } from "./firewalls.ts";
import { createMachineEnvironment } from "./machine/environment.ts";
import { SHIMS } from "./machine/first-boot.ts";
import { getLayout } from "./machine/layout.ts";
import { type Machine, machine, NEW_MACHINE } from "./machine/machine.ts";
import type { ProcessTable } from "./machine/process-table.ts";
import type { ActionRecord, ServerRecord, StateFile } from "./state.ts";

export interface CloudOptions {
  readonly dataDir: string;
  readonly nodeBinary: string;
  readonly bootDelayMs: number;
  readonly stopGraceMs: number;
  readonly serviceEnv: Readonly<Record<string, string>>;
  readonly starts: StartGate;
  readonly file: StateFile;
  readonly table: ProcessTable;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

export interface NewServer {
  readonly name: string;
  readonly serverType: string;
  readonly location: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly userData: string;
  /** Ids of the firewalls to attach at its creation. */
  readonly firewalls: readonly number[];
  readonly start: boolean;
}

export type PowerCommand = "poweron" | "poweroff" | "shutdown" | "reboot" | "reset";

export interface Cloud {
  readonly firewalls: Firewalls;
  servers(): readonly ServerRecord[];
  actions(): readonly ActionRecord[];
  /** Throws `uniqueness_error`, `not_found` for a firewall. The actions are those of creation and, if asked for, of starting. */
  create(input: NewServer): {
    readonly server: ServerRecord;
    readonly actions: readonly [ActionRecord, ...ActionRecord[]];
  };
  /** Throws `not_found`, `uniqueness_error`. */
  change(
    id: number,
    change: { readonly name?: string | undefined; readonly labels?: Readonly<Record<string, string>> | undefined },
  ): ServerRecord;
  /** Throws `not_found`, `locked` while another command is at work. */
  power(id: number, command: PowerCommand): ActionRecord;
  /** Throws `not_found`. Interrupts whatever is at work; asked again it answers the same action. */
  remove(id: number): ActionRecord;
  close(servers: "stop" | "leave"): Promise<void>;
}

const KEPT_ACTIONS = 1000;

/** Takes up what it left off: adopts what still runs, powers on what ran, ends what was being deleted. */
export function openCloud(options: CloudOptions): Cloud {
  const { dataDir, file, clock, logger } = options;
  const shims = join(dataDir, "bin");
  const state = file.load();
  const cpuGroup = openCpuGroup("nodes");
  const machines = new Map<number, Machine>();
  const busy = new Map<number, Promise<void>>();
  let closing = false;

  const save = () => file.save(state);
  const byId = (id: number) => state.servers.find((server) => server.id === id);

  function known(id: number): ServerRecord {
    const server = byId(id);
    if (server === undefined) throw new ApiError("not_found", `server with ID '${id}' not found`);
    return server;
  }

  function machineOf(server: ServerRecord): Machine {
    const there = machines.get(server.id);
    if (there !== undefined) return there;
    const layout = getLayout(dataDir, server.id);
    const made = machine({
      ...options,
      enterGroup: cpuGroup.enter,
      layout,
      environment: createMachineEnvironment({
        layout,
        serverMark: `${state.mark}-${server.id}`,
        nodeBinary: options.nodeBinary,
        shims,
        extra: options.serviceEnv,
      }),
      logger: logger.with({ server: server.id, serverName: server.name }),
      state: server.machine,
      save(machineState) {
        server.machine = machineState;
        save();
      },
    });
    machines.set(server.id, made);
    return made;
  }

  function setStatus(server: ServerRecord, status: ServerRecord["status"]): void {
    // Deletion is the end: an interrupted command does not bring a server back.
    if (server.status === "deleting" || closing) return;
    server.status = status;
    save();
    logger.info("server.status", { server: server.id, serverName: server.name, status });
  }

  function newAction(
    command: string,
    on: Pick<ActionRecord, "serverId" | "firewallId">,
    status: "running" | "success" = "running",
  ): ActionRecord {
    const action: ActionRecord = {
      ...on,
      id: state.nextActionId++,
      command,
      status,
      startedAt: clock.now(),
      finishedAt: status === "running" ? null : clock.now(),
      error: null,
    };
    state.actions = [...state.actions, action].slice(-KEPT_ACTIONS);
    return action;
  }

  const newServerAction = ({ id }: ServerRecord, command: string) =>
    newAction(command, { serverId: id, firewallId: null });

  const firewalls = createFirewalls({
    state,
    clock,
    save,
    requireServer: (id) => void known(id),
    addDoneAction: (command, on) => newAction(command, on, "success"),
  });

  /** Runs in the background, after the caller has answered; finishes the actions as it ends. */
  function work(server: ServerRecord, actions: readonly ActionRecord[], task: () => Promise<void>): void {
    const interrupted = busy.get(server.id);
    const running = Promise.resolve()
      .then(task)
      .then(
        () => finish(actions, null),
        (error: unknown) => finish(actions, errorMessage(error)),
      )
      .then(() => interrupted)
      .finally(() => {
        if (busy.get(server.id) === running) busy.delete(server.id);
      });
    busy.set(server.id, running);
  }

  function finish(actions: readonly ActionRecord[], reason: string | null): void {
    // What a closing cloud interrupts, the next one takes up again.
    if (closing && reason !== null) return;
    for (const action of actions) {
      action.status = reason === null ? "success" : "error";
      action.error = reason === null ? null : { code: "action_failed", message: reason };
      action.finishedAt = clock.now();
    }
    if (reason !== null) logger.warn("action.failed", { commands: actions.map((action) => action.command), reason });
    save();
  }

  async function powerOn(server: ServerRecord): Promise<void> {
    if (closing || server.status === "deleting") throw new Error("interrupted");
    await machineOf(server).powerOn();
    setStatus(server, "running");
  }

  async function powerOff(server: ServerRecord): Promise<void> {
    await machineOf(server).powerOff();
    setStatus(server, "off");
  }

  async function destroy(server: ServerRecord): Promise<void> {
    try {
      await machineOf(server).destroy();
    } catch (error) {
      // Still there, and says so; the next request to delete tries again.
      server.status = "off";
      throw error;
    }
    machines.delete(server.id);
    state.servers = state.servers.filter((other) => other.id !== server.id);
    for (const firewall of state.firewalls) firewall.serverIds = firewall.serverIds.filter((id) => id !== server.id);
    save();
    logger.info("server.deleted", { server: server.id, serverName: server.name });
  }

  function resume(server: ServerRecord): void {
    const open = state.actions.filter((action) => action.serverId === server.id && action.status === "running");
    switch (server.status) {
      case "off":
        return finish(open, null);
      case "deleting":
        return work(server, open, () => destroy(server));
      case "stopping":
        return work(server, open, () => powerOff(server));
      case "initializing":
      case "starting":
      case "running":
        if (machineOf(server).adopt()) {
          server.status = "running";
          return finish(open, null);
        }
        server.status = "starting";
        return work(server, open, async () => {
          await machineOf(server).powerOff();
          await powerOn(server);
        });
      default:
        assertNever(server.status, "server status");
    }
  }

  makePassable(shims);
  for (const [name, script] of Object.entries(SHIMS)) writeFileSync(join(shims, name), script, { mode: 0o700 });
  // Servers link to this Node at their first boot, and outlive the checkout that it came with.
  linkAnew(options.nodeBinary, join(shims, "node"));
  save();
  for (const server of state.servers) resume(server);

  return {
    firewalls,
    servers: () => state.servers,
    actions: () => state.actions,

    create({ userData, start, firewalls: firewallIds, ...input }) {
      requireFreeName(state.servers, input.name, null);
      for (const id of firewallIds) firewalls.apply(id, []);
      const server: ServerRecord = {
        ...input,
        labels: { ...input.labels },
        id: state.nextServerId++,
        createdAt: clock.now(),
        status: start ? "initializing" : "off",
        machine: NEW_MACHINE,
      };
      const { seed } = getLayout(dataDir, server.id);
      mkdirSync(dirname(seed), { recursive: true, mode: 0o700 });
      writeFileSync(seed, userData, { mode: 0o600 });
      state.servers.push(server);
      for (const id of firewallIds) firewalls.apply(id, [server.id]);
      const created = newServerAction(server, "create_server");
      const next = start ? [newServerAction(server, "start_server")] : [];
      save();
      logger.info("server.created", { server: server.id, serverName: server.name });
      work(server, [created, ...next], async () => {
        if (start) await powerOn(server);
      });
      return { server, actions: [created, ...next] };
    },

    change(id, { name, labels }) {
      const server = known(id);
      if (name !== undefined) requireFreeName(state.servers, name, id);
      server.name = name ?? server.name;
      server.labels = { ...(labels ?? server.labels) };
      save();
      return server;
    },

    power(id, command) {
      const server = known(id);
      if (server.status === "deleting" || busy.has(id))
        throw new ApiError("locked", "server is locked by a running action");
      const action = newServerAction(server, POWER_ACTION[command]);
      if (command === "poweron") setStatus(server, server.status === "running" ? "running" : "starting");
      else setStatus(server, "stopping");
      work(server, [action], () => powerTask(command, server));
      return action;
    },

    remove(id) {
      const server = known(id);
      const earlier = state.actions.findLast(
        (action) => action.serverId === id && action.command === "delete_server" && action.status === "running",
      );
      if (server.status === "deleting" && earlier !== undefined) return earlier;
      const action = newServerAction(server, "delete_server");
      setStatus(server, "deleting");
      work(server, [action], () => destroy(server));
      return action;
    },

    async close(servers) {
      closing = true;
      const all = [...machines.values()];
      if (servers === "leave") for (const one of all) one.leave();
      const ended = servers === "stop" ? await Promise.allSettled(all.map((one) => one.powerOff())) : [];
      await Promise.all(busy.values());
      const failed = ended.find((result) => result.status === "rejected");
      if (servers === "stop") cpuGroup.remove();
      if (failed !== undefined) throw new Error("a server could not be stopped", { cause: failed.reason });
    },
  };

  async function powerTask(command: PowerCommand, server: ServerRecord): Promise<void> {
    if (command !== "poweron") await powerOff(server);
    else if (server.status === "running") return;
    if (command === "poweroff" || command === "shutdown") return;
    setStatus(server, "starting");
    await powerOn(server);
  }
}

const POWER_ACTION: Record<PowerCommand, string> = {
  poweron: "start_server",
  poweroff: "stop_server",
  shutdown: "shutdown_server",
  reboot: "reboot_server",
  reset: "reset_server",
};

function requireFreeName(servers: readonly ServerRecord[], name: string, exceptId: number | null): void {
  if (!servers.some((server) => server.name === name && server.id !== exceptId)) return;
  throw new ApiError("uniqueness_error", "server name is already used", { fields: [{ name: "name" }] });
}

/** One step for whoever looks: the link is there before and after. */
function linkAnew(target: string, path: string): void {
  rmSync(`${path}.next`, { force: true });
  symlinkSync(target, `${path}.next`);
  renameSync(`${path}.next`, path);
}
