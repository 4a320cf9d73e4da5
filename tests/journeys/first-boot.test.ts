/**
 * A new node's first boot from its very user data: cloud-init's real code and the real vm-agent, in a file system that has only this
 * computer's programs. The test takes the part of systemd and of Debian's mirror. `npm run bench -- boot` has both.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseUserData } from "@samovar/cloud-init";
import { reportOmission } from "@samovar/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FirstBoot, prepareFirstBoot } from "../harness/first-boot.ts";

const UNIT = "samovar-agent.service";
let root = "";
let boot: FirstBoot;
const at = (path: string) => join(root, path);
const read = (path: string) => (existsSync(at(path)) ? readFileSync(at(path), "utf8") : "");

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "samovar-first-boot-"));
  boot = await prepareFirstBoot({ WORKSPACE_RUNTIME: "process", WORKSPACE_USERS: "shared", CLONE_TIMEOUT_MS: "61000" });
  for (const path of ["etc/cloud/cloud.cfg.d", "etc/systemd/system", "var", "opt", "root", "fakes"])
    mkdirSync(at(path), { recursive: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${name}`, at(name));
  writeFileSync(at("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(at("etc/group"), "root:x:0:\n");
  // Only what the user data needs: other modules would be about a machine that is not there.
  writeFileSync(
    at("etc/cloud/cloud.cfg"),
    `datasource_list: [ NoCloud ]
network: { config: disabled }
cloud_init_modules: [ write-files ]
cloud_config_modules: [ runcmd ]
cloud_final_modules: [ scripts-user ]
system_info: { distro: debian }
`,
  );
  writeFakes();
});
afterEach(() => {
  boot.plane.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

/** `systemctl` starts the vm-agent as its unit says; `apt-get` waits for the test. */
function writeFakes(): void {
  const parsed = parseUserData(boot.userData);
  const unit = parsed.ok ? parsed.value.units[UNIT] : undefined;
  if (unit === undefined) throw new Error("the user data has no unit");
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const assignments = Object.entries(unit.environment).map(([name, value]) => quote(`${name}=${value}`));
  const command = ["env", "-i", ...assignments, ...unit.execStart.map(quote)].join(" ");
  const scripts = {
    systemctl: `case "$*" in "enable --now ${UNIT}") ${command} >/var/agent.log 2>&1 & ;; esac`,
    "apt-get": `echo "$*" >>/var/asked; until [ -e /var/mirror ]; do sleep 0.1; done; case "$*" in *install*) : >/var/tools ;; esac`,
    "dpkg-query": `[ -e /var/tools ] && echo installed`,
    chage: `echo "$*" >>/var/asked`,
  };
  for (const [name, text] of Object.entries(scripts))
    writeFileSync(at(`fakes/${name}`), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** Runs cloud-init's stages for this instance. `off` resolves when the server has been switched off by {@link switchOff}. */
function switchOn(instance: string) {
  const seed = at("var/lib/cloud/seed/nocloud");
  mkdirSync(seed, { recursive: true });
  writeFileSync(join(seed, "user-data"), boot.userData);
  writeFileSync(join(seed, "meta-data"), `instance-id: ${instance}\n`);
  const stages = ["init --local", "init", "modules --mode=config", "modules --mode=final"];
  const script = `mkdir -p /run/cloud-init; ${stages.map((stage) => `cloud-init ${stage} >>/var/cloud-init.txt 2>&1`).join("; ")}; until [ -e /var/off ]; do sleep 0.1; done`;
  const node = dirname(process.execPath);
  const user = process.getuid?.() === 0 ? "" : "--unshare-user --uid 0 --gid 0";
  const options = `--die-with-parent --unshare-pid --unshare-uts --unshare-ipc ${user}
    --cap-drop ALL --cap-add CAP_CHOWN --cap-add CAP_DAC_OVERRIDE --cap-add CAP_FOWNER
    --bind ${root} / --ro-bind /usr /usr --ro-bind ${node} /opt/node
    --proc /proc --dev /dev --tmpfs /run --tmpfs /tmp
    --clearenv --setenv PATH /fakes:/opt/node:/usr/sbin:/usr/bin:/sbin:/bin`;
  const argv = [...options.trim().split(/\s+/), "sh", "-c", script];
  const child = spawn("bwrap", argv, { stdio: ["ignore", "inherit", "inherit"] });
  const off = new Promise<number | null>((resolve) => child.once("exit", resolve));
  /** Waits for what the node does while it runs. */
  const until = (probe: () => boolean) => {
    const ended = off.then(() => expect.fail(`it ended: ${read("var/cloud-init.txt")}${read("var/agent.log")}`));
    return Promise.race([boot.plane.until(probe), ended]);
  };
  return { off, until };
}
/** The vm-agent ends with it. */
const switchOff = () => writeFileSync(at("var/off"), "");

/** Whether this system allows the journey's sandbox. */
const trial = spawnSync("bwrap", ["--ro-bind", "/", "/", "--dev", "/dev", "true"], { encoding: "utf8" });

if (trial.status !== 0) {
  test("without bubblewrap, this journey is named at the end of the run", () => {
    reportOmission({ what: "the journey of a first boot", tests: 1, reason: trial.stderr.trim() });
  });
} else {
  test("[R18] [R40] connects before its tools are there, is ready with them, and a second node of its disk downloads nothing", async () => {
    expect(spawnSync("cloud-init", ["--version"]).status, "cloud-init is installed").toBe(0);
    const { plane } = boot;
    const first = switchOn("first");
    await first.until(() => plane.hellos.length > 0);
    expect(plane.hellos[0]?.runtime).toEqual({
      kind: "preparing",
      reason: "installing bubblewrap ca-certificates git git-lfs",
    });
    expect(plane.downloads).toEqual(["/agent/vm-agent.cjs"]);
    expect(read("var/asked")).toMatch(/^--root .* --lastday .* root\n.*update\n$/);
    expect(read(`etc/systemd/system/${UNIT}`)).toContain('Environment="CLONE_TIMEOUT_MS=61000"');

    writeFileSync(at("var/mirror"), "");
    await first.until(() => plane.hellos.length > 1);
    expect(plane.hellos.at(-1)?.runtime).toMatchObject({ kind: "process", reason: "WORKSPACE_RUNTIME is process." });
    expect(read("var/asked")).toMatch(/ install bubblewrap ca-certificates git git-lfs\n$/);
    expect(read("etc/samovar/agent.json")).not.toContain(plane.bootstrapToken);
    switchOff();
    expect(await first.off, read("var/cloud-init.txt")).toBe(0);

    // Another server, made from this one's disk.
    rmSync(at("var/off"));
    rmSync(at("var/lib/samovar"), { recursive: true });
    plane.claims.splice(0);
    const asked = read("var/asked").split("\n").length;
    const second = switchOn("second");
    await second.until(() => plane.hellos.length > 2 && plane.hellos.at(-1)?.runtime?.kind === "process");
    expect(plane.downloads).toEqual(["/agent/vm-agent.cjs"]);
    expect(read("var/asked").split("\n").length - asked, "only chage").toBe(1);
    switchOff();
    expect(await second.off, read("var/cloud-init.txt")).toBe(0);
  });
}
