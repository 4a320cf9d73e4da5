import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { agentSettings, LIMITS, LONGEST_LIMIT_MS, nodeEnvironment, nodeId } from "@samovar/contracts";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { userDataInput } from "./builders.testing.ts";
import { parseUserData, type UserData } from "./parse.ts";
import { PATHS, renderUserData, type UserDataInput } from "./render.ts";

const run = promisify(execFile);
let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "samovar-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const nasty = `'"\`$HOME $(id) %s \\ \t\r\n# : - {} \u0085\u2028\u{1f375} é yes 0600`;

describe("user data", () => {
  test("[lesson 42] comes back whole, whatever the settings hold", () => {
    const text = fc.string({ unit: "binary", minLength: 20, maxLength: 200 });
    fc.assert(
      fc.property(
        text,
        fc.string({ unit: "binary", maxLength: 60 }),
        fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 }),
        (bootstrapToken, path, sha256) => {
          const input = userDataInput({ agent: { bootstrapToken, stateDir: `/${path}` }, release: { sha256 } });
          const read = parsed(renderUserData(input));
          expect(agentSettings.parse(JSON.parse(fileText(read, PATHS.settings)))).toEqual(input.agent);
          expect(read.runcmd).toContainEqual([
            "sh",
            PATHS.installScript,
            "agent",
            "http://127.0.0.1:7266/agent/vm-agent-0.1.0.cjs",
            sha256,
          ]);
        },
      ),
    );
  });

  test("[R40] the node's settings reach its vm-agent as they are, in its unit", () => {
    const ascii = fc.string({ unit: fc.constantFrom(..."\"'\\%$ #;=`abc/-"), maxLength: 40 });
    fc.assert(
      fc.property(ascii, (path) => {
        const environment = { SANDBOX_READ_ONLY_PATHS: `/${path}`, CLONE_TIMEOUT_MS: 1234 };
        const unit = parsed(renderUserData(userDataInput({ environment }))).units["samovar-agent.service"];
        expect(nodeEnvironment.parse(unit?.environment)).toEqual(nodeEnvironment.parse(environment));
      }),
    );
  });

  test("[check 25] holds no secret but the bootstrap token, and fits with everything at its longest", () => {
    const longest = userDataInput({
      agent: {
        controlPlaneUrl: `https://${"x".repeat(60)}.example/${"y".repeat(1_900)}`,
        bootstrapToken: "t".repeat(200),
        stateDir: `/${"s".repeat(900)}`,
      },
      release: { version: "9".repeat(100), path: `/${"p".repeat(900)}` },
      environment: {
        LOG_LEVEL: "error",
        WORKSPACE_RUNTIME: "sandbox",
        WORKSPACE_USERS: "separate",
        WORKSPACE_IMAGE: "i".repeat(300),
        SANDBOX_READ_ONLY_PATHS: `/${'"'.repeat(1_999)}`,
        WORKSPACE_MAX_PROCESSES: 4_194_304,
        WORKSPACE_MAX_MEMORY_MB: 2 ** 30,
        WORKSPACE_MAX_DISK_MB: 2 ** 30,
        CLONE_TIMEOUT_MS: LONGEST_LIMIT_MS,
        AGENT_INSTALL_TIMEOUT_MS: LONGEST_LIMIT_MS,
        FINISH_TIMEOUT_MS: LONGEST_LIMIT_MS,
        DRAIN_TIMEOUT_MS: LONGEST_LIMIT_MS,
        MSG_BATCH_MAX_WAIT_MS: 60_000,
        MSG_BATCH_MIN_INTERVAL_MS: 60_000,
        MSG_BATCH_MAX_SIZE: 100,
        MSG_BATCH_MAX_BYTES: 196_608,
        MSG_OUTBOX_MAX_ROWS: 1_000_000,
        MSG_OUTBOX_FULL_POLICY: "drop_oldest",
        MSG_RETRY_INITIAL_MS: 600_000,
        MSG_RETRY_MAX_MS: 3_600_000,
      },
    });
    expect(Object.keys(longest.environment).toSorted()).toEqual(Object.keys(nodeEnvironment.shape).toSorted());
    const text = renderUserData({ ...longest, hostname: "h".repeat(63) });
    expect(Buffer.byteLength(text)).toBeLessThan(LIMITS.userDataMaxBytes);
    expect(text.split("t".repeat(200))).toHaveLength(2);
    expect(Object.keys(nodeEnvironment.shape).filter((name) => /TOKEN|SECRET|KEY|PASSWORD/.test(name))).toEqual([]);
  });

  test("cloud-init's own YAML reader sees the same document", async () => {
    const inputs: UserDataInput[] = [
      userDataInput({ agent: { bootstrapToken: nasty }, release: { sha256: "1".repeat(64) } }),
      userDataInput({ release: { sha256: `${"0".repeat(31)}e${"7".repeat(32)}`, path: "/agent/ü $x'.cjs" } }),
    ];
    for (const input of inputs) {
      const text = renderUserData(input);
      const script = "import json,sys,yaml; json.dump(yaml.safe_load(open(sys.argv[1], encoding='utf-8')), sys.stdout)";
      const { stdout } = await run("python3", ["-c", script, saved(text)]).catch(missing("python3-yaml"));
      const read = parsed(text);
      expect(JSON.parse(stdout)).toMatchObject({
        hostname: input.hostname,
        runcmd: read.runcmd,
        write_files: read.files.map((file) => ({
          path: file.path,
          permissions: `0${file.mode.toString(8)}`,
          content: new TextDecoder().decode(file.content),
        })),
      });
    }
  });

  test("passes cloud-init's schema", async () => {
    const text = renderUserData(userDataInput({ agent: { bootstrapToken: nasty } }));
    const { stdout } = await run("cloud-init", ["schema", "--config-file", saved(text)]).catch(missing("cloud-init"));
    expect(stdout).toContain("Valid cloud-config");
  });

  test("the settings are for root alone, the script can run, and all of it fits", () => {
    const text = renderUserData(userDataInput({ agent: { bootstrapToken: "x".repeat(200) } }));
    const modes = Object.fromEntries(parsed(text).files.map((file) => [file.path, file.mode.toString(8)]));
    expect(modes).toEqual({
      [PATHS.settings]: "600",
      [PATHS.installScript]: "755",
      [PATHS.unit]: "644",
      [PATHS.preparing]: "644",
    });
    expect(Buffer.byteLength(text)).toBeLessThan(LIMITS.userDataMaxBytes);
    expect(text).toMatch(/^#cloud-config\n/);
  });

  test("[check 25] what differs between two nodes is their id, name and single-use token", () => {
    const one = userDataInput();
    const other = {
      ...userDataInput({
        agent: { nodeId: nodeId.parse("nod_01kamhsyv7zzzzzzzzzzzzzzzz"), bootstrapToken: "z".repeat(20) },
      }),
      hostname: "other",
    };
    const restored = renderUserData(other)
      .replace(other.agent.nodeId, one.agent.nodeId)
      .replace(other.agent.bootstrapToken, one.agent.bootstrapToken)
      .replace("hostname: other", `hostname: ${one.hostname}`);
    expect(restored).toBe(renderUserData(one));
  });

  test("a trailing slash of the control plane's address does no harm", () => {
    const read = parsed(renderUserData(userDataInput({ agent: { controlPlaneUrl: "https://samovar.example/base/" } })));
    expect(read.runcmd.flat()).toContain("https://samovar.example/base/agent/vm-agent-0.1.0.cjs");
  });

  test.each([
    ["a host name with a blank", { ...userDataInput(), hostname: "a b" }],
    ["a hash that is none", userDataInput({ release: { sha256: "abc" } })],
    ["an address of another kind", userDataInput({ agent: { controlPlaneUrl: "file:///etc/passwd" } })],
    ["settings that are too long", userDataInput({ agent: { stateDir: `/${"x".repeat(40_000)}` } })],
  ])("refuses %s", (_, input) => {
    expect(() => renderUserData(input)).toThrow();
  });
});

function parsed(text: string): UserData {
  const result = parseUserData(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function fileText(data: UserData, path: string): string {
  const file = data.files.find((candidate) => candidate.path === path);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(file?.content);
}

function saved(text: string): string {
  const path = join(directory, "user-data");
  writeFileSync(path, text);
  return path;
}

const missing = (debianPackage: string) => (error: Error & { stderr?: string }) => {
  throw new Error(
    `this test needs the Debian package ${debianPackage} (apt-get install ${debianPackage}): ${error.message} ${error.stderr ?? ""}`,
  );
};
