/** A sequence of tool calls summed up in one line, and which of them stay visible while it is closed. Pure. */
import type { MessageView, ToolStatus } from "@samovar/contracts";

/** Fewer are shown one by one: a line that hides two saves nothing. */
export const FOLDED_FROM = 3;

/** `interrupted`: its session ended before it did. */
export type ShownToolStatus = ToolStatus | "interrupted";

/** `live`: its session may still go on with it. */
export function getShownToolStatus(message: MessageView, live: boolean): ShownToolStatus {
  const status = message.toolMetadata?.status ?? "success";
  const unfinished = status === "pending" || status === "running";
  return unfinished && (message.interrupted || !live) ? "interrupted" : status;
}

/** "8 steps, 2 files, 1 failed". */
export function labelSteps(messages: readonly MessageView[], live: boolean): string {
  const files = new Set(messages.flatMap(({ toolMetadata }) => toolMetadata?.diffs?.map(({ path }) => path) ?? []))
    .size;
  const failed = messages.filter((message) => wentWrong(message, live)).length;
  return [
    `${messages.length} ${messages.length === 1 ? "step" : "steps"}`,
    ...(files === 0 ? [] : [`${files} ${files === 1 ? "file" : "files"}`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
  ].join(", ");
}

/** Those that stay visible: what failed, what runs, the last one while more may come, and what the reader opened. */
export function pickWorthSeeing(
  messages: readonly MessageView[],
  { live, last, opened }: { readonly live: boolean; readonly last: boolean; readonly opened: (id: string) => boolean },
): readonly MessageView[] {
  const latest = live && last ? messages.at(-1) : undefined;
  return messages.filter((message) => {
    const status = getShownToolStatus(message, live && !message.final);
    return message === latest || status === "running" || wentWrong(message, live) || opened(message.messageId);
  });
}

function wentWrong(message: MessageView, live: boolean): boolean {
  const status = getShownToolStatus(message, live && !message.final);
  return status === "error" || status === "interrupted";
}
