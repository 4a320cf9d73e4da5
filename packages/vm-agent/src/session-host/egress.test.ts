/** Refused connections of a real session in a sandbox: what its transcript shows, and what counts as its policy. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { EgressPolicy } from "@samovar/contracts";
import { messageView } from "@samovar/contracts";
import { PUBLIC_ADDRESS, createOutside, startWebServer } from "../egress/outside.testing.ts";
import { chooseRuntime, createHostSandbox } from "../runtime/choose-runtime.ts";
import { aLaunch, aToken, openHost, startStore } from "./host.testing.ts";

/** Where user namespaces are restricted, there is no such network; the runtimes' contract says so. */
const choice = await chooseRuntime({ mode: "sandbox", readOnlyPaths: [] }, "/nonexistent", { PATH: "/usr/bin:/bin" });

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Runs a session with one command, and returns its transcript. */
async function runSession(line: string, egress: EgressPolicy) {
  const web = await startWebServer();
  const outside = createOutside(web.port);
  for (const name of ["tea.example", "git.example"]) outside.names.set(name, [[PUBLIC_ADDRESS]]);
  const { directory, launch } = aLaunch("http://127.0.0.1:9", `\`\`\`sh\n${line}\n\`\`\``);
  const store = await startStore(launch.sessionId);
  ends.push(
    () => web.close(),
    () => store.close(),
    () => rmSync(directory, { recursive: true, force: true }),
  );
  const sandbox = createHostSandbox(choice, { repo: launch.cwd, tmp: join(directory, "tmp") });
  const complete = { ...launch, sandbox, egress, repositoryHost: "git.example", controlPlaneUrl: store.url };
  writeFileSync(join(directory, "host.json"), JSON.stringify(complete));
  const host = await openHost(directory, { outside });
  host.send(aToken());
  await host.until((status) => status.phase === "ended");
  host.send({ type: "close", notice: null });
  const { digest, end } = await host.until((status) => status.closed && status.drained);
  host.send({ type: "shutdown" });
  await host.exited;
  expect(end?.failure).toBeNull();
  expect(store.conflicts).toBe(0);
  // The store has what the host has.
  expect(store.digest()).toEqual(digest);
  const shown = messageView.pick({ role: true, kind: true, content: true, toolMetadata: true });
  const messages = store.transcript().map((message) => shown.parse(message));
  return { messages, notices: messages.filter(({ kind }) => kind === "notice"), outside };
}

if (choice.kind === "sandbox") {
  test("[R50] a refused connection is one notice for each host and port, from which the page can offer to allow it", async () => {
    const line = [
      "for i in 1 2 3; do curl -s http://TEA.example./; done",
      "curl -s http://tea.example:8080/",
      "curl -s http://git.example/allowed",
      "curl -s http://nowhere.example/",
    ].join("; ");
    const { messages, notices, outside } = await runSession(line, { mode: "allow-list", hosts: [] });
    const refusal = (target: string) => ({
      role: "system",
      kind: "notice",
      content: `Refused a connection to ${target}: the project's egress allows only listed hosts.`,
      toolMetadata: {
        toolCallId: `egress:${target}`,
        tool: "egress",
        title: "Connection refused",
        target,
        status: "error",
      },
    });
    expect(notices).toEqual([refusal("tea.example:80"), refusal("tea.example:8080"), refusal("nowhere.example:80")]);
    expect(outside.connected).toEqual([`${PUBLIC_ADDRESS}:80`]);
    expect(messages.find(({ kind }) => kind === "tool")?.toolMetadata?.output).toContain("GET /allowed git.example");
  });

  test("[R50] what no project can allow is a notice without an offer", async () => {
    const line =
      "curl -s -g -p -x $http_proxy --noproxy '' http://127.0.0.1:9/; curl -s http://169.254.169.254/latest/";
    const { notices } = await runSession(line, { mode: "open", hosts: ["127.0.0.1", "169.254.169.254"] });
    const reason = "workspaces never reach the node, its metadata service or its local network";
    expect(notices).toMatchObject([
      { content: expect.stringMatching(/^Refused a connection to 127\.0\.0\.1:9: /), toolMetadata: null },
      { content: `Refused a connection to 169.254.169.254:80: ${reason}.`, toolMetadata: null },
    ]);
  });

  test("[R50] a session shows at most 50 of them, and then says so once", async () => {
    const line = "for i in $(seq 1 70); do curl -s http://host-$i.example/; done >/dev/null; echo done";
    const { notices } = await runSession(line, { mode: "none", hosts: [] });
    expect(notices).toHaveLength(51);
    expect(notices[49]?.content).toBe("Refused a connection to host-50.example:80: the project's egress is closed.");
    expect(notices[50]).toMatchObject({
      content: "More connections were refused. A session shows at most 50 of them.",
      toolMetadata: null,
    });
  });
}

test("[R48] a session whose network cannot be made fails with the reason, and runs nothing", async () => {
  const { directory, launch } = aLaunch("http://127.0.0.1:9", "```sh\ntouch ran\n```");
  const store = await startStore(launch.sessionId);
  ends.push(
    () => store.close(),
    () => rmSync(directory, { recursive: true, force: true }),
  );
  const sandbox = {
    program: "/bin/false",
    nsenter: "/bin/false",
    disablesUserNamespaces: true,
    hidden: [],
    readOnlyPaths: [],
    checkout: launch.cwd,
    tmp: join(directory, "tmp"),
  };
  writeFileSync(join(directory, "host.json"), JSON.stringify({ ...launch, sandbox, controlPlaneUrl: store.url }));
  const host = await openHost(directory);
  host.send(aToken());
  const { end } = await host.until((status) => status.phase === "ended");
  expect(end?.failure).toEqual({
    code: "sandbox_unavailable",
    message: "The workspace's network could not be created: the helper exited with 1",
  });
  expect(existsSync(join(launch.cwd, "ran"))).toBe(false);
  host.send({ type: "close", notice: null });
  host.send({ type: "shutdown" });
  await host.exited;
});
