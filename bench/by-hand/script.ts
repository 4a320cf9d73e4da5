/**
 * Does what a person's script would do without Samovar: clone, branch, start the agent, prompt once, commit, push.
 * Reads a {@link ByHandJob} as JSON from standard input, and prints when each step was done.
 */
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { text } from "node:stream/consumers";
import { readAcpUpdate } from "@samovar/domain/acp-update";
import { AcpConnection } from "@samovar/vm-agent/session-host/acp-connection";
import { LineSplitter } from "@samovar/vm-agent/session-host/line-splitter";
import { decidePermission } from "@samovar/vm-agent/session-host/permissions";
import { git } from "../../tests/harness/repository.ts";
import { byHandJob, type ByHandJob, type ByHandMark } from "./job.ts";

const LINE_MAX_CHARS = 32 * 1024 * 1024;
const AUTHOR = ["-c", "user.name=By hand", "-c", "user.email=by-hand@localhost"];

const job = byHandJob.parse(JSON.parse(await text(process.stdin)));
const marks: Partial<Record<ByHandMark, number>> = {};
/** Keeps the first time. */
const mark = (name: ByHandMark) => (marks[name] ??= Date.now());

mark("started");
git(dirname(job.checkout), "clone", "--quiet", "--", job.repository, job.checkout);
mark("cloned");
git(job.checkout, "switch", "--quiet", "--create", job.branch);
mark("branched");
await converse(job);
git(job.checkout, "add", "--all");
git(job.checkout, ...AUTHOR, "commit", "--quiet", "--message", job.prompt);
mark("committed");
git(job.checkout, "push", "--quiet", "origin", job.branch);
mark("pushed");
console.log(JSON.stringify(marks));
process.exit();

/** Runs one turn. Throws when the agent exits before its answer. */
async function converse({ command: [file = "", ...args], checkout, env, prompt }: ByHandJob): Promise<void> {
  const agent = spawn(file, args, { cwd: checkout, env, stdio: ["pipe", "pipe", "inherit"], detached: true });
  mark("spawned");
  const places = { seen: { checkout, home: checkout }, toNodePath: (path: string) => path };
  const acp = new AcpConnection((line) => agent.stdin.write(line), {
    onUpdate: (update) => {
      if (marks.prompted === undefined) return;
      mark("first update");
      if (["chunk", "tool", "plan"].includes(readAcpUpdate(update).kind)) mark("first message");
    },
    onNotification: () => {},
    onRequest: (method, params) =>
      method === "session/request_permission" ? decidePermission(params, [checkout], places) : undefined,
    beforeAnswer: () => {},
  });
  const lines = new LineSplitter(LINE_MAX_CHARS);
  agent.stdout.on("data", (bytes: Buffer) => {
    for (const line of lines.push(bytes)) acp.receive(line);
  });
  agent.stdin.on("error", () => {
    // The agent is gone, which its exit event reports.
  });
  agent.once("error", (error) => acp.close(error));
  agent.once("exit", (code) => acp.close(new Error(`the agent exited before its answer, with exit code ${code}`)));

  await acp.request("initialize", {
    protocolVersion: 1,
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    clientInfo: { name: "by-hand", version: "1" },
  });
  mark("initialized");
  const { sessionId } = await acp.request("session/new", { cwd: checkout, mcpServers: [] });
  mark("session opened");
  const answer = acp.request("session/prompt", { sessionId, prompt: [{ type: "text", text: prompt }] });
  mark("prompted");
  const { stopReason } = await answer;
  mark("answered");
  if (stopReason !== "end_turn") throw new Error(`the turn ended with ${String(stopReason)}`);
  agent.stdin.end();
  // The answer has arrived: don't wait for the agent's exit.
  if (agent.pid !== undefined) process.kill(-agent.pid, "SIGKILL");
  mark("stopped");
}
