/**
 * The runtime of each session: the node's, or the one that the project demands, which is tried when the first session needs it.
 * Removes containers of sessions whose host could not. Keeps T1 [R48].
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@samovar/base";
import { parseJson } from "@samovar/base";
import { type DemandedRuntime, hostContainer, type HostUser } from "@samovar/contracts";
import { chooseRuntime, type RuntimeChoice, type RuntimeSettings } from "../../runtime/choose-runtime.ts";
import { type Engine, removeContainers } from "../../runtime/docker/engine.ts";
import { writePrivateFile } from "../private-file.ts";

export interface SessionRuntimesPorts {
  /** The node's own. */
  readonly node: RuntimeChoice;
  readonly settings: RuntimeSettings;
  readonly stateDir: string;
  /** The vm-agent's. */
  readonly module: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user whose runtimes are tried; null: the user of this process. */
  readonly trial: HostUser | null;
  readonly logger: Logger;
}

const engineFile = hostContainer.pick({ program: true, address: true });

export class SessionRuntimes {
  readonly #ports: SessionRuntimesPorts;
  readonly #demanded = new Map<DemandedRuntime, Promise<RuntimeChoice>>();

  constructor(ports: SessionRuntimesPorts) {
    this.#ports = ports;
    if (ports.node.container !== undefined) this.#rememberEngine(ports.node.container);
  }

  get node(): RuntimeChoice {
    return this.#ports.node;
  }

  /** `unavailable` where it does not work: it is tried again for the next session. `demand`: null for the node's own. */
  async get(demand: DemandedRuntime | null): Promise<RuntimeChoice> {
    const { node } = this.#ports;
    if (demand === null || demand === node.kind) return node;
    const known = this.#demanded.get(demand);
    if (known !== undefined) return known;
    const trying = this.#try(demand);
    this.#demanded.set(demand, trying);
    const choice = await trying;
    if (choice.kind === "unavailable") this.#demanded.delete(demand);
    return choice;
  }

  /** Best effort. `isLeftover` gets the mark of each container's session. */
  async removeContainers(isLeftover: (mark: string) => boolean): Promise<void> {
    const engine = this.#readEngine();
    if (engine === null) return;
    const removed = await removeContainers(engine, this.#ports.stateDir, isLeftover);
    if (removed > 0) this.#ports.logger.warn("containers.removed", { removed });
  }

  async #try(demand: DemandedRuntime): Promise<RuntimeChoice> {
    const { settings, stateDir, env, module, trial: user, logger } = this.#ports;
    const choice = await chooseRuntime({ ...settings, mode: demand }, stateDir, env, { module, user });
    logger.info("runtime.tried", { runtime: choice.kind, reason: choice.reason });
    if (choice.container !== undefined) this.#rememberEngine(choice.container);
    return choice;
  }

  /** So that the next daemon finds the containers that this one may leave. */
  #rememberEngine({ program, address }: Engine): void {
    writePrivateFile(this.#file(), JSON.stringify({ program, address }));
  }

  #readEngine(): Engine | null {
    try {
      return engineFile.safeParse(parseJson(readFileSync(this.#file(), "utf8"))).data ?? null;
    } catch {
      // No container was ever started here.
      return null;
    }
  }

  #file(): string {
    return join(this.#ports.stateDir, "container-engine.json");
  }
}
