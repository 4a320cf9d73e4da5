/** Parses what the control plane sends, including frames of newer protocol revisions. */
import { parseJson } from "@samovar/base";
import type { ControlFrame, NodeReply } from "@samovar/contracts";
import { controlFrame } from "@samovar/contracts";
import * as z from "zod";

export type ReadFrame =
  | { readonly is: "frame"; readonly frame: ControlFrame }
  /** A newer control plane's command, or one with invalid arguments: answered with a fault, not executed. */
  | {
      readonly is: "unknown-command";
      readonly command: { readonly n: number; readonly id: string; readonly kind: string };
    }
  /** A newer control plane's call: answered with a failure. */
  | { readonly is: "unknown-call"; readonly id: string }
  /** A newer control plane's frame type: ignored. */
  | { readonly is: "unknown-frame"; readonly type: string }
  | { readonly is: "malformed"; readonly reason: string };

/** The reply to an `unknown-call` of {@link ReadFrame}. */
export const UNKNOWN_CALL: NodeReply = {
  kind: "failed",
  failure: { code: "unknown_call", message: "This vm-agent does not support this call." },
};

const outline = z.object({ type: z.string().max(100) });
const commandOutline = z.object({
  command: z.object({ n: z.number().int().positive(), id: z.string().max(200), kind: z.string().max(100) }),
});
const callOutline = z.object({ id: z.string().max(200), call: z.object({ kind: z.string() }) });
const KNOWN_TYPES: ReadonlySet<string> = new Set([
  "welcome",
  "command",
  "ack",
  "tokens",
  "call",
  "pong",
] satisfies ControlFrame["type"][]);

export function readFrame(text: string): ReadFrame {
  const value = parseJson(text);
  if (value === undefined) return { is: "malformed", reason: "not JSON" };
  const parsed = controlFrame.safeParse(value);
  if (parsed.success) return { is: "frame", frame: parsed.data };
  const type = outline.safeParse(value).data?.type;
  if (type === undefined) return { is: "malformed", reason: "a frame without a type" };
  if (!KNOWN_TYPES.has(type)) return { is: "unknown-frame", type };
  const command = type === "command" ? commandOutline.safeParse(value) : undefined;
  if (command?.success === true) return { is: "unknown-command", command: command.data.command };
  const call = type === "call" ? callOutline.safeParse(value) : undefined;
  if (call?.success === true) return { is: "unknown-call", id: call.data.id };
  return { is: "malformed", reason: z.prettifyError(parsed.error).slice(0, 500) };
}
