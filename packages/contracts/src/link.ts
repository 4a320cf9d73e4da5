/** `GET /api/nodes/:nodeId/link`: the one WebSocket that a node dials. JSON text frames. */
import * as z from "zod";
import { command } from "./commands.ts";
import { failure } from "./errors.ts";
import { nodeEvent } from "./events.ts";
import { millis, sessionId, workspaceId } from "./ids.ts";
import { runtimeReport } from "./nodes.ts";
import { workspaceDiff } from "./workspaces.ts";

export const workspaceToken = z.object({ workspaceId, sessionId, token: z.string(), expiresAt: millis });
export type WorkspaceToken = z.infer<typeof workspaceToken>;

/** Requests that need an immediate answer. They are not stored: the caller repeats a lost one. */
export const nodeCall = z.discriminatedUnion("kind", [z.object({ kind: z.literal("workspace.diff"), workspaceId })]);
export type NodeCall = z.infer<typeof nodeCall>;

export const nodeReply = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("workspace.diff"), diff: workspaceDiff }),
  z.object({ kind: z.literal("failed"), failure }),
]);
export type NodeReply = z.infer<typeof nodeReply>;

/** Frames that the node sends. */
export const nodeFrame = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: z.number().int(),
    agentVersion: z.string(),
    epoch: z.number().int().nonnegative(),
    /** The highest command number that the node has persisted. */
    lastCommand: z.number().int().nonnegative(),
    resources: z.object({ cpus: z.number(), memoryBytes: z.number() }),
    /** Absent from earlier nodes. */
    runtime: runtimeReport.optional(),
    /** Workspaces that exist on the node now. */
    workspaces: z.array(workspaceId),
  }),
  z.object({ type: z.literal("event"), event: nodeEvent }),
  /** Commands up to this number are persisted on the node. */
  z.object({ type: z.literal("ack"), upTo: z.number().int().nonnegative() }),
  /** Asks for fresh tokens (before they expire, or after a 401). */
  z.object({ type: z.literal("renew"), workspaces: z.array(workspaceId) }),
  /** Answers a `call`. */
  z.object({ type: z.literal("reply"), id: z.string().max(200), reply: nodeReply }),
  z.object({ type: z.literal("ping") }),
]);
export type NodeFrame = z.infer<typeof nodeFrame>;

/** Frames that the control plane sends. */
export const controlFrame = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("welcome"),
    protocol: z.number().int(),
    /** The highest event number that the control plane has persisted for this epoch. */
    lastEvent: z.number().int().nonnegative(),
    nodeToken: z.object({ token: z.string(), expiresAt: millis }),
    workspaceTokens: z.array(workspaceToken),
  }),
  z.object({ type: z.literal("command"), command }),
  /** Events up to this number are persisted in the control plane. */
  z.object({ type: z.literal("ack"), upTo: z.number().int().nonnegative() }),
  z.object({
    type: z.literal("tokens"),
    nodeToken: z.object({ token: z.string(), expiresAt: millis }),
    workspaceTokens: z.array(workspaceToken),
  }),
  z.object({ type: z.literal("call"), id: z.string().max(200), call: nodeCall }),
  z.object({ type: z.literal("pong") }),
]);
export type ControlFrame = z.infer<typeof controlFrame>;

/** WebSocket close codes of the link. */
export const LINK_CLOSE = {
  /** An older epoch, or a node that is being destroyed: never reconnect. */
  gone: 4001,
  /** A newer connection of the same node took over. */
  replaced: 4002,
  /** The protocol versions differ: upgrade. */
  upgrade: 4003,
  /** A frame could not be parsed. */
  malformed: 4004,
} as const;
