import { describe, expect, test } from "vitest";
import { parseUserData } from "./parse.ts";
import { agentUnit, parseServiceUnit } from "./unit.ts";

describe("reading user data", () => {
  test("shell lines, argv lists, modes and base64", () => {
    const text = `#cloud-config
hostname: box
final_message: ignored
write_files:
  - { path: /etc/a, content: aGk=, encoding: b64, permissions: '0640' }
  - { path: /etc/b }
runcmd:
  - echo one two
  - [touch, "a b"]
`;
    expect(parseUserData(text)).toEqual({
      ok: true,
      value: {
        hostname: "box",
        packages: [],
        files: [
          { path: "/etc/a", mode: 0o640, content: new TextEncoder().encode("hi") },
          { path: "/etc/b", mode: 0o644, content: new Uint8Array() },
        ],
        runcmd: [
          ["sh", "-c", "echo one two"],
          ["touch", "a b"],
        ],
        units: {},
      },
    });
  });

  test.each([
    ["no header", "runcmd: []\n"],
    ["a script", "#!/bin/sh\necho\n"],
    ["broken YAML", "#cloud-config\na: [\n"],
    ["an alias", "#cloud-config\na: &x [1]\nruncmd: *x\n"],
    ["a path that climbs", "#cloud-config\nwrite_files: [{ path: /etc/../../x }]\n"],
    ["a relative path", "#cloud-config\nwrite_files: [{ path: etc/x }]\n"],
    ["a command that is a boolean", "#cloud-config\nruncmd: [false]\n"],
    ["an unknown encoding", "#cloud-config\nwrite_files: [{ path: /x, encoding: gzip }]\n"],
    ["base64 that is none", "#cloud-config\nwrite_files: [{ path: /x, encoding: b64, content: '%%' }]\n"],
    [
      "a unit without a command",
      "#cloud-config\nwrite_files: [{ path: /etc/systemd/system/x.service, content: '[Service]' }]\n",
    ],
  ])("answers %s with a reason", (_, text) => {
    expect(parseUserData(text)).toEqual({ ok: false, error: expect.stringMatching(/\w/) });
  });
});

describe("reading units", () => {
  test("[security 24] the agent's unit closes link-local addresses, where clouds have their metadata service", () => {
    const [, service = ""] = agentUnit({}).split("[Service]");
    expect(service.split("\n[")[0]).toMatch(/^IPAddressDeny=link-local$/m);
  });

  test("[R48] [security 23] the agent's unit gives it no capability but those with which it starts workspaces as separate users", () => {
    const [, service = ""] = agentUnit({}).split("[Service]");
    expect(service).toMatch(/^NoNewPrivileges=yes$/m);
    expect(service).toMatch(/^ProtectSystem=full$/m);
    const kept = /^CapabilityBoundingSet=(.*)$/m.exec(service)?.[1]?.split(" ") ?? [];
    expect(kept).toContain("CAP_SETUID");
    for (const wide of [
      "CAP_SYS_MODULE",
      "CAP_SYS_RAWIO",
      "CAP_SYS_BOOT",
      "CAP_NET_ADMIN",
      "CAP_NET_RAW",
      "CAP_MKNOD",
      "CAP_BPF",
    ])
      expect(kept).not.toContain(wide);
  });

  test("[R48] the agent's unit has a separate control group for workspaces, and outlives one that runs out of memory", () => {
    const [, service = ""] = agentUnit({}).split("[Service]");
    const lines = service.split("\n[")[0]?.split("\n");
    for (const line of ["Delegate=yes", "DelegateSubgroup=daemon", "OOMPolicy=continue", "TasksMax=infinity"])
      expect(lines).toContain(line);
  });

  test("the vm-agent's", () => {
    expect(parseServiceUnit(agentUnit({}))).toMatchObject({
      ok: true,
      value: {
        execStart: ["/opt/samovar/bin/node", "/opt/samovar/vm-agent.cjs", "daemon", "/etc/samovar/agent.json"],
        restart: "always",
        restartDelayMs: 1000,
        requiredPaths: ["/opt/samovar/vm-agent.cjs"],
        environment: { HOME: "/root" },
      },
    });
  });

  test("quotes, escapes, percent signs, several assignments", () => {
    const unit = parseServiceUnit(`[Service]
# a comment
Environment="A=one two" B=3
Environment=A=four
ExecStart=/bin/echo "a b" 'c "d' e\\ f "" 100%% \\
  last
RestartSec=250ms
`);
    expect(unit).toMatchObject({
      ok: true,
      value: {
        execStart: ["/bin/echo", "a b", 'c "d', "e f", "", "100%", "last"],
        environment: { A: "four", B: "3" },
        restart: "no",
        restartDelayMs: 250,
      },
    });
  });

  test.each([
    "ExecStart=/bin/echo 'open",
    "ExecStart=/bin/a\nRestart=maybe",
    "ExecStart=/bin/a\nRestartSec=soon",
    "ExecStart=/bin/a\nEnvironment=x",
  ])("refuses %j", (lines) => {
    expect(parseServiceUnit(`[Service]\n${lines}\n`).ok).toBe(false);
  });
});
