import { SignJWT, exportJWK, generateKeyPair, importJWK } from "jose";
import { NODE_TOKEN, WORKSPACE_TOKEN } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { controlPlane, ids } from "../../test/caller.ts";
import {
  mintNodeToken,
  mintWorkspaceToken,
  getPublicKeys,
  verifyNodeToken,
  verifyWorkspaceToken,
} from "./node-tokens.ts";

const { ask, deps } = controlPlane();
const { config } = deps;
const NOW = 1_800_000_000_000;
const NODE = { node: ids.make("nod"), epoch: 3 };
const WORKSPACE = {
  workspace: ids.make("wsp"),
  project: ids.make("prj"),
  session: ids.make("ses"),
  node: NODE.node,
  epoch: 3,
};
const refused = { name: "SamovarError", code: "unauthenticated" };

describe("node and workspace tokens", () => {
  it("identify the node for 24 hours", async () => {
    const node = await mintNodeToken(config, NODE, NOW);
    expect(node.expiresAt).toBe(NOW + 24 * 3_600_000);
    expect(await verifyNodeToken(config, node.token, NOW)).toEqual(NODE);
    const workspace = await mintWorkspaceToken(config, WORKSPACE, NOW);
    expect(await verifyWorkspaceToken(config, workspace.token, NOW)).toEqual(WORKSPACE);
    await expect(verifyNodeToken(config, node.token, node.expiresAt)).rejects.toMatchObject(refused);
  });

  it("are not interchangeable", async () => {
    const node = await mintNodeToken(config, NODE, NOW);
    const workspace = await mintWorkspaceToken(config, WORKSPACE, NOW);
    await expect(verifyWorkspaceToken(config, node.token, NOW)).rejects.toMatchObject(refused);
    await expect(verifyNodeToken(config, workspace.token, NOW)).rejects.toMatchObject(refused);
  });

  it("open none of a person's routes", async () => {
    const now = Date.now();
    const node = await mintNodeToken(config, NODE, now);
    const workspace = await mintWorkspaceToken(config, WORKSPACE, now);
    for (const { token } of [node, workspace]) {
      expect((await ask("/api/me", { token })).status).toBe(401);
      expect((await ask("/api/projects", { token })).status).toBe(401);
    }
  });

  const forged = (more: { typ?: string; iss?: string; aud?: string; exp?: number | null; claims?: object }) => {
    const jwt = new SignJWT({ ...NODE, ...more.claims })
      .setProtectedHeader({ alg: "EdDSA", typ: more.typ ?? NODE_TOKEN.typ })
      .setIssuer(more.iss ?? config.INSTALLATION_ID)
      .setAudience(more.aud ?? NODE_TOKEN.audience)
      .setIssuedAt(NOW / 1000);
    return more.exp === null ? jwt : jwt.setExpirationTime(more.exp ?? NOW / 1000 + 60);
  };

  it.each([
    ["another type", { typ: "JWT" }],
    ["another issuer", { iss: "http://evil.test" }],
    ["another installation", { iss: "another-installation" }],
    ["another audience", { aud: WORKSPACE_TOKEN.audience }],
    ["no expiry", { exp: null }],
    ["an expiry that has passed", { exp: NOW / 1000 - 1 }],
    ["a node that is none", { claims: { node: "nod_x" } }],
  ])("signed by us with %s are refused", async (_what, more) => {
    const key = await importJWK(config.SIGNING_KEY, "EdDSA");
    await expect(verifyNodeToken(config, await forged({}).sign(key), NOW)).resolves.toEqual(NODE);
    await expect(verifyNodeToken(config, await forged(more).sign(key), NOW)).rejects.toMatchObject(refused);
  });

  it("signed with another key, with the public key as a secret, or not at all, are refused", async () => {
    const { privateKey } = await generateKeyPair("EdDSA");
    const another = await forged({}).sign(privateKey);
    const confused = await new SignJWT({ ...NODE })
      .setProtectedHeader({ alg: "HS256", typ: NODE_TOKEN.typ })
      .setIssuer(config.PUBLIC_URL)
      .setAudience(NODE_TOKEN.audience)
      .setIssuedAt(NOW / 1000)
      .setExpirationTime(NOW / 1000 + 60)
      .sign(new TextEncoder().encode(config.SIGNING_KEY.x));
    const { token } = await mintNodeToken(config, NODE, NOW);
    const [, payload] = token.split(".");
    const none = `${btoa('{"alg":"none","typ":"node+jwt"}').replaceAll("=", "")}.${payload}.`;
    for (const bad of [another, confused, none, "", "a.b.c"]) {
      await expect(verifyNodeToken(config, bad, NOW)).rejects.toMatchObject(refused);
    }
  });

  it("[F38] hold on when the key is rotated, for as long as the one before is named", async () => {
    const { token } = await mintNodeToken(config, NODE, NOW);
    const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
    const { x = "", d = "" } = { ...(await exportJWK(publicKey)), ...(await exportJWK(privateKey)) };
    const rotated = { ...config, SIGNING_KEY: { ...config.SIGNING_KEY, kid: "next", x, d } };
    const both = { ...rotated, PREVIOUS_SIGNING_KEY: config.SIGNING_KEY };
    expect(await verifyNodeToken(both, token, NOW)).toEqual(NODE);
    await expect(verifyNodeToken(rotated, token, NOW)).rejects.toMatchObject(refused);
    const next = await mintNodeToken(both, NODE, NOW);
    expect(await verifyNodeToken(rotated, next.token, NOW)).toEqual(NODE);
    await expect(verifyNodeToken(config, next.token, NOW)).rejects.toMatchObject(refused);
    expect(JSON.stringify(getPublicKeys(both))).not.toMatch(/"d":/);
  });

  it("hold on when the installation gets another address, and so do those that an earlier version issued for an unchanged one", async () => {
    const moved = { ...config, PUBLIC_URL: "https://samovar.example" };
    const { token } = await mintNodeToken(config, NODE, NOW);
    expect(await verifyNodeToken(moved, token, NOW)).toEqual(NODE);
    const key = await importJWK(config.SIGNING_KEY, "EdDSA");
    const earlier = await forged({ iss: config.PUBLIC_URL }).sign(key);
    expect(await verifyNodeToken(config, earlier, NOW)).toEqual(NODE);
    await expect(verifyNodeToken(moved, earlier, NOW)).rejects.toMatchObject(refused);
  });

  it("[S1] are checked by a published key that has no private part", async () => {
    const text = await (await ask("/.well-known/jwks.json")).text();
    expect(text).toContain(config.SIGNING_KEY.x);
    expect(text).not.toContain(config.SIGNING_KEY.d);
  });
});
