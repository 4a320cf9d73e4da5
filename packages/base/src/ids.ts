/** Branded ids: ULIDs with a prefix that names the noun. A ULID sorts by the time it was made. */
import type { Clock, Random } from "./clock.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type UserId = Branded<"user">;
export type ProjectId = Branded<"project">;
export type TaskId = Branded<"task">;
export type RunId = Branded<"run">;
export type SessionId = Branded<"session">;
export type WorkspaceId = Branded<"workspace">;
export type NodeId = Branded<"node">;
export type CredentialId = Branded<"credential">;
export type ApiTokenId = Branded<"apiToken">;
export type SignInSessionId = Branded<"signInSession">;
export type AuditEntryId = Branded<"auditEntry">;
/** A UUID, made by whoever says the message first. */
export type MessageId = Branded<"message">;

export interface IdTypes {
  usr: UserId;
  prj: ProjectId;
  tsk: TaskId;
  run: RunId;
  ses: SessionId;
  wsp: WorkspaceId;
  nod: NodeId;
  crd: CredentialId;
  tok: ApiTokenId;
  sgn: SignInSessionId;
  aud: AuditEntryId;
}
export type IdPrefix = keyof IdTypes;

const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";

/** 26 characters of Crockford base 32 in lower case: 48 bits of time, then 80 random bits. */
export function ulid(clock: Clock, random: Random): string {
  let time = clock.now();
  let head = "";
  for (let i = 0; i < 10; i++) {
    head = CROCKFORD.charAt(time % 32) + head;
    time = Math.floor(time / 32);
  }
  let tail = "";
  for (const byte of random.bytes(16)) tail += CROCKFORD.charAt(byte & 31);
  return head + tail;
}

export interface IdSource {
  make<P extends IdPrefix>(prefix: P): IdTypes[P];
  /** A random UUID (version 4) for a message. */
  messageId(): MessageId;
}

export function idSource(clock: Clock, random: Random): IdSource {
  return {
    make: <P extends IdPrefix>(prefix: P) => `${prefix}_${ulid(clock, random)}` as IdTypes[P],
    messageId: () => uuid(random) as MessageId,
  };
}

/** RFC 9562 version 4. */
export function uuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The pattern of an id with this prefix, for schemas. */
export function idPattern(prefix: IdPrefix): RegExp {
  return new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`);
}
