/** For tests: an owner with a cloud, a project, nodes, and a vm-agent's end of the link. The clock stands still far in the future, so no alarm fires by itself. */
import { env } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import type { NodeId, UserId, WorkspaceId } from "@samovar/base";
import { controlFrame, PROTOCOL_VERSION } from "@samovar/contracts";
import type { ControlFrame, NodeEventDraft, NodeFrame, ProviderName } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { expect, vi } from "vitest";
import { actorOf, ids } from "../../../test/caller.ts";
import { putCredential } from "../../credentials/store.ts";
import { database } from "../../database/index.ts";
import { nodes, projects, users } from "../../database/schema.ts";
import { depsFor } from "../../deps.ts";
import { toServerName } from "../server-name.ts";
import { insertNode } from "../store.ts";
import { getNodeObject } from "./stub.ts";

export const START = Date.parse("2090-01-01T00:00:00Z");

let time = START;
export const setTime = (at: number): void => {
  time = at;
};
export const passTime = (ms: number): void => setTime(time + ms);
/** Stops the readings of the clock only; timers and the platform's time continue. Ends with `vi.restoreAllMocks()`. */
export const stopClock = (): void => {
  setTime(START);
  vi.spyOn(Date, "now").mockImplementation(() => time);
};

export async function anOwner(options: { readonly cloud?: boolean } = {}): Promise<UserId> {
  const id = ids.make("usr");
  await database(env).insert(users).values({ id, name: "Owner", createdAt: Date.now() });
  if (options.cloud !== false)
    await putCredential(depsFor(env), actorOf(id), { kind: "hetzner", token: "the-token-of-the-tests" });
  return id;
}

/** The row of a node without available slots: it counts towards the owner's limit of nodes, and nothing else. */
export async function aBusyNode(ownerId: UserId): Promise<void> {
  const id = ids.make("nod");
  await database(env)
    .insert(nodes)
    .values({
      id,
      ownerId,
      name: `busy-${id}`,
      provider: "hetzner",
      size: "large",
      state: "draining",
      version: 1,
      epoch: 1,
      slots: 3,
      taskIds: [],
      outbox: { pending: 0, deadLetters: 0, lastDeadLetterReason: null },
      maxLifetimeAt: 1,
      createdAt: 1,
    });
}

export async function aHolder(ownerId: UserId): Promise<SlotLease> {
  const projectId = ids.make("prj");
  const at = Date.now();
  await database(env)
    .insert(projects)
    .values({ id: projectId, ownerId, name: "P", repoUrl: "https://git.test/p.git", createdAt: at, updatedAt: at });
  return { workspaceId: ids.make("wsp"), taskId: ids.make("tsk"), runId: null, projectId, sessionId: ids.make("ses") };
}

/** A provisioning node, with its row. */
export async function aNode(lease: SlotLease, ownerId: UserId, provider: ProviderName = "hetzner"): Promise<NodeId> {
  const id = ids.make("nod");
  const row = {
    id,
    ownerId,
    name: toServerName(id),
    provider,
    size: "small" as const,
    slots: 3,
    createdAt: Date.now(),
    maxLifetimeAt: Date.now() + 1,
  };
  await insertNode(database(env), row, { maxNodes: 1000, tried: [] });
  await getNodeObject(env, id).provision({ nodeId: id, ownerId, name: row.name, provider, size: row.size, lease });
  return id;
}

/** Fires the due alarms. */
export const fireAlarm = (nodeId: NodeId): Promise<boolean> => runDurableObjectAlarm(getNodeObject(env, nodeId));

export interface Agent {
  readonly frames: ControlFrame[];
  /** The close code, once closed. */
  closedWith: number | null;
  send(frame: NodeFrame | object): void;
  report(event: NodeEventDraft, n: number): void;
  hello(lastCommand?: number): void;
  /** Takes the first frame of this type. */
  next<T extends ControlFrame["type"]>(type: T): Promise<Extract<ControlFrame, { type: T }>>;
  close(): void;
}

export async function connect(nodeId: NodeId, epoch = 1): Promise<Agent> {
  const answer = await getNodeObject(env, nodeId).fetch("https://link.test/", {
    headers: { upgrade: "websocket", "x-samovar-epoch": String(epoch) },
  });
  return agentOn(answer, epoch);
}

/** A vm-agent on the socket of an accepted upgrade. */
export function agentOn(answer: Response, epoch = 1): Agent {
  const socket = answer.webSocket;
  if (socket === null) throw new Error(`no socket: ${answer.status}`);
  const frames: ControlFrame[] = [];
  const agent: Agent = {
    frames,
    closedWith: null,
    send: (frame) => socket.send(JSON.stringify(frame)),
    report: (event, n) => socket.send(JSON.stringify({ type: "event", event: { ...event, n, at: 1 } })),
    hello: (lastCommand = 0) =>
      agent.send({
        type: "hello",
        protocol: PROTOCOL_VERSION,
        agentVersion: "test",
        epoch,
        lastCommand,
        resources: { cpus: 1, memoryBytes: 1 },
        workspaces: [],
      }),
    next: (type) =>
      vi.waitFor(() => {
        const at = frames.findIndex((frame) => frame.type === type);
        expect(at, `a ${type} frame`).toBeGreaterThanOrEqual(0);
        const [frame] = frames.splice(at, 1);
        return frame as Extract<ControlFrame, { type: typeof type }>;
      }),
    close: () => socket.close(1000),
  };
  socket.addEventListener("message", (event) => frames.push(controlFrame.parse(JSON.parse(String(event.data)))));
  socket.addEventListener("close", (event) => {
    agent.closedWith = event.code;
  });
  socket.accept();
  return agent;
}

export async function connected(nodeId: NodeId, lastCommand = 0): Promise<Agent> {
  const agent = await connect(nodeId);
  agent.hello(lastCommand);
  await agent.next("welcome");
  return agent;
}

export const createCommand = (lease: SlotLease, id = `${lease.workspaceId}:create`) =>
  ({
    id,
    kind: "workspace.create",
    args: {
      workspaceId: lease.workspaceId,
      projectId: lease.projectId,
      sessionId: lease.sessionId,
      taskId: lease.taskId,
      repoUrl: "https://git.test/p.git",
      baseBranch: null,
      branch: "task/x",
      commitIdentity: { name: "S", email: "s@localhost" },
      checkout: { submodules: false, lfs: false, hooks: false },
    },
  }) as const;

export const destroyCommand = (workspaceId: WorkspaceId) =>
  ({ id: `${workspaceId}:destroy`, kind: "workspace.destroy", args: { workspaceId } }) as const;
