/**
 * Credentials at rest: AES-256-GCM; the row's owner, kind and id are bound in, so that a row moved elsewhere
 * does not open. Written, never read back by people. Keeps S1.
 */
import type { UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { credentialSecret, SamovarError } from "@samovar/contracts";
import type { CredentialKind, CredentialSecret, CredentialView } from "@samovar/contracts";
import { and, asc, eq } from "drizzle-orm";
import { recordAction, recordIfChanged } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import type { Config } from "../config.ts";
import { getConfig } from "../config.ts";
import { database } from "../database/index.ts";
import type { Database } from "../database/index.ts";
import { credentials } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import type { Env } from "../env.ts";

type CredentialRow = typeof credentials.$inferSelect;
type Place = Pick<CredentialRow, "ownerId" | "kind" | "id">;

/** The secret, or null when the owner has none of this kind. Marks it as used. Throws `credentials_missing` when the row does not open. */
export async function readCredential(
  env: Env,
  ownerId: UserId,
  kind: CredentialKind,
): Promise<CredentialSecret | null> {
  const db = database(env);
  const row = await findCredential(db, ownerId, kind);
  if (row === undefined) return null;
  const secret = await open(getConfig(env), row);
  await db.update(credentials).set({ lastUsedAt: Date.now() }).where(eq(credentials.id, row.id));
  return secret;
}

/** All that open; the others are of no use to anyone. Does not mark them as used. */
export async function readAllCredentials(env: Env, ownerId: UserId): Promise<CredentialSecret[]> {
  const rows = await database(env).select().from(credentials).where(eq(credentials.ownerId, ownerId));
  const opened = await Promise.all(rows.map((row) => open(getConfig(env), row).catch(() => null)));
  return opened.filter((secret) => secret !== null);
}

/** Which kinds the owner has, each with the names of the variables that it holds, if any. Nothing is opened. */
export async function listCredentialNames(
  db: Database,
  ownerId: UserId,
): Promise<ReadonlyMap<CredentialKind, readonly string[]>> {
  const rows = await db
    .select({ kind: credentials.kind, hint: credentials.hint })
    .from(credentials)
    .where(eq(credentials.ownerId, ownerId));
  return new Map(rows.map(({ kind, hint }) => [kind, kind.startsWith("agent:") ? hint.split(NAMES_SEPARATOR) : []]));
}

export async function listCredentials(db: Database, ownerId: UserId): Promise<CredentialView[]> {
  const rows = await db.select().from(credentials).where(eq(credentials.ownerId, ownerId)).orderBy(asc(credentials.id));
  return rows.map(credentialView);
}

/** One of each kind: a new one takes the old one's place. */
export async function putCredential(deps: Deps, actor: AuditActor, secret: CredentialSecret): Promise<CredentialView> {
  const { db, clock, config, ids, random } = deps;
  const { ownerId } = actor;
  const kind = getKind(secret);
  const place: Place = { id: ids.make("crd"), ownerId, kind };
  const iv = random.bytes(12);
  const row: CredentialRow = {
    ...place,
    ...(await seal(config, place, iv, secret)),
    hint: getHint(secret),
    createdAt: clock.now(),
    lastUsedAt: null,
  };
  await db.batch([
    db.delete(credentials).where(and(eq(credentials.ownerId, ownerId), eq(credentials.kind, kind))),
    db.insert(credentials).values(row),
    recordAction(deps, actor, { action: "credential.stored", objectId: kind }),
  ]);
  return credentialView(row);
}

/** Whether there was one. */
export async function deleteCredential(deps: Deps, actor: AuditActor, kind: CredentialKind): Promise<boolean> {
  const { db } = deps;
  const [gone] = await db.batch([
    db
      .delete(credentials)
      .where(and(eq(credentials.ownerId, actor.ownerId), eq(credentials.kind, kind)))
      .returning({ id: credentials.id }),
    recordIfChanged(deps, actor, { action: "credential.deleted", objectId: kind }),
  ]);
  return gone.length > 0;
}

async function findCredential(db: Database, ownerId: UserId, kind: CredentialKind): Promise<CredentialRow | undefined> {
  const [row] = await db
    .select()
    .from(credentials)
    .where(and(eq(credentials.ownerId, ownerId), eq(credentials.kind, kind)));
  return row;
}

async function seal(config: Config, place: Place, iv: Uint8Array, secret: CredentialSecret) {
  const { key, keyId } = await importKey(config);
  const plain = new TextEncoder().encode(JSON.stringify(secret));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bindTo(place) }, key, plain);
  return { ciphertext: toBase64(new Uint8Array(sealed)), iv: toBase64(iv), keyId };
}

async function open(config: Config, row: CredentialRow): Promise<CredentialSecret> {
  const { key, keyId } = await importKey(config);
  if (row.keyId !== keyId) throw unopened(row, `it was encrypted with another key (${row.keyId})`);
  try {
    const plain = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: fromBase64(row.iv), additionalData: bindTo(row) },
      key,
      fromBase64(row.ciphertext),
    );
    return credentialSecret.parse(JSON.parse(new TextDecoder().decode(plain)));
  } catch {
    // What is inside may be in the error.
    throw unopened(row, "it is damaged or was moved");
  }
}

const unopened = ({ kind }: CredentialRow, why: string) =>
  new SamovarError(
    "credentials_missing",
    `The credential of kind "${kind}" cannot be decrypted: ${why}. Store it again.`,
    {
      kind,
      settingsPath: "/settings/credentials",
    },
  );

/** A key's id is its digest, which distinguishes a changed setting from a damaged row. */
async function importKey({
  CREDENTIALS_KEY,
}: Pick<Config, "CREDENTIALS_KEY">): Promise<{ key: CryptoKey; keyId: string }> {
  const raw = fromBase64(CREDENTIALS_KEY);
  const keyId = sha256(raw).slice(0, 16);
  return { key: await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]), keyId };
}

const bindTo = ({ ownerId, kind, id }: Place) => new TextEncoder().encode(`${ownerId}|${kind}|${id}`);

/** Under which kind a secret is kept. */
export function getKind(secret: CredentialSecret): CredentialKind {
  return secret.kind === "agent" ? `agent:${secret.agent}` : secret.kind;
}

/** Between the names of variables in a hint; no name has it. */
const NAMES_SEPARATOR = ", ";

function getHint(secret: CredentialSecret): string {
  if (secret.kind === "agent") return Object.keys(secret.env).join(NAMES_SEPARATOR);
  if ("token" in secret) return lastFour(secret.token);
  const text = secret.apiKey ?? ("oauthToken" in secret ? secret.oauthToken : undefined);
  if (text !== undefined) return lastFour(text);
  return secret.baseUrl === undefined ? "" : new URL(secret.baseUrl).host;
}

/** A short secret has no part that could be shown. */
const lastFour = (text: string) => (text.length < 12 ? "" : text.slice(-4));

function credentialView({ id, kind, hint, createdAt, lastUsedAt }: CredentialRow): CredentialView {
  return { id, kind, hint, createdAt, lastUsedAt };
}

const toBase64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const fromBase64 = (text: string) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
