/**
 * Runs a workspace's programs in one docker container: setup, its services and the agent share it, with their loopback. The
 * container lives on the standard input of this process's client: when either ends, the kernel kills everything inside, and
 * the engine removes the container. Keeps S1, T1.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { getPriority } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Result, Timers } from "@samovar/base";
import { ok } from "@samovar/base";
import type { Failure, HostContainer, HostUser } from "@samovar/contracts";
import { LOWER_BY } from "@samovar/processes";
import type {
  Prepared,
  PrepareProgress,
  RuntimeProcess,
  RuntimeProgram,
  WorkspacePlaces,
  WorkspaceRuntime,
} from "../runtime.ts";
import { NO_USAGE, type Usage } from "../../limits/usage.ts";
import type { ProgramNetwork } from "../network/workspace-network.ts";
import { makePlaces } from "../../users/places.ts";
import { SEEN } from "../sandbox-arguments.ts";
import { createCallProfile } from "./call-profile.ts";
import { CONTAINER_NODE } from "./container-arguments.ts";
import { Container } from "./container.ts";
import { prepareImage } from "./image.ts";

export interface DockerOptions {
  /** On the node. */
  readonly home: string;
  readonly container: HostContainer;
  /** Owns the places, and is the container's user then; absent and null: the user of this process. */
  readonly user?: HostUser | null;
  /** Open before a program starts. */
  readonly network: { readonly programs: ProgramNetwork };
  readonly mark: string;
  readonly timers: Timers;
}

const LOWEST = 19;
let lastNumber = 0;

export class DockerRuntime implements WorkspaceRuntime {
  readonly kind = "docker";
  readonly seen: WorkspacePlaces = SEEN;
  readonly isRoot: boolean;
  readonly #options: DockerOptions;
  #image: string;
  #projectEnvironment: Readonly<Record<string, string>> = {};
  #container: Container | null = null;

  constructor(options: DockerOptions) {
    this.#options = options;
    this.#image = options.container.image;
    this.isRoot = options.container.user.startsWith("0:");
  }

  /** Pulls the base image, or makes the image that the checkout's devcontainer describes. Call it before the first start. */
  async prepare(progress: PrepareProgress): Promise<Result<Prepared, Failure>> {
    const prepared = await prepareImage(this.#options.container, progress);
    if (!prepared.ok) return prepared;
    const { image, env, postCreate } = prepared.value;
    this.#image = image;
    this.#projectEnvironment = env;
    return ok({ commands: postCreate });
  }

  toNodePath(path: string): string | null {
    const { home, container } = this.#options;
    const place = [
      { seen: SEEN.checkout, at: container.checkout },
      { seen: SEEN.home, at: home },
    ].find(({ seen }) => path === seen || path.startsWith(`${seen}/`));
    return place === undefined ? null : join(place.at, relative(place.seen, path));
  }

  start(program: RuntimeProgram): RuntimeProcess {
    const [file, ...args] = program.argv;
    const argv = [file === this.#options.container.nodeBinary ? CONTAINER_NODE : file, ...args] as const;
    const { environment, ports } = this.#options.network.programs;
    const container = this.#open();
    for (const port of ports) container.forward(port);
    // The network's variables come last: without its proxies a program reaches nothing.
    return container.start({ ...program, argv, env: { ...program.env, ...environment } });
  }

  readUsage(max: Usage): Usage {
    return this.#container?.readUsage(max) ?? NO_USAGE;
  }

  async end(): Promise<number> {
    const container = this.#container;
    this.#container = null;
    return container === null ? 0 : container.end();
  }

  /** A container that has ended, for example because the engine was restarted, is replaced. */
  #open(): Container {
    if (this.#container !== null && !this.#container.hasEnded) return this.#container;
    const { home, container, user = null, network, mark, timers } = this.#options;
    makePlaces({ repo: container.checkout, home, tmp: container.tmp }, user);
    const callProfile = join(dirname(container.tmp), "calls.json");
    writeFileSync(callProfile, createCallProfile(), { mode: 0o600 });
    const plan = {
      callProfile,
      emptied: listKernelDirectories(),
      container: { ...container, image: this.#image },
      name: `samovar-${mark.replaceAll(/[^\w.-]/g, "_")}-${process.pid}-${(lastNumber += 1)}`,
      mark,
      home,
      files: network.programs.files,
      niceness: Math.min(LOWEST, getPriority() + LOWER_BY),
    };
    this.#container = new Container(plan, this.#projectEnvironment, timers);
    return this.#container;
  }
}

/** Of `/sys` all but the control groups, by which programs know their limits. Read-only as it is, the rest tells of the machine. */
function listKernelDirectories(): string[] {
  const list = (root: string, except: string) =>
    readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() && entry.name !== except ? [join(root, entry.name)] : [],
    );
  try {
    return [...list("/sys", "fs"), ...list("/sys/fs", "cgroup")];
  } catch {
    // Elsewhere than on Linux the engine runs in another machine.
    return [];
  }
}
