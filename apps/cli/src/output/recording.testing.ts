/** For tests: a terminal that records what is written, and messages to print. */
import { idSource, systemRandom } from "@samovar/base";
import type { MessageView } from "@samovar/contracts";
import { type Terminal, makeStyle } from "./terminal.ts";

export function createRecordingTerminal(): Terminal & { out(): string; notes(): string } {
  let out = "";
  let notes = "";
  return {
    write: (text) => void (out += text),
    writeBytes: async (content) => void (out += Buffer.from(content).toString("latin1")),
    line: (text = "") => void (out += `${text}\n`),
    note: (text) => void (notes += `${text}\n`),
    style: makeStyle(false),
    out: () => out,
    notes: () => notes,
  };
}

const ids = idSource({ now: () => 1_764_000_000_000 }, systemRandom);
const sessionId = ids.make("ses");

export function message(position: number, fields: Partial<MessageView> = {}): MessageView {
  return {
    messageId: ids.messageId(),
    sessionId,
    position,
    role: "assistant",
    kind: "text",
    content: "",
    toolMetadata: null,
    revision: 1,
    final: true,
    interrupted: false,
    truncated: null,
    createdAt: 1_764_000_000_000,
    ...fields,
  };
}
