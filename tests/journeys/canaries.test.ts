/**
 * A unique value in every secret of an installation, and the real Claude Code at work in the sandbox, which looks around: no secret
 * is anywhere inside while it runs, nor afterwards in anything that leaves the installation.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nodeRuntime } from "@samovar/contracts";
import { type ScriptedMessagesApi, startScriptedMessagesApi } from "@samovar/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { Canaries, collectArguments, listPlacesInside } from "../harness/canaries.ts";
import {
  ApiRefusal,
  type Installation,
  parseTask,
  removeDirectory,
  startInstallation,
} from "../harness/installation.ts";
import { listSessionProcesses } from "../harness/processes.ts";
import { git, makeRemote } from "../harness/repository.ts";

const canary = (name: string) => `canary-${name}-${"0123456789abcdef".slice(0, 8)}-${process.pid}-kettle`;
const STORED = {
  anthropic: `sk-ant-${canary("model-key")}`,
  github: `ghp_${canary("git-token").replaceAll("-", "0")}`,
  openai: canary("other-model-key"),
  google: canary("third-model-key"),
  "agent:goose": canary("secret-variable"),
};
/** What the search does find. */
const MARKER = `marker-of-the-journey-${process.pid}`;
const vmAgent = join(import.meta.dirname, "../../packages/vm-agent/src/main.ts");
const DEMANDED = { WORKSPACE_RUNTIME: "sandbox" };
const runtime = nodeRuntime.parse(
  JSON.parse(
    execFileSync(process.execPath, [vmAgent, "runtime", tmpdir()], {
      env: { ...process.env, ...DEMANDED },
      encoding: "utf8",
    }),
  ),
);

/** Left out only where the system forbids user namespaces; this test then says so. */
test("a sandbox works here, or the system restricts user namespaces", () => {
  expect(runtime.reason ?? "restricts user namespaces").toContain("restricts user namespaces");
});

const bash = (command: string) => ({ name: "Bash", input: { command, description: "A command" } });
/** All that a curious agent can list. */
const LOOK = [
  "env; set; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'",
  'cat /proc/net/tcp /proc/net/unix /proc/mounts; ls -laR "$HOME" /workspace /tmp /run | head -n 400',
  'curl -s -m 20 -H "x-api-key: $ANTHROPIC_API_KEY" "$ANTHROPIC_BASE_URL/v1/models" | head -c 2000',
  "find / -name '*.json' -size -64k -not -path '/proc/*' -not -path '/usr/*' -not -path '*/node_modules/*' -exec cat {} + 2>/dev/null | head -c 20000",
].map((command) => `{ ${command}; } 2>&1; true`);

if (runtime.kind === "sandbox") {
  describe("[security 26] [security 32] [security 23] Claude Code in a sandbox", () => {
    let model: ScriptedMessagesApi;
    let here: Installation;
    let remote: string;
    beforeAll(async () => {
      const conversations = {
        "Guard the tea": [
          {
            text: "First the file.",
            toolUse: { name: "Write", input: { file_path: "tea.txt", content: `${MARKER}\n` } },
          },
          { toolUse: bash("npm test") },
          ...LOOK.map((command) => ({ toolUse: bash(command) })),
          { toolUse: bash(`echo ${MARKER} >ready; until [ -e go ]; do sleep 0.1; done; rm ready go`) },
          { text: `It is guarded: ${MARKER}.` },
        ],
      };
      model = await startScriptedMessagesApi({ apiKey: STORED.anthropic, turns: [], conversations });
      here = await startInstallation({
        env: { ...DEMANDED, ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: STORED.anthropic },
      });
      // A rejected push leaves a bundle and the workspace.
      const hooks = { "pre-receive": "#!/bin/sh\necho 'no tea today' >&2\nexit 1\n" };
      remote = makeRemote(join(here.dataDir, "remote.git"), hooks, {
        "package.json": JSON.stringify({ name: "tea", scripts: { test: "node --test" } }),
        "tea.test.mjs": 'import { test } from "node:test";\ntest("tea is green", () => {});\n',
      });
    });
    afterAll(async () => {
      await here.stop();
      await model.close();
      await removeDirectory(here.dataDir);
    });

    test(
      "no canary is inside while it works, nor in what the installation shows, logs, exports or starts",
      { timeout: 900_000 },
      async () => {
        await here.api("/api/credentials/github", { method: "PUT", body: { kind: "github", token: STORED.github } });
        for (const kind of ["openai", "google"] as const)
          await here.api(`/api/credentials/${kind}`, { method: "PUT", body: { kind, apiKey: STORED[kind] } });
        await define();
        const args = collectArguments();
        const run = here.follow(["run", "--json", "--agent", "claude", "--repo", remote, "Guard the tea"]);
        const ready = await Promise.race([
          waitForReady(),
          run.finished.then(({ stdout }) => expect.fail(`the task ended before: ${stdout.slice(-2000)}`)),
        ]);
        const canaries = new Canaries(await listSecrets());
        const inside = await scanInside(canaries);
        expect(inside.found).toEqual([]);
        expect(inside.bytes).toBeGreaterThan(10_000_000);
        writeFileSync(join(dirname(ready), "go"), "");
        const finished = await run.finished;
        args.stop();
        const task = parseTask(finished);
        expect(task).toMatchObject({ status: "completed", failure: null, output: { transcript: { agreed: true } } });

        const ids = { projectId: task.projectId, taskId: task.id, sessionId: task.sessionId };
        const answers = await readAnswers(ids);
        const transcript = answers.get("/api/projects/{projectId}/sessions/{sessionId}/messages") ?? "";
        expect(transcript.match(/"status":"success"/g)?.length).toBeGreaterThanOrEqual(LOOK.length + 3);
        expect(transcript).toMatch(/pass 1/);
        const seen = new Map([
          ...[...answers].map(([path, text]) => [`the answer of ${path}`, text] as const),
          ["the CLI's output", finished.stdout + finished.stderr] as const,
          ...(await readCommands(task.id, task.sessionId ?? "")),
          ["the bundle", await readBundle(ids)] as const,
          ["the arguments of processes", [...args.seen].join("\n")] as const,
        ]);
        expect(canaries.scanTexts(seen).found).toEqual([]);
        const places = [join(here.dataDir, "logs"), ...(await listWorkspaces()), ...(await listLogs())];
        expect(canaries.scanFiles(places).found).toEqual([]);

        // The search finds what is there.
        const marker = new Canaries({ marker: MARKER });
        const places2 = ["/api/projects/{projectId}/sessions/{sessionId}/messages", "the CLI's output", "the bundle"];
        for (const place of places2)
          expect(marker.scanTexts([...seen].filter(([where]) => where.endsWith(place))).found, place).toHaveLength(1);
        expect([...args.seen].join("\n")).toContain("until [ -e go ]");
        expect(readFileSync(join(here.dataDir, "logs/samovar.log"), "utf8")).toContain(task.id);
      },
    );

    const define = async () => {
      const program = { from: "path", command: "goose", args: [] };
      const goose = { kind: "goose", name: "Goose", program, secretEnv: ["GOOSE_KEY"] };
      await here.api("/api/agents/goose", { method: "PUT", body: goose });
      const secret = { kind: "agent", agent: "goose", env: { GOOSE_KEY: STORED["agent:goose"] } };
      await here.api("/api/credentials/agent:goose", { method: "PUT", body: secret });
    };

    /** The file that the agent leaves when it waits. */
    const waitForReady = () =>
      vi.waitFor(
        async () => {
          for await (const file of glob(join(here.dataDir, "vm/vm/*/var/lib/samovar/w/*/repo/ready"))) return file;
          throw new Error("the agent does not wait yet");
        },
        { interval: 100 },
      );

    /** By name: what the installation made itself, and what a person stored. */
    async function listSecrets(): Promise<Record<string, string>> {
      const own = [...readStrings("secrets.json"), ...readStrings("instance.json")].filter(
        ([name, value]) => value.length >= 20 && !/url$/i.test(name),
      );
      const names = own.map(([name]) => name);
      for (const name of ["operatorSecret", "credentialsKey", "signingKey.d", "cloudToken", "apiToken"])
        expect(names).toContain(name);
      const found: [string, string][] = [];
      for await (const file of glob(join(here.dataDir, "vm/vm/*/var/lib/samovar/identity.json"))) {
        const { nodeToken } = z.object({ nodeToken: z.string() }).parse(JSON.parse(readFileSync(file, "utf8")));
        found.push(["a node's token", nodeToken]);
      }
      expect(found.length).toBeGreaterThan(0);
      // Used ones, where a file still has them.
      const kept = spawnSync("grep", ["-rhaoE", "smb_[A-Za-z0-9_-]{43}", here.dataDir], { encoding: "utf8" }).stdout;
      for (const token of new Set(kept.split("\n").filter((line) => line !== "")))
        found.push(["a bootstrap token", token]);
      return { ...Object.fromEntries([...own, ...found]), ...STORED };
    }

    function readStrings(file: string): [string, string][] {
      const secret = z
        .record(z.string(), z.unknown())
        .parse(JSON.parse(readFileSync(join(here.dataDir, file), "utf8")));
      return Object.entries(secret).flatMap(([name, value]): [string, string][] => {
        if (typeof value === "string") return [[name, value]];
        const d = z.object({ d: z.string() }).safeParse(value);
        return d.success ? [[`${name}.d`, d.data.d]] : [];
      });
    }

    /** Files, environments and memory of the agent's processes. */
    async function scanInside(canaries: Canaries) {
      const [first] = await glob1(join(here.dataDir, "vm/vm/*/var/lib/samovar/w/*/session/host.json"));
      const { sessionId } = z.object({ sessionId: z.string() }).parse(JSON.parse(readFileSync(first ?? "", "utf8")));
      const all = await listSessionProcesses(here.dataDir, sessionId);
      // The session host and its helpers outside have the key by right.
      const pids = all.map(({ pid }) => pid).filter((pid) => isInside(pid));
      expect(pids.length).toBeGreaterThan(1);
      const [pid = 0] = pids;
      const places = listPlacesInside(pid);
      expect(places.map((place) => place.replace(/^\/proc\/\d+\/root/, ""))).toEqual(
        expect.arrayContaining(["/workspace", "/home/agent", "/tmp", "/etc"]),
      );
      const marker = new Canaries({ marker: MARKER });
      expect(marker.scanFiles(places).found.some((where) => where.endsWith("/workspace/tea.txt"))).toBe(true);
      expect(marker.scanMemory(pids).found).not.toEqual([]);
      const environments = pids.map(
        (each) => [`the environment of ${each}`, readIfThere(`/proc/${each}/environ`)] as const,
      );
      const scans = [canaries.scanFiles(places), canaries.scanTexts(environments), canaries.scanMemory(pids)];
      return {
        found: scans.flatMap(({ found }) => found),
        bytes: scans.reduce((sum, { bytes }) => sum + bytes, 0),
      };
    }

    /** Empty for a process that has ended. */
    function readIfThere(path: string): string {
      try {
        return readFileSync(path, "utf8");
      } catch {
        return "";
      }
    }

    /** A process that has ended is not. */
    const isInside = (pid: number) => {
      try {
        return readlinkSync(`/proc/${pid}/ns/mnt`) !== readlinkSync("/proc/self/ns/mnt");
      } catch {
        return false;
      }
    };

    async function glob1(pattern: string): Promise<string[]> {
      const found: string[] = [];
      for await (const file of glob(pattern)) found.push(file);
      return found;
    }
    const listWorkspaces = () => glob1(join(here.dataDir, "vm/vm/*/var/lib/samovar/w/*"));
    const listLogs = () => glob1(join(here.dataDir, "vm/vm/**/*.log"));

    /** The answers of all routes that a person may read. */
    async function readAnswers(known: Readonly<Record<string, string | null>>): Promise<Map<string, string>> {
      const { paths } = z
        .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
        .parse(await here.api("/api/openapi.json"));
      const { items } = z.object({ items: z.array(z.object({ id: z.string() })) }).parse(await here.api("/api/nodes"));
      const ids: Record<string, string | null | undefined> = { ...known, nodeId: items[0]?.id, kind: "claude" };
      const answers = new Map<string, string>();
      for (const [path, methods] of Object.entries(paths)) {
        const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? "none");
        if (!Object.hasOwn(methods, "get") || filled.includes("/none") || path.endsWith("/bundle")) continue;
        const query = path.endsWith("/messages") ? "?limit=200" : "";
        answers.set(path, await read(`${filled}${query}`));
      }
      expect(answers.size).toBeGreaterThan(20);
      return answers;
    }

    /** A refusal's text counts too. */
    async function read(path: string): Promise<string> {
      try {
        return JSON.stringify(await here.api(path));
      } catch (error) {
        if (error instanceof ApiRefusal) return error.message;
        throw error;
      }
    }

    async function readCommands(task: string, session: string): Promise<(readonly [string, string])[]> {
      const commands = [
        ["transcript", session],
        ["credentials"],
        ["agents"],
        ["nodes"],
        ["audit-log"],
        ["verify", task],
        ["budget"],
      ];
      const outputs: (readonly [string, string])[] = [];
      for (const words of commands) {
        const { stdout, stderr, code } = await here.samovar(words);
        expect(code, `${words.join(" ")}: ${stderr}`).toBe(0);
        outputs.push([`samovar ${words[0]}`, stdout + stderr]);
      }
      return outputs;
    }

    /** With the history that it brings. */
    async function readBundle({ projectId, taskId }: { projectId: string; taskId: string }): Promise<string> {
      const instance = z
        .object({ apiToken: z.string() })
        .parse(JSON.parse(readFileSync(join(here.dataDir, "instance.json"), "utf8")));
      const answer = await fetch(`${here.url}/api/projects/${projectId}/tasks/${taskId}/bundle`, {
        headers: { authorization: `Bearer ${instance.apiToken}` },
      });
      const bytes = Buffer.from(await answer.arrayBuffer());
      const place = join(here.dataDir, "brought");
      mkdirSync(place);
      writeFileSync(join(place, "work.bundle"), bytes);
      git(remote, "fetch", "--quiet", join(place, "work.bundle"), "+refs/heads/*:refs/heads/brought/*");
      return bytes.toString("latin1") + git(remote, "log", "--all", "--patch");
    }
  });
}
