/** Tasks in containers, through the whole stack: a project's devcontainer, a hostile script, the real Claude Code, and a demand. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type MessageView, messageView, nodeView, page, type TaskView } from "@samovar/contracts";
import { reportOmission, type ScriptedMessagesApi, startScriptedMessagesApi } from "@samovar/testing";
import { startTestEngine } from "@samovar/testing/docker-engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { type Installation, parseTask, removeDirectory, startInstallation } from "../harness/installation.ts";
import { git, makeRepository } from "../harness/repository.ts";
import { say, script, sh, write } from "../harness/scripts.ts";

const KEY = "sk-ant-scripted-key-for-the-container";
const found = await startTestEngine();

if (typeof found === "string") {
  test("without a docker engine, this journey is named at the end of the run", () => {
    reportOmission({ what: "the journey of tasks in docker containers", tests: 5, reason: found });
  });
} else {
  const engine = found;
  describe("with WORKSPACE_RUNTIME=docker", () => {
    let model: ScriptedMessagesApi;
    let installation: Installation;
    let repository: string;

    beforeAll(async () => {
      const conversations = {
        "Brew in a container": [
          {
            text: "First the file.",
            toolUse: { name: "Write", input: { file_path: "hello.txt", content: "hello\n" } },
          },
          { text: "It is brewed." },
        ],
      };
      model = await startScriptedMessagesApi({ apiKey: KEY, turns: [], conversations });
      installation = await startInstallation({
        env: {
          WORKSPACE_RUNTIME: "docker",
          WORKSPACE_IMAGE: engine.image,
          WORKSPACE_MAX_PROCESSES: "300",
          ...(engine.address === null ? {} : { DOCKER_HOST: engine.address }),
          ANTHROPIC_BASE_URL: model.url,
          ANTHROPIC_API_KEY: KEY,
        },
      });
      repository = makeRepository(join(installation.dataDir, "repository"), {
        "README.md": "# Tea\n",
        ".devcontainer/Dockerfile": `FROM ${engine.image}\nRUN echo green >/leaf\n`,
        ".devcontainer/devcontainer.json":
          '{ "build": { "dockerfile": "Dockerfile" }, /* tea */ "postCreateCommand": "cat /leaf", "runArgs": ["--privileged"] }',
        "samovar.setup": '#!/bin/sh\npwd\n(sleep 3600 >/dev/null 2>&1 &)\necho warm > "$HOME/warm"\n',
      });
    });

    afterAll(async () => {
      await installation.stop();
      await model.close();
      await engine.stop();
      await removeDirectory(installation.dataDir);
    });

    async function run(agent: string, text: string): Promise<{ task: TaskView; messages: readonly MessageView[] }> {
      const finished = await installation.samovar(["run", "--json", "--agent", agent, "--repo", repository, text]);
      const task = parseTask(finished);
      const path = `/api/projects/${task.projectId}/sessions/${task.sessionId}/messages?limit=200`;
      return {
        task,
        messages: z.object({ messages: z.array(messageView) }).parse(await installation.api(path)).messages,
      };
    }
    const toolsIn = (messages: readonly MessageView[]) => messages.flatMap(({ toolMetadata }) => toolMetadata ?? []);
    const listSecrets = () => {
      const files = ["secrets.json", "instance.json"].map((name) => join(installation.dataDir, name));
      const fields = files.flatMap((file) =>
        Object.values(z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, "utf8")))),
      );
      const secrets = fields.filter((value) => typeof value === "string" && value.length >= 20).map(String);
      expect(secrets.length).toBeGreaterThan(2);
      return [...secrets, KEY];
    };

    test("[security 37] [R48] a hostile script in the project's own image finds no secret; its work is pushed, and no container is left", async () => {
      const { dataDir } = installation;
      const { task, messages } = await run(
        "script",
        script(
          "Steal",
          sh(`cat ${dataDir}/secrets.json ${dataDir}/instance.json; ls -la ${dataDir} /root ..; true`),
          sh("find / -name '*.sock' -o -name daemon.sqlite -o -name identity.json 2>/dev/null; true"),
          sh("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; true"),
          sh("env -i setsid sh -c '(setsid sleep 7264 &)' >/dev/null 2>&1; touch /usr/x /etc/x ../x; true"),
          sh('pwd; echo "$HOME"; cat "$HOME/warm" /leaf; git log --oneline; sed -n "3,$ s/:.*//p" /proc/net/dev'),
          write("stolen.txt", "nothing"),
          say("There was nothing."),
        ),
      );
      expect(task.failure).toBeNull();
      const said = JSON.stringify(messages);
      for (const secret of listSecrets()) expect(said).not.toContain(secret);
      const tools = toolsIn(messages);
      expect(tools.slice(0, 3)).toMatchObject([
        {
          tool: "setup",
          status: "success",
          output: expect.stringMatching(/not used: runArgs\nBuilding[^]*echo green/),
        },
        { tool: "setup", status: "success", output: "green\n" },
        { tool: "setup", status: "success", output: "/workspace\n" },
      ]);
      expect(tools.map(({ output }) => output)).toContainEqual(
        expect.stringMatching(/^\/workspace\n\/home\/agent\nwarm\ngreen\n[^]*\n\s*lo\n$/),
      );
      expect(tools.map(({ output }) => output ?? "").join("")).not.toContain(".sock");
      expect(git(repository, "show", `${task.branch}:stolen.txt`)).toBe("nothing");
      expect(task.output?.transcript).toMatchObject({ agreed: true });
      expect(engine.docker("ps", "--all", "--quiet")).toBe("");
      const { items } = page(nodeView).parse(await installation.api("/api/nodes"));
      expect(items.map(({ runtime }) => runtime)).toContainEqual(
        expect.objectContaining({ kind: "docker", reason: null, limits: "kernel" }),
      );
    });

    test("[R50] a refused connection of a script in a container is a notice in the transcript", async () => {
      const asking = `node -e 'require("http").get("http://10.255.255.1/", (r) => (console.log(r.statusCode), r.pipe(process.stdout)))'`;
      const { task, messages } = await run("script", script("Ask", sh(asking)));
      expect(task.failure).toBeNull();
      expect(toolsIn(messages)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            output: expect.stringMatching(/^403\nRefused a connection to 10\.255\.255\.1:80/),
          }),
          expect.objectContaining({ tool: "egress", toolCallId: "egress:10.255.255.1:80" }),
        ]),
      );
    });

    test("[R48] a script that passes the limit of processes is ended, and its task says so", async () => {
      const bomb = "for i in $(seq 400); do sleep 7301 & done; sleep 7301";
      const { task } = await run("script", script("Boil over", sh(bomb)));
      expect(task.failure).toMatchObject({
        code: "workspace_limit",
        message: expect.stringContaining("WORKSPACE_MAX_PROCESSES"),
      });
      expect(engine.docker("ps", "--all", "--quiet")).toBe("");
    });

    test("[R1] [security 26] Claude Code works in a container and reaches its model through the gateway alone", async () => {
      const { task, messages } = await run("claude", "Brew in a container");
      expect(task.failure).toBeNull();
      expect(git(repository, "show", `${task.branch}:hello.txt`)).toBe("hello");
      for (const secret of listSecrets()) expect(JSON.stringify(messages)).not.toContain(secret);
    });

    test("[R48] a project that demands a runtime gets it, also where the node has another; a name that is no runtime is refused", async () => {
      const { task } = await run("script", script("Before", say("ok")));
      const project = await installation.api<{ name: string }>(`/api/projects/${task.projectId}`);
      const shown = await installation.samovar(["project", project.name, "--runtime", "sandbox"]);
      expect(shown.stdout).toMatch(/runtime +sandbox, or the task fails/);
      const demanding = await run("script", script("Demand", sh("ls -d /leaf; test $$ -lt 20 && echo small")));
      // Where bubblewrap works, the task ran in its sandbox, which has no image; elsewhere it failed and says why.
      if (demanding.task.failure === null)
        expect(toolsIn(demanding.messages).at(-1)?.output).toMatch(/No such file or directory[^]*small/);
      else expect(demanding.task.failure).toMatchObject({ code: "sandbox_unavailable" });
      expect((await installation.samovar(["project", project.name, "--runtime", "chroot"])).code).not.toBe(0);
      const back = await installation.samovar(["project", project.name, "--runtime", "node", "--json"]);
      expect(JSON.parse(back.stdout)).toMatchObject({ runtime: null });
    });
  });
}
