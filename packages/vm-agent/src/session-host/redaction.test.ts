/** The secrets that a session's host knows, in all that a real agent process prints. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { sha256 } from "@samovar/base/sha256";
import type { HostLaunch, SecretDigests } from "@samovar/contracts";
import { digestSecrets } from "@samovar/domain/secret-digests";
import { aLaunch, openHost, scriptAgent, startStore } from "./host.testing.ts";

vi.setConfig({ testTimeout: 30_000 });

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

const SECRET = "canary-of-the-kettle";
const TOKEN = "canary-of-the-workspace";
const fence = (info: string, body = "") => `\`\`\`${info}\n${body}\n\`\`\``;
const agent: HostLaunch["agent"] = {
  kind: "tea",
  command: scriptAgent,
  env: { SCRIPT_AGENT_RECALL: "none" },
  gateway: null,
  secretEnv: true,
};

/** Runs a session to its end; returns it with the text of everything that is stored of it, here and in the control plane. */
async function runSession(
  prompt: string,
  files: Readonly<Record<string, string>> = {},
  change: Partial<HostLaunch["agent"]> = {},
  credential: object = { kind: "env", env: { TEA_TOKEN: SECRET } },
  digests?: SecretDigests | null,
) {
  const { directory, launch } = aLaunch("http://127.0.0.1:9", prompt, { agent: { ...agent, ...change } });
  const store = await startStore(launch.sessionId);
  store.credential = { status: 200, body: credential };
  if (digests !== undefined) store.digests = digests;
  writeFileSync(join(directory, "host.json"), JSON.stringify({ ...launch, controlPlaneUrl: store.url }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(launch.cwd, name), text);
  cleanups.push(
    () => store.close(),
    () => rmSync(directory, { recursive: true, force: true }),
  );
  const host = await openHost(directory);
  host.send({ type: "token", token: TOKEN, expiresAt: 9_999_999_999_999 });
  const { end, digest } = await host.until(({ phase, drained }) => phase === "ended" && drained);
  host.send({ type: "shutdown" });
  await host.exited;
  expect(digest).toEqual(store.digest());
  const recorded = ["host.sqlite", "host.log"].map((name) => readFileSync(join(directory, name), "latin1")).join("");
  const transcript = store.transcript();
  return { end, transcript, everything: JSON.stringify({ end, transcript }) + recorded };
}

describe("[security 32] a secret variable that the agent prints", () => {
  it("is redacted in the transcript, also encoded, and the digest is of what was recorded", async () => {
    const prompt = [
      fence("sh", 'echo "token=$TEA_TOKEN"; printf %s "user:$TEA_TOKEN" | base64'),
      fence("sh", 'printf %s "$TEA_TOKEN" | od -An -tx1 | tr -d " \\n"'),
      fence("say", `My token is ${SECRET}`),
    ].join("\n");
    const { end, transcript, everything } = await runSession(prompt);
    expect(transcript.flatMap(({ toolMetadata }) => (toolMetadata === null ? [] : [toolMetadata.output]))).toEqual([
      "token=[redacted]\ndXNlcjp[redacted]==\n",
      "[redacted]\n",
    ]);
    expect(transcript.map(({ content }) => content)).toContain("My token is [redacted]");
    expect(end).toMatchObject({ outcome: "clean", redactions: 4 });
    expect(everything).not.toMatch(/canary-of|Y2FuYXJ|jYW5hcn|63616e617279/);
  });

  it("is redacted in the reason of a failure", async () => {
    const { end, everything } = await runSession(fence("fail", `401 for ${SECRET}`));
    expect(end).toMatchObject({ outcome: "error", redactions: 1 });
    expect(end?.failure?.message).toContain("401 for [redacted]");
    expect(everything).not.toContain("canary-of");
  });

  it("is redacted in the last output of an agent that crashed", async () => {
    const { end, everything } = await runSession(fence("crash", `no tea for ${SECRET}`));
    expect(end?.failure?.message).toMatch(/last output: .*no tea for \[redacted\]/);
    expect(everything).not.toContain("canary-of");
  });

  it("is redacted in the output of the set-up script and in its last lines", async () => {
    const files = { "samovar.setup": `printf 'canary-of'; printf -- '-the-kettle\\nno water'; exit 3` };
    const { end, transcript, everything } = await runSession(fence("say", "never"), files);
    expect(transcript).toMatchObject([{ toolMetadata: { output: "[redacted]\nno water\n" } }]);
    expect(end?.failure?.message).toMatch(/Its last lines:\n\[redacted\]\nno water$/);
    expect(end).toMatchObject({ redactions: 1 });
    expect(everything).not.toContain("canary-of-the-kettle");
  });
});

it("[security 32] the keys of the model and of its gateway and the workspace's token are redacted too", async () => {
  const prompt = [fence("sh", 'echo "key $KEY"'), fence("say", `${SECRET} and ${TOKEN}`)].join("\n");
  const gateway = { gateway: "anthropic", secretEnv: false, env: { KEY: "{gateway.key}" } } as const;
  const { end, transcript, everything } = await runSession(prompt, {}, gateway, { kind: "anthropic", apiKey: SECRET });
  expect(transcript.map(({ toolMetadata }) => toolMetadata?.output)).toContain("key [redacted]\n");
  expect(transcript.map(({ content }) => content)).toContain("[redacted] and [redacted]");
  expect(end).toMatchObject({ outcome: "clean", redactions: 3 });
  expect(everything).not.toContain("canary-of");
});

it("[security 32] counts no redaction where no secret was printed", async () => {
  expect((await runSession(fence("say", "Tea can be made."))).end).toMatchObject({ outcome: "clean", redactions: 0 });
});

it("[security 32] a secret of the installation that the host does not know is redacted by its digest, encoded and in pieces", async () => {
  const other = "canary_of-the-installation";
  const salt = "0f".repeat(16);
  const digests = { salt, forms: digestSecrets([other], salt, sha256), apiTokens: [] };
  // What is printed is in no title of a tool.
  const encode = `printf %s "$OTHER" | base64; printf %s "$OTHER" | od -An -tx1 | tr -d ' \\n'`;
  const prompt = [
    fence("sh", `. ./other; echo "a=$OTHER"; ${encode}`),
    fence("sh", "printf 'canary_of'; printf -- '-the-inst'; echo 'allation, once more'"),
    fence("say", `It is ${other}, in an address ${encodeURIComponent(`${other}/+`)}`),
  ].join("\n");
  const files = { "samovar.setup": "printf 'canary_of'; printf -- '-the-installation\\n'", other: `OTHER=${other}` };
  const { end, transcript, everything } = await runSession(prompt, files, {}, undefined, digests);
  const outputs = transcript.flatMap(({ toolMetadata }) => (toolMetadata === null ? [] : [toolMetadata.output]));
  expect(outputs).toEqual(["[redacted]\n", "a=[redacted]\n[redacted]=\n[redacted]\n", "[redacted], once more\n"]);
  expect(transcript.map(({ content }) => content)).toContain("It is [redacted], in an address [redacted]%2F%2B");
  expect(end).toMatchObject({ outcome: "clean", redactions: 7 });
  expect(everything).not.toMatch(/canary_of-the-inst|63616e617279|Y2FuYXJ5X29mLXRoZS1p/);
});

it("[security 32] [F48] a control plane without digests of secrets does not keep a session from its work", async () => {
  const { end, transcript } = await runSession(fence("say", `It is ${SECRET}`), {}, {}, undefined, null);
  expect(transcript.map(({ content }) => content)).toContain("It is [redacted]");
  expect(end).toMatchObject({ outcome: "clean", redactions: 1 });
});
