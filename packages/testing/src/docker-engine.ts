/**
 * A docker engine for tests: one of their own, with its own socket, data and no bridge, where Debian's `docker.io` is installed
 * and the tests run as root; else one that answers. No registry is needed: its image is made of this machine's programs.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface TestEngine {
  /** For `DOCKER_HOST`; null: the client's default. */
  readonly address: string | null;
  /** A small image with a shell, the core programs and git. */
  readonly image: string;
  /** Calls the client and returns its output. Throws when it fails. */
  docker(...args: readonly string[]): string;
  stop(): Promise<void>;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Interval between checks whether the engine answers. */
const POLL_MS = 100;
/** Runs a program until it exits or the input ends: so no engine outlives its tests, however they end. */
const ENDS_WITH_INPUT =
  'exec 3<&0; "$@" 3<&- & program=$!; { read -r _ <&3; kill $program; } 2>/dev/null & reader=$!; wait $program; kill $reader 2>/dev/null';

/** Returns the engine, or why there is none. `programs`: more programs of this machine for its image. */
export async function startTestEngine(programs: readonly string[] = []): Promise<TestEngine | string> {
  if (process.platform !== "linux") return "the image of the tests is made of Linux programs";
  if (find("docker") === null) return "docker is not installed (apt install docker.io)";
  if (process.getuid?.() === 0 && find("dockerd") !== null) return startOwn(programs);
  const address = process.env["DOCKER_HOST"] ?? null;
  const answer = spawnSync("docker", ["version"], { env: { ...process.env, PATH }, encoding: "utf8" });
  if (answer.status !== 0) return "no docker engine answers, and only root can start one";
  return withImage(address, programs, () => Promise.resolve());
}

async function startOwn(programs: readonly string[]): Promise<TestEngine | string> {
  const directory = mkdtempSync(join(tmpdir(), "smv-docker-"));
  const socket = join(directory, "docker.sock");
  writeFileSync(join(directory, "daemon.json"), "{}");
  const places = ["--data-root", join(directory, "data"), "--exec-root", join(directory, "exec")];
  const files = ["--pidfile", join(directory, "pid"), "--config-file", join(directory, "daemon.json")];
  const network = ["--iptables=false", "--ip6tables=false", "--bridge=none"];
  const words = [...places, ...files, ...network, "--host", `unix://${socket}`, "--log-level=error"];
  const child = spawn("sh", ["-c", ENDS_WITH_INPUT, "sh", "dockerd", ...words], {
    env: { PATH, HOME: directory },
    stdio: ["pipe", "ignore", "pipe"],
    detached: true,
  });
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(-500)));
  const ended = new AbortController();
  const exited = new Promise<void>((resolve) => {
    ended.signal.addEventListener("abort", () => resolve());
    for (const event of ["exit", "error"]) child.once(event, () => ended.abort());
  });
  const stop = async () => {
    child.stdin.end();
    await exited;
    unmountBelow(directory);
    rmSync(directory, { recursive: true, force: true });
  };
  // It answers or exits, however long a busy machine takes.
  while (!ended.signal.aborted) {
    const answer = spawnSync("docker", ["--host", `unix://${socket}`, "version"], { env: { PATH, HOME: directory } });
    if (answer.status === 0) return withImage(`unix://${socket}`, programs, stop);
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, POLL_MS))]);
  }
  await stop();
  return `dockerd does not start here: ${errors.trim().split("\n").at(-1) ?? "no reason given"}`;
}

function withImage(address: string | null, programs: readonly string[], stop: () => Promise<void>): TestEngine {
  const host = address === null ? [] : ["--host", address];
  const docker = (...args: readonly string[]) =>
    execFileSync("docker", [...host, ...args], {
      env: { ...process.env, PATH },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  const image = `samovar-test:${process.pid}`;
  const root = makeRoot(programs);
  try {
    const changes = ["ENV PATH=/usr/local/bin:/usr/bin:/bin", "ENV KETTLE_HOME=/opt/kettle", "ENV NODE_OPTIONS=--bad"];
    const importing = ["docker", ...host, "import", ...changes.flatMap((change) => ["--change", change]), "-", image];
    const line = 'root=$1; shift; tar -C "$root" -c . | "$@"';
    execFileSync("sh", ["-c", line, "sh", root, ...importing], {
      env: { ...process.env, PATH },
      stdio: ["ignore", "ignore", "pipe"],
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return {
    address,
    image,
    docker,
    stop: async () => {
      docker("rmi", "--force", image);
      await stop();
    },
  };
}

const PROGRAMS =
  "sh cat ls echo pwd sleep tr touch rm ln mkdir env setsid find grep kill git mount umount unshare printf id head sed readlink stat true dd wc ps tail seq cp mv mktemp chown chmod cut dirname uname sha256sum tar gzip curl";

const C_LIBRARY =
  "librt.so.1 libdl.so.2 libpthread.so.0 libm.so.6 libutil.so.1 libresolv.so.2 libnss_files.so.2 libnss_dns.so.2";

/** A root file system of this machine's programs and the libraries that they, and Node, need. */
function makeRoot(programs: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), "smv-image-"));
  for (const name of ["etc", "tmp", "proc", "sys", "dev", "run", "var/tmp", "home", "usr/bin", "usr/lib", "usr/lib64"])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of ["tmp", "var/tmp"]) chmodSync(join(root, name), 0o1777);
  for (const name of ["bin", "lib", "lib64"]) symlinkSync(join("usr", name), join(root, name));
  const files = [...PROGRAMS.split(" "), ...programs].flatMap((name) => {
    const file = find(name);
    return file === null ? [] : [{ name, seen: join("/usr/bin", name), file: realpathSync(file) }];
  });
  for (const { name, seen, file } of files) {
    const [home, entry] = file.split(`/node_modules/${name}/`);
    if (entry === undefined) cpSync(file, join(root, seen));
    else copyPackage({ from: join(home ?? "", "node_modules", name), name, entry, root });
  }
  // Git's own commands, and the authorities that workerd reads at its start.
  for (const place of ["/usr/lib/git-core", "/etc/ssl/certs/ca-certificates.crt"])
    if (existsSync(place)) cpSync(place, join(root, place), { recursive: true, verbatimSymlinks: true });
  const listed = spawnSync("ldd", [...files.map(({ file }) => file), process.execPath], { encoding: "utf8" }).stdout;
  const needed = listed.match(/(?<=\s)\/\S+(?= \(0x)/g) ?? [];
  const libc = needed.find((library) => library.endsWith("/libc.so.6"));
  // The agents' own programs are linked with the rest of the C library.
  const rest = libc === undefined ? [] : C_LIBRARY.split(" ").map((name) => join(dirname(libc), name));
  for (const library of new Set([...needed, ...rest.filter((file) => existsSync(file))])) {
    mkdirSync(dirname(join(root, library)), { recursive: true });
    cpSync(realpathSync(library), join(root, library));
  }
  return root;
}

/** A program of Node, such as npm. `entry`: its file in the package. */
function copyPackage({ from, name, entry, root }: Record<"from" | "name" | "entry" | "root", string>): void {
  cpSync(from, join(root, "usr/lib/node_modules", name), { recursive: true });
  symlinkSync(join("../lib/node_modules", name, entry), join(root, "usr/bin", name));
}

function find(name: string): string | null {
  return (
    PATH.split(":")
      .map((directory) => join(directory, name))
      .find((file) => existsSync(file)) ?? null
  );
}

function unmountBelow(directory: string): void {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  const below = mounts.map((line) => line.split(" ")[1] ?? "").filter((place) => place.startsWith(`${directory}/`));
  for (const place of below.toReversed()) spawnSync("umount", ["--lazy", place]);
}
