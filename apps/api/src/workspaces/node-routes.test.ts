/** The credentials that a workspace's token gives access to, while the workspace holds a slot. */
import { env } from "cloudflare:workers";
import type { NodeId, UserId } from "@samovar/base";
import { agentCredential, agentDefinition, errorBody, gitCredential, secretDigests } from "@samovar/contracts";
import type { AgentKind, CredentialSecret } from "@samovar/contracts";
import { sha256 } from "@samovar/base/sha256";
import type { SlotLease } from "@samovar/domain/node-record";
import { DigestSearch } from "@samovar/domain/secret-digests";
import { SecretRedactor } from "@samovar/domain/secret-redactor";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { actorOf, controlPlane } from "../../test/caller.ts";
import { putDefinition } from "../agents/store.ts";
import { putCredential } from "../credentials/store.ts";
import { credentials, projects } from "../database/schema.ts";
import { mintApiToken } from "../identity/api-tokens.ts";
import { mintWorkspaceToken } from "../identity/node-tokens.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { aHolder, aNode, anOwner, stopClock } from "../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { createWorkspace } from "./store.ts";

const { ask, deps } = controlPlane();
const { db } = deps;
let owner: UserId;
let lease: SlotLease;
let nodeId: NodeId;

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  owner = await anOwner();
  lease = await aHolder(owner);
  nodeId = await aNode(lease, owner);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const runs = (agent: AgentKind | null) => {
  const { workspaceId: id, projectId, sessionId } = lease;
  return createWorkspace(env, { id, ownerId: owner, projectId, sessionId, nodeId, agent });
};
const store = (secret: CredentialSecret) => putCredential(deps, actorOf(owner), secret);
const define = (more: object) =>
  putDefinition(
    deps,
    actorOf(owner),
    agentDefinition.parse({
      kind: "goose",
      name: "Goose",
      program: { from: "path", command: "goose", args: [] },
      ...more,
    }),
  );
const tokenOf = async ({ workspaceId, projectId, sessionId }: SlotLease, epoch = 1) => {
  const claims = { workspace: workspaceId, project: projectId, session: sessionId, node: nodeId, epoch };
  return (await mintWorkspaceToken(deps.config, claims, Date.now())).token;
};
type Asked = "agent-credential" | "git-credential" | "secret-digests";
const asks = async (what: Asked, token?: string) =>
  ask(`/api/workspaces/${lease.workspaceId}/${what}`, { token: token ?? (await tokenOf(lease)) });
const given = async () => agentCredential.parse(await (await asks("agent-credential")).json());
const refusal = async (answer: Response) => errorBody.parse(await answer.json()).error;
const forGit = async () => gitCredential.parse(await (await asks("git-credential")).json()).credential;

describe("an agent's credential", () => {
  it("is the model's, for a built-in agent", async () => {
    await runs("claude");
    await store({ kind: "anthropic", apiKey: "sk-ant-the-key-of-the-tests" });
    await store({ kind: "openai", apiKey: "another-key-of-the-tests" });
    const answer = await asks("agent-credential");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toEqual({ kind: "anthropic", apiKey: "sk-ant-the-key-of-the-tests" });
  });

  it("is its gateway's model's, for a custom agent", async () => {
    await define({ gateway: "google" });
    await runs("goose");
    await store({ kind: "anthropic", apiKey: "sk-ant-the-key-of-the-tests" });
    await store({ kind: "google", apiKey: "the-key-for-google" });
    expect(await given()).toEqual({ kind: "google", apiKey: "the-key-for-google" });
  });

  it("[S1] has only the variables that the agent names", async () => {
    await define({ secretEnv: ["GOOSE_KEY"] });
    await runs("goose");
    await store({ kind: "agent", agent: "goose", env: { GOOSE_KEY: "honk", OTHER: "not-for-this-one" } });
    expect(await given()).toEqual({ kind: "env", env: { GOOSE_KEY: "honk" } });
    await define({ secretEnv: ["GOOSE_KEY", "GOOSE_ORG"] });
    expect(await refusal(await asks("agent-credential"))).toMatchObject({ code: "credentials_missing" });
  });

  it("is refused when it was deleted, cannot be decrypted, or the agent needs none", async () => {
    await runs("claude");
    const missing = await refusal(await asks("agent-credential"));
    expect(missing).toMatchObject({ code: "credentials_missing", details: { kind: "anthropic" } });
    await store({ kind: "anthropic", apiKey: "sk-ant-the-key-of-the-tests" });
    await db.update(credentials).set({ keyId: "older" }).where(eq(credentials.kind, "anthropic"));
    const unopened = await refusal(await asks("agent-credential"));
    expect(unopened).toMatchObject({ code: "credentials_missing", message: expect.stringContaining("Store it again") });
    for (const agent of ["script", null]) {
      await runs(agent);
      expect(await refusal(await asks("agent-credential"))).toMatchObject({ code: "not_found" });
    }
  });
});

describe("a repository's credential", () => {
  const at = (repoUrl: string) => db.update(projects).set({ repoUrl }).where(eq(projects.id, lease.projectId));

  it("is the owner's token, for a repository of GitHub over https", async () => {
    await runs("script");
    await at("https://github.com/acme/kettle.git");
    expect(await forGit()).toBeNull();
    await store({ kind: "github", token: "ghp_the-token-of-the-tests" });
    expect(await forGit()).toEqual({
      host: "github.com",
      username: "x-access-token",
      password: "ghp_the-token-of-the-tests",
    });
  });

  it.each([
    "https://git.test/p.git",
    "https://github.com.evil.test/a/b",
    "git@github.com:a/b.git",
    "/srv/github.com/a/b",
  ])("[S1] is nothing for %s", async (repoUrl) => {
    await runs("script");
    await at(repoUrl);
    await store({ kind: "github", token: "ghp_the-token-of-the-tests" });
    expect(await forGit()).toBeNull();
  });
});

describe("[security 32] the digests of secrets", () => {
  const redactor = async () => {
    const answer = await asks("secret-digests");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    return new SecretRedactor([], new DigestSearch(secretDigests.parse(await answer.json()), sha256));
  };

  it("find each stored credential of the owner, API tokens and the installation's own secrets, whatever the agent", async () => {
    await runs("script");
    await store({ kind: "hetzner", token: "the-token-of-the-provider-1" });
    await store({ kind: "digitalocean", token: "the-token-of-the-provider-2" });
    await store({
      kind: "anthropic",
      apiKey: "sk-ant-the-key-of-the-tests",
      oauthToken: "the-oauth-token-of-the-tests",
    });
    await store({ kind: "openai", apiKey: "another-key-of-the-tests" });
    await store({ kind: "google", apiKey: "the-key-for-google-of-the-tests" });
    await store({ kind: "github", token: "ghp_the-token-of-the-tests" });
    await store({ kind: "agent", agent: "goose", env: { A: "the-variable-of-the-goose" } });
    const { token } = await mintApiToken(deps, actorOf(owner), { name: "t", kind: "personal", expiresAt: null });
    const { OPERATOR_SECRET, CREDENTIALS_KEY, SIGNING_KEY } = deps.config;
    const stored =
      "the-token-of-the-provider-1 the-token-of-the-provider-2 sk-ant-the-key-of-the-tests the-oauth-token-of-the-tests another-key-of-the-tests " +
      "the-key-for-google-of-the-tests ghp_the-token-of-the-tests the-variable-of-the-goose";
    const found = await redactor();
    for (const secret of [...stored.split(" "), token, OPERATOR_SECRET, CREDENTIALS_KEY, SIGNING_KEY.d])
      expect(found.redact(`a ${secret} b`).text).toBe("a [redacted] b");
  });

  it("have no secret, differ from answer to answer, and skip what does not open or belongs to another person", async () => {
    await runs("claude");
    await store({ kind: "anthropic", apiKey: "sk-ant-the-key-of-the-tests" });
    await putCredential(deps, actorOf(await anOwner()), { kind: "openai", apiKey: "key-of-another-person" });
    const [first, second] = [await asks("secret-digests"), await asks("secret-digests")];
    const [text, other] = [await first.text(), await second.text()];
    expect(text).not.toMatch(/sk-ant|another-person/);
    const digests = ({ forms }: { forms: readonly { digest: string }[] }) => forms.map(({ digest }) => digest);
    const known = new Set(digests(secretDigests.parse(JSON.parse(other))));
    expect(digests(secretDigests.parse(JSON.parse(text))).filter((digest) => known.has(digest))).toEqual([]);
    expect((await redactor()).redact("key-of-another-person").redactions).toBe(0);
    expect((await redactor()).redact("sk-ant-the-key-of-the-tests").redactions).toBe(1);
    await db.update(credentials).set({ keyId: "older" }).where(eq(credentials.kind, "anthropic"));
    expect((await redactor()).redact("sk-ant-the-key-of-the-tests").redactions).toBe(0);
  });
});

describe("[S1] all are refused", () => {
  it.each(["agent-credential", "git-credential", "secret-digests"] as const)(
    "to another workspace, another epoch, or one without its slot: %s",
    async (what) => {
      await runs("claude");
      await store({ kind: "anthropic", apiKey: "sk-ant-the-key-of-the-tests" });
      await store({ kind: "github", token: "ghp_the-token-of-the-tests" });
      const other = await aHolder(owner);
      expect((await asks(what, await tokenOf(other))).status).toBe(401);
      expect((await asks(what, await tokenOf(lease, 2))).status).toBe(401);
      await getNodeObject(env, nodeId).release(lease.workspaceId);
      const answer = await asks(what);
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toMatch(/sk-ant|ghp_/);
    },
  );
});
