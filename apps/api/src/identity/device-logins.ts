/**
 * Signs a command line in, as OAuth's device authorization does (RFC 8628): it shows a code, a person who is signed in
 * compares the code and answers, and the command line, which polls meanwhile, gets an API token. The token is derived from
 * the device code, which only the command line has: a lost answer can be requested again, and no token is stored.
 */
import type { Random, UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { CreatedApiToken, CreatedDeviceLogin, DeviceLoginOutcome, DeviceLoginView } from "@samovar/contracts";
import { API_TOKEN_TTL_MS, USER_CODE } from "@samovar/contracts";
import { and, count, eq, gt, lte } from "drizzle-orm";
import { recordIfChanged } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import { deviceLogins } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { getPageUrl } from "../http/hosts.ts";
import { findApiTokenBySecret, mintApiToken } from "./api-tokens.ts";
import { makeRandomToken, toSecret } from "./secrets.ts";

const POLL_INTERVAL_MS = 2_000;
/** For all addresses together. An attacker who asks often keeps others from asking, but not from getting their answer. */
const MAX_PENDING = 1_000;

/** Null when too many are waiting for an answer. `address`: of the computer that asks, shown to the person. */
export async function createDeviceLogin(
  { db, clock, config, random }: Deps,
  { name, address }: Pick<DeviceLoginView, "name" | "address">,
): Promise<CreatedDeviceLogin | null> {
  const now = clock.now();
  await db.delete(deviceLogins).where(lte(deviceLogins.expiresAt, now));
  const [waiting] = await db.select({ count: count() }).from(deviceLogins);
  if ((waiting?.count ?? 0) >= MAX_PENDING) return null;
  const deviceCode = makeRandomToken(random);
  const userCode = makeUserCode(random);
  const expiresAt = now + USER_CODE.ttlMs;
  const row = { userCode, name, address, status: "pending", createdAt: now, expiresAt } as const;
  await db.insert(deviceLogins).values({ ...row, deviceHash: sha256(deviceCode), ownerId: null, tokenId: null });
  const verificationUrl = new URL(`/connect?code=${userCode}`, getPageUrl(config)).href;
  return { deviceCode, userCode, verificationUrl, expiresAt, intervalMs: POLL_INTERVAL_MS };
}

/** `BCDF-GHJK`. Drops bytes above the last multiple of the number of letters, so that all letters are equally likely. */
function makeUserCode(random: Random): string {
  const { letters, length } = USER_CODE;
  let code = "";
  while (code.length < length)
    for (const byte of random.bytes(length))
      if (byte < 256 - (256 % letters.length) && code.length < length) code += letters[byte % letters.length];
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/** The request as the person sees it; null when the code is unknown or expired. */
export async function findDeviceLogin({ db, clock }: Deps, userCode: string): Promise<DeviceLoginView | null> {
  const [row] = await db.select().from(deviceLogins).where(isOpen(userCode, clock.now()));
  if (row === undefined) return null;
  const { name, address, status, createdAt, expiresAt } = row;
  return { userCode, name, address, status, createdAt, expiresAt };
}

const isOpen = (userCode: string, now: number) =>
  and(eq(deviceLogins.userCode, userCode), gt(deviceLogins.expiresAt, now));

/** The first answer counts. Returns the request as it is afterwards, or null as {@link findDeviceLogin}. */
export async function answerDeviceLogin(
  deps: Deps,
  actor: AuditActor,
  userCode: string,
  isApproved: boolean,
): Promise<DeviceLoginView | null> {
  const status = isApproved ? "approved" : "denied";
  const asked = await findDeviceLogin(deps, userCode);
  if (asked === null) return null;
  const { name, address } = asked;
  await deps.db.batch([
    deps.db
      .update(deviceLogins)
      .set({ status, ownerId: actor.ownerId })
      .where(and(isOpen(userCode, deps.clock.now()), eq(deviceLogins.status, "pending"))),
    recordIfChanged(deps, actor, {
      action: `device_login.${status}`,
      objectId: actor.ownerId,
      detail: { userCode, name, address },
    }),
  ]);
  return findDeviceLogin(deps, userCode);
}

/** Null for an unknown device code. A repeated call returns the same token. */
export async function redeemDeviceLogin(deps: Deps, deviceCode: string): Promise<DeviceLoginOutcome | null> {
  const { db, clock } = deps;
  const [row] = await db
    .select()
    .from(deviceLogins)
    .where(eq(deviceLogins.deviceHash, sha256(deviceCode)));
  if (row === undefined) return null;
  if (row.expiresAt <= clock.now()) return { status: "expired" };
  if (row.status === "pending" || row.ownerId === null) return { status: "pending" };
  const made = row.status === "approved" ? await ensureToken(deps, row.ownerId, row, deviceCode) : null;
  if (made === null) return { status: "denied" };
  await db.update(deviceLogins).set({ tokenId: made.id }).where(eq(deviceLogins.userCode, row.userCode));
  return { status: "approved", token: made.token, tokenId: made.id, expiresAt: made.expiresAt };
}

/** Null when the token was revoked. */
async function ensureToken(
  deps: Deps,
  ownerId: UserId,
  { name, tokenId }: Pick<typeof deviceLogins.$inferSelect, "name" | "tokenId">,
  deviceCode: string,
): Promise<CreatedApiToken | null> {
  const secret = toSecret(`api token of device login ${deviceCode}`);
  const earlier = await findApiTokenBySecret(deps, secret);
  if (earlier !== null || tokenId !== null) return earlier;
  const actor = { kind: "device_login", id: null, ownerId } as const;
  const expiresAt = deps.clock.now() + API_TOKEN_TTL_MS.default;
  try {
    return await mintApiToken(deps, actor, { name: `samovar login: ${name}`, kind: "personal", expiresAt }, secret);
  } catch (error) {
    // Another request with the same device code was faster.
    const made = await findApiTokenBySecret(deps, secret);
    if (made === null) throw error;
    return made;
  }
}
