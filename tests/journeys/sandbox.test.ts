/** Agents in a sandbox, through the whole stack: the script agent as a hostile one, and the real Claude Code at work. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MessageView, messageView, nodeRuntime, nodeView, page, type TaskView } from "@samovar/contracts";
import { type ScriptedMessagesApi, startScriptedMessagesApi } from "@samovar/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { type Installation, parseTask, removeDirectory, startInstallation } from "../harness/installation.ts";
import { listProcesses } from "../harness/processes.ts";
import { git, makeRepository } from "../harness/repository.ts";
import { say, script, sh, write } from "../harness/scripts.ts";

const KEY = "sk-ant-scripted-key-for-the-sandbox";
const vmAgent = join(import.meta.dirname, "../../packages/vm-agent/src/main.ts");
const DEMANDED = { WORKSPACE_RUNTIME: "sandbox" };

const here = nodeRuntime.parse(
  JSON.parse(
    execFileSync(process.execPath, [vmAgent, "runtime", tmpdir()], {
      env: { ...process.env, ...DEMANDED },
      encoding: "utf8",
    }),
  ),
);

/** The journey is left out only where the system forbids user namespaces; this test then says so. */
test("a sandbox works here, or the system restricts user namespaces", () => {
  expect(here.reason ?? "restricts user namespaces").toContain("restricts user namespaces");
});

if (here.kind === "sandbox") {
  describe("with WORKSPACE_RUNTIME=sandbox", () => {
    let model: ScriptedMessagesApi;
    let installation: Installation;
    let repository: string;

    beforeAll(async () => {
      const conversations = {
        "Brew in a box": [
          {
            text: "First the file.",
            toolUse: { name: "Write", input: { file_path: "hello.txt", content: "hello\n" } },
          },
          {
            toolUse: {
              name: "Bash",
              input: { command: "cat hello.txt && pwd && env && ls / && echo brewed", description: "A command" },
            },
          },
          { text: "It is brewed." },
        ],
      };
      model = await startScriptedMessagesApi({ apiKey: KEY, turns: [], conversations });
      installation = await startInstallation({
        env: { ...DEMANDED, ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: KEY },
      });
      repository = makeRepository(join(installation.dataDir, "repository"), {
        "README.md": "# Tea\n",
        "samovar.setup": '#!/bin/sh\npwd\n(sleep 3600 >/dev/null 2>&1 &)\necho warm > "$HOME/warm"\n',
      });
    });

    afterAll(async () => {
      await installation.stop();
      await model.close();
      await removeDirectory(installation.dataDir);
    });

    async function run(agent: string, text: string): Promise<{ task: TaskView; messages: readonly MessageView[] }> {
      const finished = await installation.samovar(["run", "--json", "--agent", agent, "--repo", repository, text]);
      const task = parseTask(finished);
      expect(task.failure).toBeNull();
      expect(task.status).toBe("completed");
      const path = `/api/projects/${task.projectId}/sessions/${task.sessionId}/messages?limit=200`;
      return {
        task,
        messages: z.object({ messages: z.array(messageView) }).parse(await installation.api(path)).messages,
      };
    }

    const toolsIn = (messages: readonly MessageView[]) => messages.flatMap(({ toolMetadata }) => toolMetadata ?? []);

    /** Every secret of the installation, from its files. */
    function listSecrets(): readonly string[] {
      const files = ["secrets.json", "instance.json"].map((name) =>
        readFileSync(join(installation.dataDir, name), "utf8"),
      );
      const values = files.flatMap((file) => Object.values(z.record(z.string(), z.unknown()).parse(JSON.parse(file))));
      const secrets = values.filter((value) => typeof value === "string" && value.length >= 20);
      expect(secrets.length).toBeGreaterThan(2);
      return [...secrets.map(String), KEY];
    }

    test("[security 23] [R14] a hostile script finds no secret and no other workspace; its work is committed and pushed, and nothing of it runs on", async () => {
      const { dataDir } = installation;
      const other = await run(
        "script",
        script("Leave a leaf", write("leaf.txt", "a leaf of another workspace"), say("ok")),
      );
      expect(git(repository, "show", `${other.task.branch}:leaf.txt`)).toBe("a leaf of another workspace");
      const { task, messages } = await run(
        "script",
        script(
          "Steal",
          sh(`cat ${dataDir}/secrets.json ${dataDir}/instance.json; ls -la ${dataDir} /root ..; true`),
          sh(
            "find / -name secrets.json -o -name daemon.sqlite -o -name identity.json -o -name host.sock 2>/dev/null; true",
          ),
          sh("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; true"),
          sh(
            "env -i setsid sh -c '(setsid sleep 7263 &)' >/dev/null 2>&1; touch /usr/x /etc/x ../x; echo x > /tmp/x; true",
          ),
          sh('pwd; echo "$HOME"; cat "$HOME/warm"; git log --oneline'),
          write("stolen.txt", "nothing"),
          sh("git add stolen.txt && git commit --quiet --message 'Steal nothing'"),
          say("There was nothing."),
        ),
      );
      const said = JSON.stringify(messages);
      for (const secret of listSecrets()) expect(said).not.toContain(secret);
      expect(said).toContain("No such file or directory");
      expect(toolsIn(messages).map(({ output }) => output)).toContainEqual(
        expect.stringMatching(/^\/workspace\n\/home\/agent\nwarm\n/),
      );
      expect(toolsIn(messages)[0]).toMatchObject({ tool: "setup", status: "success", output: "/workspace\n" });
      expect(toolsIn(messages).find(({ target }) => target === "stolen.txt")).toBeDefined();
      expect(git(repository, "log", "-1", "--format=%s", task.branch ?? "")).toBe("Steal nothing");
      expect(git(repository, "show", `${task.branch}:stolen.txt`)).toBe("nothing");
      expect((await listProcesses("sleep 7263")).map(({ command }) => command)).toEqual([]);
      expect(task.output?.transcript).toMatchObject({ agreed: true });
      const { items } = page(nodeView).parse(await installation.api("/api/nodes"));
      const shown = expect.objectContaining({
        kind: "sandbox",
        reason: null,
        limits: expect.stringMatching(/^(kernel|watched)$/),
      });
      expect(items.map(({ runtime }) => runtime)).toContainEqual(shown);
    });

    test("[R50] [security 23] a script reaches the control plane neither directly nor through the proxy, and the transcript shows what was refused", async () => {
      const { host, origin } = new URL(installation.url);
      const { task, messages } = await run(
        "script",
        script(
          "Reach out",
          sh(`curl -sS -m 60 ${origin}/ 2>&1; curl -sS -m 60 -p -x $http_proxy --noproxy '' ${origin}/ 2>&1; true`),
          sh("curl -sS -m 60 http://10.255.255.1/ 2>&1; curl -sS -m 60 http://10.255.255.1/ 2>&1; true"),
          say("There was no way."),
        ),
      );
      const [direct, refused] = toolsIn(messages.filter(({ kind }) => kind === "tool")).filter(
        ({ tool }) => tool !== "setup",
      );
      expect(direct?.output).toMatch(/Failed to connect|Couldn't connect/);
      expect(direct?.output).toMatch(
        /CONNECT tunnel failed, response 403|Received HTTP code 403 from proxy after CONNECT/,
      );
      expect(refused?.output).toContain("Refused a connection to 10.255.255.1:80: its address is in a private network");
      const notices = messages.filter(({ content }) => content.startsWith("Refused a connection"));
      expect(notices).toMatchObject([
        { role: "system", kind: "notice", toolMetadata: null, content: expect.stringContaining(` ${host}: `) },
        {
          role: "system",
          kind: "notice",
          toolMetadata: {
            toolCallId: "egress:10.255.255.1:80",
            tool: "egress",
            title: "Connection refused",
            target: "10.255.255.1:80",
            status: "error",
          },
        },
      ]);
      expect(task.output?.transcript).toMatchObject({ agreed: true });
    });

    test("[R1] [security 26] Claude Code edits a file and runs a command at /workspace, and sees no secret", async () => {
      const { task, messages } = await run("claude", "Brew in a box");
      expect(git(repository, "show", `${task.branch}:hello.txt`)).toBe("hello");
      const tools = toolsIn(messages).filter(({ tool }) => tool !== "setup");
      expect(tools.map(({ status }) => status)).toEqual(["success", "success"]);
      expect(tools.flatMap(({ diffs }) => diffs ?? [])).toMatchObject([{ path: "hello.txt", newText: "hello\n" }]);
      const output = tools.at(-1)?.output ?? "";
      expect(output).toContain("hello\n/workspace\n");
      expect(output).toMatch(/^HOME=\/home\/agent$/m);
      expect(output).toContain("brewed");
      for (const secret of listSecrets()) expect(JSON.stringify(messages)).not.toContain(secret);
      expect(task.output?.transcript).toMatchObject({ agreed: true });
    });
  });
}
