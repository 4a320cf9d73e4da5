/**
 * A text message that grows by chunks up to the content limit; text beyond it is counted and hashed, not stored.
 * Its content only grows at the end, so it can be delivered as appends. Secrets are redacted first, so that neither a cut nor
 * the hash has a part of one. Keeps M1, S1 [F36].
 */
import type { Truncation } from "@samovar/contracts";
import { LIMITS } from "@samovar/contracts";
import type { EmittedMessage } from "./emitted-message.ts";
import type { GrownText, HeldText, SecretRedactor } from "./secret-redactor.ts";
import { headOfBytes, isHighSurrogate, storable, utf8Bytes } from "./text-limits.ts";

/** A SHA-256 that grows; each value is immutable. */
export interface RunningHash {
  append(text: string): RunningHash;
  hex(): string;
}

export interface GrowingText {
  /** The agent's id of the message; null when it gave none. */
  readonly id: string | null;
  readonly message: EmittedMessage;
  /** Text that may begin a secret, waiting for the next chunk. */
  readonly held: HeldText;
  readonly redactions: number;
  readonly bytes: number;
  /** Half a code point, waiting for its other half in the next chunk. */
  readonly carry: string;
  /** The hash of the whole text, once it exceeds the limit. */
  readonly overflow: RunningHash | null;
}

export interface GrowPorts {
  readonly emptyHash: RunningHash;
  readonly redactor: SecretRedactor;
}

export function growText(open: GrowingText, chunk: string, { emptyHash, redactor }: GrowPorts): GrowingText {
  return showMore(open, redactor.grow(open.held, chunk), emptyHash);
}

/** Shows the end that was held back, when no more text comes for a while; see {@link SecretRedactor.release}. */
export function releaseText(open: GrowingText, { emptyHash, redactor }: GrowPorts): GrowingText {
  return showMore(open, redactor.release(open.held), emptyHash);
}

function showMore(
  open: GrowingText,
  { text: shown, redactions, held }: GrownText,
  emptyHash: RunningHash,
): GrowingText {
  const text = open.carry + shown;
  const splits = isHighSurrogate(text.charCodeAt(text.length - 1));
  const grown = {
    ...open,
    held,
    redactions: open.redactions + redactions,
    carry: splits ? text.slice(-1) : "",
  };
  return addText(grown, storable(splits ? text.slice(0, -1) : text), emptyHash);
}

export interface FinishedText {
  readonly message: EmittedMessage;
  readonly redactions: number;
}

/** The finished message. `interrupted`: the agent stopped in the middle of it. */
export function finishText(open: GrowingText, interrupted: boolean, { emptyHash, redactor }: GrowPorts): FinishedText {
  const { text, redactions } = redactor.flush(open.held);
  const whole = addText(open, storable(open.carry + text), emptyHash);
  return {
    message: { ...whole.message, truncated: truncationOf(whole), final: true, interrupted },
    redactions: open.redactions + redactions,
  };
}

function addText(open: GrowingText, text: string, emptyHash: RunningHash): GrowingText {
  if (text === "") return open;
  const { message, overflow } = open;
  const bytes = open.bytes + utf8Bytes(text);
  if (overflow !== null) return { ...open, bytes, overflow: overflow.append(text) };
  if (bytes <= LIMITS.messageMaxContentBytes) {
    return { ...open, bytes, message: { ...message, content: message.content + text } };
  }
  const content = message.content + headOfBytes(text, LIMITS.messageMaxContentBytes - open.bytes);
  const cut = { ...open, bytes, overflow: emptyHash.append(message.content).append(text) };
  return { ...cut, message: { ...message, content, truncated: truncationOf(cut) } };
}

const truncationOf = (open: GrowingText): Truncation | null =>
  open.overflow === null ? null : { bytes: open.bytes, sha256: open.overflow.hex() };
