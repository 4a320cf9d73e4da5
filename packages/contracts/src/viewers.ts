/** `GET /api/projects/:projectId/ws`: viewers of a project. Cookie or API token; exact Origin for browsers. */
import * as z from "zod";
import { errorCode } from "./errors.ts";
import { messageId, sessionId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { messageView, toolMetadata, truncation } from "./messages.ts";
import { nodeView } from "./nodes.ts";
import { sessionView } from "./sessions.ts";
import { taskEvent, taskView } from "./tasks.ts";

export const viewerFrame = z.discriminatedUnion("type", [
  /**
   * `afterVersion`: the session version that the client has; 0 for none. `tail`: how many of the newest messages
   * a client that has nothing wants; the older ones come from `GET …/messages`. Without it, as many as one answer holds.
   */
  z.object({
    type: z.literal("subscribe"),
    sessionId,
    afterVersion: z.number().int().nonnegative(),
    tail: z.number().int().positive().max(LIMITS.pageMax).optional(),
  }),
  z.object({ type: z.literal("unsubscribe"), sessionId }),
  z.object({ type: z.literal("ping") }),
]);
export type ViewerFrame = z.infer<typeof viewerFrame>;

/** A text message that grew: `text` joins at `offset` (UTF-16 units); the rest replaces. */
export const messageDelta = z.object({
  messageId,
  revision: z.number().int().positive(),
  offset: z.number().int().nonnegative(),
  text: z.string(),
  final: z.boolean(),
  interrupted: z.boolean(),
  truncated: truncation.nullable(),
  toolMetadata: toolMetadata.nullable(),
});
export type MessageDelta = z.infer<typeof messageDelta>;

export const viewerEvent = z.discriminatedUnion("type", [
  /**
   * What changed after `afterVersion`, in order of position. When there is more than one frame can hold,
   * several follow each other, all but the last with `more: true`; the cursor moves with the last one.
   */
  z.object({
    type: z.literal("sync"),
    sessionId,
    version: z.number().int().nonnegative(),
    messages: z.array(messageView),
    more: z.boolean(),
    /**
     * Set on the first frame when the answer is not the whole session: the client forgets what it has, and these
     * are the newest messages. Older ones come from `GET …/messages`.
     */
    restart: z.boolean().optional(),
  }),
  z.object({ type: z.literal("message.new"), sessionId, version: z.number().int().positive(), message: messageView }),
  z.object({
    type: z.literal("message.updated"),
    sessionId,
    version: z.number().int().positive(),
    /** Either the growth of a text, or the whole message. */
    change: z.discriminatedUnion("mode", [
      z.object({ mode: z.literal("delta"), delta: messageDelta }),
      z.object({ mode: z.literal("whole"), message: messageView }),
    ]),
  }),
  z.object({ type: z.literal("session.created"), session: sessionView }),
  z.object({ type: z.literal("session.updated"), session: sessionView }),
  z.object({ type: z.literal("session.stopped"), session: sessionView }),
  /** `event` is set when a new task event was recorded with the change. */
  z.object({ type: z.literal("task.updated"), task: taskView, events: z.array(taskEvent) }),
  z.object({ type: z.literal("node.updated"), node: nodeView }),
  z.object({ type: z.literal("pong") }),
  z.object({ type: z.literal("error"), code: errorCode, message: z.string() }),
]);
export type ViewerEvent = z.infer<typeof viewerEvent>;

/** Why a person's access ended: that of the sign-in session or API token with which a socket was opened. */
export type AccessEnd = "signed_out" | "token_revoked" | "expired" | "access_lost";

/** WebSocket close codes of a viewer's socket. */
export const VIEWER_CLOSE = {
  /** A frame that is too long, or not text. */
  tooBig: 1009,
  /** The viewer stopped reading. It may reconnect. */
  tooSlow: 1013,
  /** The browser's sign-in session was signed out. */
  signedOut: 4001,
  /** The API token was revoked. */
  tokenRevoked: 4002,
  /** The sign-in session or API token reached its expiry. */
  expired: 4003,
  /** The person has no access to the project any more. */
  accessLost: 4004,
} as const;

/** The close code and reason for each end of an access. A client must not reconnect with the same access. */
export const ACCESS_END_CLOSE = {
  signed_out: { code: VIEWER_CLOSE.signedOut, reason: "signed out" },
  token_revoked: { code: VIEWER_CLOSE.tokenRevoked, reason: "API token revoked" },
  expired: { code: VIEWER_CLOSE.expired, reason: "access expired" },
  access_lost: { code: VIEWER_CLOSE.accessLost, reason: "no access to this project" },
} as const satisfies Record<AccessEnd, { readonly code: number; readonly reason: string }>;

const ACCESS_ENDS: ReadonlyMap<number, AccessEnd> = new Map([
  [VIEWER_CLOSE.signedOut, "signed_out"],
  [VIEWER_CLOSE.tokenRevoked, "token_revoked"],
  [VIEWER_CLOSE.expired, "expired"],
  [VIEWER_CLOSE.accessLost, "access_lost"],
]);

/** Null for a close code after which the client may reconnect. */
export const findAccessEnd = (code: number): AccessEnd | null => ACCESS_ENDS.get(code) ?? null;
