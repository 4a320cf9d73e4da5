/**
 * Reads a prompt as a script: its fenced blocks of known kinds are the steps, in order. Blocks of other languages
 * and all prose are ignored. Pure.
 */
import type { Result } from "@samovar/base";
import { err, ok } from "@samovar/base";
import type { FencedBlock } from "./fences.ts";
import { fencedBlocks } from "./fences.ts";
import type { Script, ScriptFault, Step, StepKind } from "./step.ts";
import { SCRIPT_LIMITS } from "./step.ts";

type Parsed = Result<Step, string>;
/** `rest`: the info string after the kind. `body`: the block's lines, joined. */
type Reader = (rest: string, body: string) => Parsed;

const READERS: Record<StepKind, Reader> = {
  sh: readShell,
  background: readBackground,
  write: readWrite,
  say: (rest, body) => readText("say", rest, body),
  think: (rest, body) => readText("think", rest, body),
  plan: readPlan,
  wait: readWait,
  stream: readStream,
  fail: (rest, body) => ok({ kind: "fail", reason: reasonOf(rest, body, "The script asked for a failure.") }),
  crash: readCrash,
  hang: (rest, body) =>
    rest === "" && body.trim() === "" ? ok({ kind: "hang" }) : err("takes nothing; is its closing fence missing?"),
};

export function parseScript(prompt: string): Script {
  const steps: Step[] = [];
  const faults: ScriptFault[] = [];
  for (const block of fencedBlocks(prompt)) {
    const kind = kindOf(block);
    if (kind === null) continue;
    const step = readBlock(kind, block);
    if (step.ok) steps.push(step.value);
    else faults.push({ line: block.line, message: `\`${kind}\` ${step.error}` });
  }
  if (steps.length > SCRIPT_LIMITS.steps) {
    faults.push({ line: 1, message: `a script may have ${SCRIPT_LIMITS.steps} steps at most` });
  }
  if (faults.length > 0) return { kind: "malformed", faults };
  return steps.length === 0 ? { kind: "none" } : { kind: "steps", steps };
}

/** Milliseconds of `500ms`, `2s`, `1.5s` or `3m`; null when it is no duration. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  if (match === null) return null;
  const unit = match[2] === "ms" ? 1 : match[2] === "s" ? 1_000 : 60_000;
  return Math.round(Number(match[1]) * unit);
}

function kindOf(block: FencedBlock): StepKind | null {
  const word = block.info.split(/\s/, 1)[0] ?? "";
  return isStepKind(word) ? word : null;
}

function isStepKind(word: string): word is StepKind {
  return Object.hasOwn(READERS, word);
}

function readBlock(kind: StepKind, block: FencedBlock): Parsed {
  if (!block.closed) return err("is never closed: end it with a line of the same fence");
  return READERS[kind](block.info.slice(kind.length).trim(), block.body.join("\n"));
}

function readShell(rest: string, body: string): Parsed {
  if (body.trim() === "") return err("has no command: write it on the lines below");
  let timeoutMs: number | null = null;
  let onFailure: "stop" | "continue" = "stop";
  let ask = false;
  for (const word of rest === "" ? [] : rest.split(/\s+/)) {
    const limit = word.startsWith("timeout=") ? parseDuration(word.slice("timeout=".length)) : null;
    if (word === "continue") onFailure = "continue";
    else if (word === "ask") ask = true;
    else if (limit !== null && limit > 0 && limit <= SCRIPT_LIMITS.waitMs) timeoutMs = limit;
    else return err(`does not know "${word}"; it takes \`continue\`, \`ask\` and \`timeout=30s\` (an hour at most)`);
  }
  return ok({ kind: "sh", command: body, timeoutMs, onFailure, ask });
}

function readBackground(rest: string, body: string): Parsed {
  if (rest !== "") return err("takes its command on the lines below");
  return body.trim() === ""
    ? err("has no command: write it on the lines below")
    : ok({ kind: "background", command: body });
}

function readCrash(rest: string, body: string): Parsed {
  const match = /^once(?:\s+(.*))?$/.exec(rest);
  const reason = reasonOf(match === null ? rest : (match[1] ?? ""), body, "the script asked for a crash");
  return ok({ kind: "crash", reason, once: match !== null });
}

function readWrite(rest: string, body: string): Parsed {
  const path = /^"(.+)"$/.exec(rest)?.[1] ?? rest;
  if (path === "") return err("needs the file's path after it, such as ```write src/a.txt");
  if (path.includes("\0")) return err("has a path with a NUL in it");
  return ok({ kind: "write", path, text: body === "" ? "" : `${body}\n` });
}

function readText(kind: "say" | "think", rest: string, body: string): Parsed {
  const text = [rest, body].filter((part) => part.trim() !== "").join("\n");
  return text === "" ? err("has no text: write it on the lines below") : ok({ kind, text });
}

function readPlan(rest: string, body: string): Parsed {
  if (rest !== "") return err("takes its entries on the lines below, one `- [ ] entry` a line");
  const entries = [];
  for (const line of body.split("\n").filter((text) => text.trim() !== "")) {
    const match = /^\s*[-*]\s+(?:\[([ xX])\]\s+)?(\S.*)$/.exec(line);
    if (match === null) return err(`has a line that is no entry: "${line.trim().slice(0, 60)}"; write \`- [ ] entry\``);
    entries.push({ content: (match[2] ?? "").trim(), done: (match[1] ?? " ") !== " " });
  }
  return entries.length === 0 ? err("has no entries: write `- [ ] entry` lines") : ok({ kind: "plan", entries });
}

function readWait(rest: string, body: string): Parsed {
  const durationMs = parseDuration(onlyOperand(rest, body) ?? "");
  if (durationMs === null) return err("needs a duration such as 500ms, 2s or 1m, and nothing else");
  if (durationMs > SCRIPT_LIMITS.waitMs) return err("may wait for an hour at most");
  return ok({ kind: "wait", durationMs });
}

function readStream(rest: string, body: string): Parsed {
  const match = /^(\d{1,9})(?:\s+every=(\S+))?$/.exec(onlyOperand(rest, body) ?? "");
  const words = Number(match?.[1] ?? 0);
  const everyMs = match?.[2] === undefined ? 0 : parseDuration(match[2]);
  if (match === null || words === 0 || everyMs === null) {
    return err("needs a number of words such as 2000, and optionally a pace such as every=20ms");
  }
  if (words > SCRIPT_LIMITS.streamWords) return err(`may stream ${SCRIPT_LIMITS.streamWords} words at most`);
  if (everyMs > SCRIPT_LIMITS.waitMs) return err("may wait for an hour at most between chunks");
  return ok({ kind: "stream", words, everyMs });
}

/** The operand beside the kind or, when there is none, the body; null when both hold something. */
function onlyOperand(rest: string, body: string): string | null {
  const below = body.trim();
  if (rest !== "" && below !== "") return null;
  return rest === "" ? below : rest;
}

function reasonOf(rest: string, body: string, fallback: string): string {
  const reason = [rest, body.trim()].filter((part) => part !== "").join("\n");
  return reason === "" ? fallback : reason;
}
