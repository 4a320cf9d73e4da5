/**
 * bubblewrap's arguments for a workspace. The root is empty and read-only; only what is named here appears in it: the system's
 * programs and a few of its settings, the agent's own files, and writable the checkout, the home and a private `/tmp`.
 */
import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { HostSandbox, HostUser } from "@samovar/contracts";

/** Where programs in a sandbox see their workspace, in every session. */
export const SEEN = { checkout: "/workspace", home: "/home/agent" } as const;

export type SandboxSettings = Pick<
  HostSandbox,
  "program" | "nsenter" | "disablesUserNamespaces" | "hidden" | "readOnlyPaths"
>;

/** Absolute paths on the node. */
export interface SandboxPlaces {
  readonly checkout: string;
  readonly home: string;
  readonly tmp: string;
}

const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/**
 * What programs need of `/etc`: names, certificates, time, the loader, and the settings of shells and fonts. Root in a sandbox
 * reads what root may read, so no directory with private keys is among them.
 */
const ETC =
  "passwd group hosts host.conf hostname resolv.conf nsswitch.conf gai.conf services protocols rpc networks " +
  "ssl/certs ssl/cert.pem ssl/openssl.cnf ca-certificates ca-certificates.conf chromium chromium.d crypto-policies pki/ca-trust pki/java " +
  "pki/tls/certs pki/tls/cert.pem pki/tls/openssl.cnf alternatives localtime timezone ld.so.cache ld.so.conf " +
  "ld.so.conf.d os-release debian_version manpath.config mime.types magic profile profile.d bash.bashrc inputrc terminfo " +
  "locale.alias locale.conf fonts perl";
/** Those whose names have a version, such as `python3.11` and `java-21-openjdk`. */
const ETC_VERSIONED = /^(?:java|python|ImageMagick)/;

const NAMESPACES = "--unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try";

/**
 * What `/proc` has besides processes. Root without capabilities may still write there, and a setting such as
 * `kernel.core_pattern` names a program that the kernel runs outside; bubblewrap itself leaves them as they are.
 */
const KERNEL = ["acpi", "asound", "bus", "driver", "fs", "irq", "mtrr", "pressure", "scsi", "sys", "sysrq-trigger"];

/** Never shown, nor anything below. */
const NEVER = ["/proc", "/sys", "/etc"];
/** Never shown as a whole. */
const NOT_WHOLE = new Set([
  "/",
  "/root",
  "/home",
  "/var",
  "/run",
  "/tmp",
  "/dev",
  "/dev/shm",
  "/mnt",
  "/media",
  "/srv",
  "/boot",
]);

/**
 * Everything up to the program's own arguments. `command`: the program that is to run; `path`: its PATH; `user`: who starts bubblewrap,
 * null for the user of this process.
 */
export function getSandboxArguments(
  places: SandboxPlaces,
  settings: SandboxSettings,
  command: readonly string[],
  path: string,
  user: HostUser | null,
): string[] {
  const shown = [
    ...path.split(delimiter).filter(isAbsolute),
    dirname(process.execPath),
    ...settings.readOnlyPaths,
    ...listCommandPaths(command, settings.hidden),
  ];
  const etc = listSettings().flatMap((name) => showSetting(join("/etc", name)));
  const opt = existsSync("/opt") && isShowable("/opt", settings.hidden) ? ["--ro-bind", "/opt", "/opt"] : [];
  return [
    NAMESPACES,
    settings.disablesUserNamespaces ? "--disable-userns" : "",
    "--cap-drop ALL --new-session --die-with-parent",
    SYSTEM.flatMap(showSystemDirectory),
    opt,
    "--perms 0755 --dir /etc --perms 0755 --dir /var --perms 0755 --dir /home",
    etc,
    "--proc /proc",
    KERNEL.map((name) => join("/proc", name)).flatMap((path) => (existsSync(path) ? ["--ro-bind", path, path] : [])),
    "--dev /dev --tmpfs /run --symlink /run /var/run",
    ["--bind", places.tmp, "/tmp", "--symlink", "/tmp", "/var/tmp"],
    toMounts(shown, settings.hidden, user),
    ["--bind", places.checkout, SEEN.checkout, "--bind", places.home, SEEN.home],
    ["--remount-ro", "/", "--chdir", SEEN.checkout],
  ].flatMap((part) => (typeof part === "string" ? part.split(" ").filter((word) => word !== "") : part));
}

/** The system's own directories among those to hide: then a sandbox cannot hide them. Null when all is well. */
export function findUnhideable(hidden: readonly string[]): string | null {
  return hidden.find((path) => ["/usr", "/bin", "/lib"].some((system) => isBelow(system, toRealPath(path)))) ?? null;
}

/** Where `/bin` and others are links into `/usr`, they are links in the sandbox too. */
function showSystemDirectory(path: string): string[] {
  if (!existsSync(path)) return [];
  return lstatSync(path).isSymbolicLink() ? ["--symlink", readlinkSync(path), path] : ["--ro-bind", path, path];
}

function listSettings(): string[] {
  return [...ETC.split(" "), ...readdirSync("/etc").filter((name) => ETC_VERSIONED.test(name))];
}

/** A link to a file that the sandbox shows stays a link, since programs read the time zone's name from it. */
function showSetting(path: string): string[] {
  if (!existsSync(path)) return [];
  const target = lstatSync(path).isSymbolicLink() ? resolve(dirname(path), readlinkSync(path)) : null;
  return target !== null && isBelow("/usr", target) ? ["--symlink", target, path] : ["--ro-bind", path, path];
}

function toMounts(paths: readonly string[], hidden: readonly string[], user: HostUser | null): string[] {
  const mounts = new Map<string, string>();
  for (const path of paths.filter((each) => existsSync(each))) {
    const source = toRealPath(path);
    if (user !== null && !isPassable(source)) continue;
    // Below a link's real place too, because programs follow links.
    for (const target of [resolve(path), source]) {
      const isSystem = [...SYSTEM, "/opt"].some((system) => isBelow(system, target) && isShowable(system, hidden));
      if (!isSystem && isShowable(source, hidden) && isShowable(target, hidden)) mounts.set(target, source);
    }
  }
  const targets = [...mounts.keys()];
  return [...mounts]
    .filter(([target]) => !targets.some((other) => other !== target && isBelow(other, target)))
    .flatMap(([target, source]) => ["--ro-bind", source, target]);
}

/** The program's file and its package; a script for Node is the second word, and a startup snapshot the third. */
export function listCommandPaths([program = "", ...words]: readonly string[], hidden: readonly string[]): string[] {
  const files = [program, ...words.slice(0, 2)].filter((word) => isAbsolute(word) && existsSync(word));
  return files.flatMap((file) => {
    const real = toRealPath(file);
    // By the name that the program is started with, too: a link may be above its package.
    const named = file.includes("/node_modules/") ? file : real;
    const modules = named.indexOf("/node_modules/");
    if (modules !== -1) return [file, named.slice(0, modules + "/node_modules".length)];
    const directory = dirname(real);
    return file === program && isShowable(directory, hidden) ? [file, directory] : [file, real];
  });
}

export function isShowable(path: string, hidden: readonly string[]): boolean {
  if (NOT_WHOLE.has(path) || NEVER.some((never) => isBelow(never, path))) return false;
  return !hidden.some((each) => isBelow(path, each) || isBelow(path, toRealPath(each)));
}

/** Whether every user reaches the path: a sandbox cannot be made of what its user does not reach. */
function isPassable(path: string): boolean {
  for (let at = dirname(path); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Whether `path` is `root` or below it. */
function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith("../") && !isAbsolute(way));
}

function toRealPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
