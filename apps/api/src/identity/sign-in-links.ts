/** One-time links that sign a browser in: 15 minutes, one use, kept as a hash. */
import type { UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { SignInLink } from "@samovar/contracts";
import { and, eq, gt, isNull, lt } from "drizzle-orm";
import { recordAction } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import { signInLinks } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { getPageUrl } from "../http/hosts.ts";
import { makeRandomToken } from "./secrets.ts";

const LIFE_MS = 15 * 60_000;

/** The token stands behind `#`, so that no server and no log on the way sees it. */
export async function makeSignInLink(deps: Deps, actor: AuditActor): Promise<SignInLink> {
  const { db, clock, config, random } = deps;
  const userId = actor.ownerId;
  const token = makeRandomToken(random);
  const now = clock.now();
  const expiresAt = now + LIFE_MS;
  await db.batch([
    db.insert(signInLinks).values({ hash: sha256(token), userId, expiresAt, redeemedAt: null }),
    // A link has no id but its hash, so its owner stands for it.
    recordAction(deps, actor, { action: "sign_in_link.created", objectId: userId, detail: { expiresAt } }),
    db.delete(signInLinks).where(lt(signInLinks.expiresAt, now)),
  ]);
  return { url: new URL(`/sign-in#${token}`, getPageUrl(config)).href, expiresAt };
}

/** Whose link it was; null when it is unknown, used or too old. Of many who come at once, one gets it. */
export async function redeemSignInLink({ db, clock }: Deps, token: string): Promise<UserId | null> {
  const now = clock.now();
  const [redeemed] = await db
    .update(signInLinks)
    .set({ redeemedAt: now })
    .where(and(eq(signInLinks.hash, sha256(token)), isNull(signInLinks.redeemedAt), gt(signInLinks.expiresAt, now)))
    .returning({ userId: signInLinks.userId });
  return redeemed?.userId ?? null;
}
