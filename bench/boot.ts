/**
 * The first boot of a node's user data: Debian with systemd, cloud-init, sshd and apt against Debian's mirror, in a container
 * without the right to change the network. `npm run bench -- boot [--root DIR] [--rounds N]`; needs root, debootstrap and
 * systemd-nspawn. `--root` keeps the Debian tree for the next run. Node is installed beforehand, because its site is
 * not reachable from everywhere: add the time of its download.
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { IMAGE_STEPS } from "@samovar/cloud-init";
import { INSTALL_SCRIPT } from "@samovar/cloud-init/install-script";
import { type FirstBoot, prepareFirstBoot } from "../tests/harness/first-boot.ts";
import { printRows } from "./table.ts";

const MIRROR = "http://deb.debian.org/debian";
/** The packages of a provider's image. */
const IMAGE = [
  ..."systemd systemd-sysv dbus cloud-init python3-cffi-backend iproute2 netbase sudo procps".split(" "),
  ..."ca-certificates curl cron openssh-server unattended-upgrades".split(" "),
];

export async function measureBoot(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { root: { type: "string" }, rounds: { type: "string" } } });
  const scratch = mkdtempSync(join(tmpdir(), "samovar-boot-"));
  try {
    const image = values.root ?? join(scratch, "image");
    if (!existsSync(join(image, "usr/bin/cloud-init"))) makeImage(image);
    for (let round = 1; round <= Number(values.rounds ?? 1); round++) {
      await bootCopy(image, join(scratch, "bare"), `first boot ${round}, from a provider's image`);
      await bootCopy(image, join(scratch, "made"), `first boot ${round}, from a prepared image`, makeNodeImage);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function bootCopy(image: string, root: string, title: string, change = (_root: string) => {}): Promise<void> {
  execFileSync("cp", ["-a", "--reflink=auto", image, root]);
  mkdirSync(join(root, "opt/samovar/node/bin"), { recursive: true });
  cpSync(process.execPath, join(root, "opt/samovar/node/bin/node"));
  change(root);
  const rows = await bootOnce(root);
  printRows(`${title} (load ${loadavg()[0]?.toFixed(1)})`, ["seconds"], rows, 1);
  checkSystem(root);
  rmSync(root, { recursive: true, force: true });
}

/** As the server of infra/image/create-image.sh does it. */
function makeNodeImage(root: string): void {
  writeFileSync(join(root, "install.sh"), INSTALL_SCRIPT);
  cpSync("/etc/resolv.conf", join(root, "etc/resolv.conf"));
  for (const step of IMAGE_STEPS) inRoot(root, "sh", "/install.sh", ...step);
  // Without a mirror: nothing may be asked for.
  rmSync(join(root, "etc/apt/sources.list"), { force: true });
}

function makeImage(image: string): void {
  const options = ["--variant=minbase", `--include=${IMAGE.join(",")}`];
  execFileSync("debootstrap", [...options, "bookworm", image, MIRROR], { stdio: ["ignore", "ignore", "inherit"] });
  writeFileSync(
    join(image, "etc/cloud/cloud.cfg.d/99-boot.cfg"),
    "datasource_list: [ NoCloud, None ]\nnetwork: { config: disabled }\nlocale: C.UTF-8\n",
  );
  // The network is the host's, where port 22 may be taken.
  inRoot(image, "systemctl", "mask", "ssh.service");
}

/** As Hetzner delivers it without an ssh key: a password that has expired. */
function expirePassword(root: string): void {
  execFileSync("chpasswd", ["--root", root], { input: "root:first-boot\n" });
  inRoot(root, "chage", "--lastday", "0", "root");
  if (isRootAllowed(root)) throw new Error("PAM allows root although the password has expired");
}

const inRoot = (root: string, ...argv: string[]) =>
  execFileSync("chroot", [root, ...argv], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    encoding: "utf8",
    stdio: "pipe",
  });

function isAccepted(root: string, ...argv: string[]): boolean {
  try {
    inRoot(root, ...argv);
    return true;
  } catch {
    return false;
  }
}
const isRootAllowed = (root: string) => isAccepted(root, "su", "root", "-c", "true");
const isMasked = (root: string, unit: string) => readlinkSync(join(root, "etc/systemd/system", unit)) === "/dev/null";

interface Row {
  readonly name: string;
  readonly values: readonly number[];
}

async function bootOnce(root: string): Promise<Row[]> {
  expirePassword(root);
  const boot = await prepareFirstBoot();
  const seed = join(root, "var/lib/cloud/seed/nocloud");
  mkdirSync(seed, { recursive: true });
  writeFileSync(join(seed, "user-data"), boot.userData);
  writeFileSync(join(seed, "meta-data"), "instance-id: first-boot\n");
  const startedAt = Date.now();
  const options = [
    "--register=no",
    "--keep-unit",
    "--console=pipe",
    "--resolv-conf=copy-host",
    "--machine=samovar-boot",
  ];
  const machine = spawn("systemd-nspawn", ["--quiet", "-D", root, "-b", ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [machine.stdout, machine.stderr])
    stream.on("data", (data: Buffer) => (log = (log + data.toString("utf8")).slice(-2000)));
  const exited = new Promise<number | null>((resolve) => machine.once("exit", resolve));
  const failed = exited.then((code) => {
    throw new Error(`the server ended with ${code}:\n${log}`);
  });
  failed.catch(() => {});
  try {
    return await Promise.race([failed, watch(boot, root, startedAt)]);
  } finally {
    machine.kill("SIGKILL");
    await exited;
    boot.plane.stop();
  }
}

/** Seconds since the server was started. */
async function watch({ plane }: FirstBoot, root: string, startedAt: number): Promise<Row[]> {
  const at = async (name: string, probe: () => boolean): Promise<Row> => {
    await plane.until(probe);
    return { name, values: [(Date.now() - startedAt) / 1000] };
  };
  const rows = [
    await at("the vm-agent is downloaded", () => plane.downloads.length > 0),
    await at("it has its identity", () => plane.claims.length > 0),
    await at("it is connected", () => plane.hellos.length > 0),
    await at("it is ready for a task", () => plane.hellos.some(({ runtime }) => runtime?.kind !== "preparing")),
  ];
  console.log(`runtime: ${JSON.stringify(plane.hellos.at(-1)?.runtime)}`);
  return [...readStages(root, startedAt), ...rows];
}

/** From cloud-init's log, whose lines begin with the local time. */
function readStages(root: string, startedAt: number): Row[] {
  const lines = readFileSync(join(root, "var/log/cloud-init.log"), "utf8").split("\n");
  return ["init-local", "init", "modules:config", "modules:final"].flatMap((stage) => {
    const line = lines.find((each) => each.includes(`running '${stage}' at`));
    // 2026-11-30 19:20:59,123
    const time = /^(\S+) (\d\d:\d\d:\d\d),(\d{3})/.exec(line ?? "");
    if (time === null) return [];
    const at = Date.parse(`${time[1]}T${time[2]}.${time[3]}Z`);
    return [{ name: `cloud-init: ${stage}`, values: [(at - startedAt) / 1000] }];
  });
}

function checkSystem(root: string): void {
  const facts: readonly (readonly [string, boolean])[] = [
    ["PAM allows root", isRootAllowed(root)],
    [
      "the bootstrap token is gone",
      !readFileSync(join(root, "etc/samovar/agent.json"), "utf8").includes("bootstrapToken"),
    ],
    [
      "apt's timers are masked",
      ["apt-daily.timer", "unattended-upgrades.service"].every((unit) => isMasked(root, unit)),
    ],
    ["sshd's configuration is valid", isAccepted(root, "sh", "-c", "mkdir -p /run/sshd && sshd -t")],
    ["git and bubblewrap are there", existsSync(join(root, "usr/bin/git")) && existsSync(join(root, "usr/bin/bwrap"))],
  ];
  for (const [what, holds] of facts) console.log(`${holds ? "✓" : "✗"} ${what}`);
  if (facts.some(([, holds]) => !holds)) process.exitCode = 1;
}
