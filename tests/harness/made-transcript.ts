/**
 * Generates transcripts like those of a working agent: text with headings, lists and code, thoughts, a plan, commands with
 * coloured output, edits with diffs. Deterministic for a session and count.
 */
import type { MessageId, SessionId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { DeliveredMessage, ToolMetadata } from "@samovar/contracts";

const WORDS =
  "the kettle boils while water is drawn from a spring tea leaves open slowly and give their colour to each cup a guest who waits hears steam sing under the lid".split(
    " ",
  );

/** `count` complete and final messages, numbered from `from`. */
export function madeTranscript(session: SessionId, count: number, from = 0): DeliveredMessage[] {
  const now = Date.now();
  return Array.from({ length: count }, (_, n) => madeMessage(session, from + n, new Date(now).toISOString()));
}

export function madeMessage(session: SessionId, at: number, timestamp: string): DeliveredMessage {
  return {
    messageId: toMessageId(session, at),
    sessionId: session,
    seq: at + 1,
    revision: 1,
    final: true,
    interrupted: false,
    truncated: null,
    timestamp,
    ...makeContent(at),
  };
}

/** The message's id, derived from its session and number. */
export function toMessageId(session: SessionId, at: number): MessageId {
  const hex = sha256(`${session} ${at}`);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}` as MessageId;
}

function makeContent(at: number): Pick<DeliveredMessage, "role" | "kind" | "body" | "toolMetadata"> {
  const said = (content: string) => ({ mode: "replace", content }) as const;
  switch (at % 10) {
    case 1:
      return { role: "assistant", kind: "thought", body: said(makeProse(at, 30)), toolMetadata: null };
    case 3:
    case 4:
    case 7:
      return { role: "tool", kind: "tool", body: said(""), toolMetadata: makeCommand(at) };
    case 5:
    case 8:
      return { role: "tool", kind: "tool", body: said(""), toolMetadata: makeEdit(at) };
    default:
      return { role: "assistant", kind: "text", body: said(makeMarkdown(at)), toolMetadata: null };
  }
}

export function makeProse(seed: number, words: number): string {
  const text = Array.from({ length: words }, (_, n) => WORDS[(seed * 7 + n * (1 + (seed % 5))) % WORDS.length]);
  return `Message ${seed}: ${text.join(" ")}.`;
}

function makeMarkdown(at: number): string {
  const prose = makeProse(at, 12 + (at % 60));
  if (at % 30 === 0)
    return `## Step ${at}\n\n${prose}\n\n- water, **hot**\n- a \`cup\`\n- [tea](https://example.org/tea)`;
  if (at % 30 === 12)
    return `${prose}\n\n\`\`\`ts\nexport function brew(leaves: number): Tea {\n  const water = boil(${at});\n  return steep(water, leaves);\n}\n\`\`\``;
  if (at % 50 === 26) return `${prose}\n\n| tea | minutes |\n|---|---|\n| green | 2 |\n| black | ${at % 9} |`;
  return prose;
}

function makeCommand(at: number): ToolMetadata {
  const lines = Array.from({ length: 2 + (at % 14) }, (_, n) => `\u001b[32m✓\u001b[0m cup ${n} is warm (${at + n} ms)`);
  return {
    toolCallId: `call-${at}`,
    tool: "execute",
    title: at % 2 === 0 ? "npm test" : `git log --oneline -${at % 20}`,
    target: null,
    status: at % 97 === 3 ? "error" : "success",
    input: JSON.stringify({ command: "npm test" }),
    output: `${lines.join("\n")}\n`,
    exitCode: at % 97 === 3 ? 1 : 0,
  };
}

function makeEdit(at: number): ToolMetadata {
  const before = Array.from({ length: 12 }, (_, n) => `const cup${n} = pour(${n});`);
  const after = before.with(4, `const cup4 = pour(${at}, { slowly: true });`).toSpliced(8, 1);
  return {
    toolCallId: `call-${at}`,
    tool: "edit",
    title: `Edit src/cups-${at % 7}.ts`,
    target: `src/cups-${at % 7}.ts`,
    status: "success",
    diffs: [{ path: `src/cups-${at % 7}.ts`, oldText: `${before.join("\n")}\n`, newText: `${after.join("\n")}\n` }],
  };
}
