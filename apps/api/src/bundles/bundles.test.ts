/** Bundles over HTTP: a node uploads one, its owner downloads the same bytes. */
import { env } from "cloudflare:workers";
import { sha256 } from "@samovar/base/sha256";
import { bundleView, errorBody, LIMITS, taskView } from "@samovar/contracts";
import type { ProjectView, WorkspaceClaims } from "@samovar/contracts";
import { beforeAll, expect, test } from "vitest";
import { controlPlane, ids, ORIGIN, anotherUser } from "../../test/caller.ts";
import { mintWorkspaceToken } from "../identity/node-tokens.ts";

const control = controlPlane();
const { app, ask, setUp, deps } = control;
let owner: { token: string };
beforeAll(async () => {
  owner = { token: (await setUp()).apiToken };
});

/** A draft whose session is linked to a workspace. */
async function work() {
  const repoUrl = "https://example.test/tea.git";
  const project: ProjectView = await (await ask("/api/projects", { body: { name: "Tea", repoUrl }, ...owner })).json();
  const made = await ask(`/api/projects/${project.id}/tasks`, { body: { description: "Make tea" }, ...owner });
  const task = taskView.parse(await made.json());
  const workspace = ids.make("wsp");
  const claims: WorkspaceClaims = {
    workspace,
    project: project.id,
    session: task.sessionId,
    node: ids.make("nod"),
    epoch: 1,
  };
  await env.PROJECT_DATA.getByName(project.id).linkWorkspace(task.sessionId, workspace);
  return { claims, path: `/api/projects/${project.id}/tasks/${task.id}/bundle` };
}

/** Bytes that differ from their neighbours. */
const bytes = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 13) & 255);

async function put(claims: WorkspaceClaims, data: Uint8Array<ArrayBuffer>, more: Record<string, string> = {}) {
  const { token } = await mintWorkspaceToken(deps.config, claims, Date.now());
  const { workspace = claims.workspace, sha256: digest = sha256(data), type = "application/octet-stream" } = more;
  return app.request(
    `${ORIGIN}/api/workspaces/${workspace}/bundle?sha256=${digest}`,
    { method: "PUT", headers: { authorization: `Bearer ${token}`, "content-type": type }, body: data },
    control.env,
  );
}
const formatCode = async (response: Response) => errorBody.parse(await response.json()).error.code;

test("[R14] [F41] the owner downloads the bytes that the node uploaded, under the branch's name", async () => {
  const { claims, path } = await work();
  const data = bytes(2 * 1024 * 1024 + 17);
  expect(bundleView.parse(await (await put(claims, data)).json())).toEqual({
    bytes: data.byteLength,
    sha256: sha256(data),
  });
  const fetched = await ask(path, owner);
  expect(fetched.status).toBe(200);
  expect(fetched.headers.get("content-type")).toBe("application/octet-stream");
  expect(fetched.headers.get("content-disposition")).toBe('attachment; filename="work.bundle"');
  expect(sha256(new Uint8Array(await fetched.arrayBuffer()))).toBe(sha256(data));
});

test("[F41] a later bundle replaces an earlier one; the same one again changes nothing", async () => {
  const { claims, path } = await work();
  await put(claims, bytes(1_500_000));
  const second = bytes(10, 2);
  await put(claims, second);
  await put(claims, second);
  expect(new Uint8Array(await (await ask(path, owner)).arrayBuffer())).toEqual(second);
});

test("a task without a bundle and another user's task are not found", async () => {
  const { claims, path } = await work();
  expect(await formatCode(await ask(path, owner))).toBe("not_found");
  await put(claims, bytes(10));
  expect(await formatCode(await ask(path, await anotherUser()))).toBe("not_found");
});

test("[security 5, 16] another workspace's token, a wrong SHA-256, an empty and an oversized bundle are refused", async () => {
  const { claims, path } = await work();
  const data = bytes(100);
  expect(await formatCode(await put(claims, data, { workspace: ids.make("wsp") }))).toBe("forbidden");
  expect(await formatCode(await put({ ...claims, workspace: ids.make("wsp") }, data))).toBe("conflict");
  expect(await formatCode(await put({ ...claims, session: ids.make("ses") }, data))).toBe("not_found");
  expect(await formatCode(await put(claims, data, { sha256: sha256(bytes(99)) }))).toBe("invalid_request");
  expect(await formatCode(await put(claims, data, { type: "text/plain" }))).toBe("unsupported_media_type");
  expect(await formatCode(await put(claims, bytes(0)))).toBe("invalid_request");
  expect(await formatCode(await put(claims, new Uint8Array(LIMITS.bundleMaxBytes + 1)))).toBe("payload_too_large");
  expect(await formatCode(await ask(path, owner))).toBe("not_found");
  expect((await put(claims, new Uint8Array(LIMITS.bundleMaxBytes))).status).toBe(200);
});
