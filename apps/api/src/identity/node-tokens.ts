/**
 * The nodes' JWTs: minted here, verified here, with algorithm, issuer, audience and type pinned. Their issuer is the installation,
 * so that they stay valid when its address changes. Keeps S1.
 */
import type { Millis } from "@samovar/base";
import { NODE_TOKEN, nodeClaims, SamovarError, WORKSPACE_TOKEN, workspaceClaims } from "@samovar/contracts";
import type { NodeClaims, WorkspaceClaims } from "@samovar/contracts";
import type { Context } from "hono";
import { errors, importJWK, jwtVerify, SignJWT } from "jose";
import type { JWK } from "jose";
import type * as z from "zod";
import type { Config } from "../config.ts";

const ALGORITHM = "EdDSA";

type KeyConfig = Pick<Config, "SIGNING_KEY" | "PREVIOUS_SIGNING_KEY">;
type SigningConfig = KeyConfig & Pick<Config, "INSTALLATION_ID" | "PUBLIC_URL" | "NODE_TOKEN_TTL_MS">;
type TokenKind = typeof NODE_TOKEN | typeof WORKSPACE_TOKEN;

export interface MintedToken {
  readonly token: string;
  /** Unix milliseconds. */
  readonly expiresAt: Millis;
}

export function mintNodeToken(config: SigningConfig, claims: NodeClaims, now: Millis): Promise<MintedToken> {
  return mint(config, NODE_TOKEN, nodeClaims.parse(claims), now);
}

export function mintWorkspaceToken(config: SigningConfig, claims: WorkspaceClaims, now: Millis): Promise<MintedToken> {
  return mint(config, WORKSPACE_TOKEN, workspaceClaims.parse(claims), now);
}

/** An `unauthenticated` for a token that this control plane did not sign. */
export class ForgedTokenError extends SamovarError {}

/** Throws `unauthenticated`. */
export function verifyNodeToken(config: SigningConfig, token: string, now: Millis): Promise<NodeClaims> {
  return verify(config, NODE_TOKEN, nodeClaims, token, now);
}

/** Throws `unauthenticated`. */
export function verifyWorkspaceToken(config: SigningConfig, token: string, now: Millis): Promise<WorkspaceClaims> {
  return verify(config, WORKSPACE_TOKEN, workspaceClaims, token, now);
}

/** The token of `Authorization: Bearer …`; throws `unauthenticated` when there is none. */
export function readBearer(c: Context): string {
  const token = /^Bearer ([A-Za-z0-9._~+/=-]{1,4096})$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (token === undefined) throw refused();
  return token;
}

/** What `/.well-known/jwks.json` says. */
export function getPublicKeys({ SIGNING_KEY, PREVIOUS_SIGNING_KEY }: KeyConfig): { readonly keys: readonly JWK[] } {
  return { keys: [SIGNING_KEY, PREVIOUS_SIGNING_KEY].filter((key) => key !== undefined).map(publicJwk) };
}

async function mint(
  config: SigningConfig,
  kind: TokenKind,
  claims: NodeClaims | WorkspaceClaims,
  now: Millis,
): Promise<MintedToken> {
  const issuedAt = Math.floor(now / 1000);
  const expiresAt = issuedAt + Math.ceil(config.NODE_TOKEN_TTL_MS / 1000);
  const token = await new SignJWT({ ...claims })
    .setProtectedHeader({ alg: ALGORITHM, typ: kind.typ, kid: config.SIGNING_KEY.kid })
    .setIssuer(config.INSTALLATION_ID)
    .setAudience(kind.audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(await importJWK(config.SIGNING_KEY, ALGORITHM));
  return { token, expiresAt: expiresAt * 1000 };
}

async function verify<T>(
  config: SigningConfig,
  kind: TokenKind,
  schema: z.ZodType<T>,
  token: string,
  now: Millis,
): Promise<T> {
  try {
    const { payload } = await jwtVerify(token, ({ kid }) => importJWK(findKey(config, kid), ALGORITHM), {
      algorithms: [ALGORITHM],
      // Earlier versions named the address; their nodes' tokens are valid until they expire.
      issuer: [config.INSTALLATION_ID, config.PUBLIC_URL],
      audience: kind.audience,
      typ: kind.typ,
      currentDate: new Date(now),
      requiredClaims: ["exp", "iat"],
    });
    return schema.parse(payload);
  } catch (error) {
    // The caller does not learn which check failed.
    const isSigned = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed;
    throw isSigned ? refused() : new ForgedTokenError("unauthenticated", REFUSAL);
  }
}

/** Throws when no key is named so. */
function findKey(config: KeyConfig, kid = config.SIGNING_KEY.kid): JWK {
  const key = getPublicKeys(config).keys.find((each) => each.kid === kid);
  if (key === undefined) throw refused();
  return key;
}

function publicJwk({ kty, crv, x, kid }: Omit<Config["SIGNING_KEY"], "d">): JWK {
  return { kty, crv, x, kid, alg: ALGORITHM, use: "sig" };
}

const REFUSAL = "The token is missing, expired or not valid for this.";
const refused = () => new SamovarError("unauthenticated", REFUSAL);
