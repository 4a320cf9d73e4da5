/**
 * One attempt to leave a workspace. Probes are data: the tests run them in each runtime, and `docs/security.md` lists them.
 * Each is bounded in itself and touches only what the tests made, so that a wall that fails harms nothing.
 */

/** Whom a probe lets out without a wall, that is in the process runtime with the node's user: everyone, root at least, or no one. */
export type Reach = "always" | "as root" | "never";
/** The same in a workspace with a user of its own: always, or where this machine's kernel or settings let every user. */
export type OwnUserReach = "always" | "by machine";

/** The runtimes that are a wall. */
export const WALLS = ["sandbox", "docker"] as const;
export type Wall = (typeof WALLS)[number];

export interface EscapeProbe {
  /** A predicate about the workspace's program: "reads …". Unique. */
  readonly what: string;
  /**
   * A shell line, run in a separate directory below the checkout. It prints `reached` as a line when it got out, and only then;
   * a probe with `leaves` need not print it.
   */
  readonly line: string;
  /** Succeeds when this directory of the node has the file `$LEAVES` afterwards, whatever the line prints. */
  readonly leaves?: string;
  readonly process: Reach;
  /** Absent: never. */
  readonly ownUser?: OwnUserReach;
  /** A file of the node without which its kernel lacks what is probed; then nothing is expected without a wall. */
  readonly needs?: string;
  /** For a probe that never succeeds: a shell line around `$LINE` with which it does, run on the node without any runtime. */
  readonly control?: string;
  /** Known holes, each with the reason why it stays. */
  readonly holes?: Readonly<Partial<Record<Wall, string>>>;
}

export interface ProbeGroup {
  readonly title: string;
  readonly probes: readonly EscapeProbe[];
}

export const REACHED = "reached";

/** `script` without single quotes. */
export const node = (script: string): string => `"$NODE_BINARY" -e '${script}'`;

/** System calls have no other way without a compiler: Debian and Ubuntu always have this Perl. `script` without single quotes. */
export const perl = (script: string): string => `perl -e '${script}'`;

interface CallNumbers {
  readonly [name: string]: readonly [x64: number, arm64: number];
}

const NUMBERS = {
  ptrace: [101, 117],
  processVmReadv: [310, 270],
  pidfdOpen: [434, 434],
  pidfdGetfd: [438, 438],
  openByHandleAt: [304, 265],
  nameToHandleAt: [303, 264],
  addKey: [248, 217],
  keyctl: [250, 219],
  bpf: [321, 280],
  perfEventOpen: [298, 241],
  userfaultfd: [323, 282],
  ioUringSetup: [425, 425],
  reboot: [169, 142],
  settimeofday: [164, 170],
  setxattr: [188, 5],
  mqOpen: [240, 180],
  mqUnlink: [241, 181],
} as const satisfies CallNumbers;

/** The number of a system call on this machine. */
export function getCallNumber(name: keyof typeof NUMBERS): number {
  const [x64, arm64] = NUMBERS[name];
  return process.arch === "arm64" ? arm64 : x64;
}
