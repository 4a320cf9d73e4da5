/** The users of this node's workspaces, by the name of a workspace's directory: its standby host has the same one. */
import { lstatSync } from "node:fs";
import type { Logger } from "@samovar/base";
import type { HostUser } from "@samovar/contracts";
import { getCheckoutPaths, getWorkspaceDirectory } from "../daemon/workspaces/workspace-paths.ts";
import type { UserChoice } from "./choose-users.ts";
import { clearUser } from "./end-user.ts";
import { killUser } from "./kill-user.ts";
import { makePlaces } from "./places.ts";
import { type UserRegistry, WORKSPACE_IDS } from "./user-registry.ts";

export interface WorkspaceUsersPorts {
  readonly choice: UserChoice;
  readonly registry: UserRegistry;
  readonly stateDir: string;
  readonly logger: Logger;
}

export class WorkspaceUsers {
  readonly #ports: WorkspaceUsersPorts;

  constructor(ports: WorkspaceUsersPorts) {
    this.#ports = ports;
  }

  get areSeparate(): boolean {
    return this.#ports.choice.trial !== null;
  }

  /** Gives the workspace a user, if it has none, and makes its places. Null: it shares the daemon's. Repeatable. */
  async prepare(directoryName: string): Promise<HostUser | null> {
    const user = this.find(directoryName) ?? (await this.#give(directoryName));
    makePlaces(getCheckoutPaths(this.#ports.stateDir, directoryName), user);
    return user;
  }

  /** Null for a workspace from when they shared the daemon's user. */
  find(directoryName: string): HostUser | null {
    const { choice, registry } = this.#ports;
    if (choice.trial === null) return null;
    const id = registry.find(this.#key(directoryName)) ?? this.#restore(directoryName);
    return id === null ? null : { ...choice.trial, id };
  }

  /** Kills what the workspace's user runs, so that nothing of it writes any more. Throws when that is not possible. */
  kill(directoryName: string): void {
    const user = this.find(directoryName);
    if (user !== null) killUser(user);
  }

  /** Call when the workspace's directory is gone: its user is released when nothing of the user is left. */
  async release(directoryName: string): Promise<void> {
    const user = this.find(directoryName);
    if (user === null) return;
    await clearUser(user);
    this.#ports.registry.release(this.#key(directoryName));
  }

  async #give(directoryName: string): Promise<HostUser | null> {
    const { choice, registry, logger } = this.#ports;
    if (choice.trial === null || this.#readOwner(directoryName) !== null) return null;
    const { id, isLeftover } = registry.give(this.#key(directoryName));
    const user = { ...choice.trial, id };
    if (isLeftover) await this.#clearLeftover(user, directoryName);
    logger.debug("user.given", { user: id, directory: directoryName });
    return user;
  }

  async #clearLeftover(user: HostUser, directoryName: string): Promise<void> {
    try {
      await clearUser(user);
    } catch (error) {
      this.#ports.registry.release(this.#key(directoryName));
      throw error;
    }
  }

  /** The file of users was lost: the workspace's files say whose they are. */
  #restore(directoryName: string): number | null {
    const owner = this.#readOwner(directoryName);
    if (owner === null || owner < WORKSPACE_IDS.first || owner > WORKSPACE_IDS.last) return null;
    if (!this.#ports.registry.restore(this.#key(directoryName), owner))
      throw new Error(`the workspace's user ${owner} belongs to another workspace`);
    return owner;
  }

  /** The owner of the home; null when there is no home yet. */
  #readOwner(directoryName: string): number | null {
    const { home } = getCheckoutPaths(this.#ports.stateDir, directoryName);
    return lstatSync(home, { throwIfNoEntry: false })?.uid ?? null;
  }

  #key(directoryName: string): string {
    return getWorkspaceDirectory(this.#ports.stateDir, directoryName);
  }
}
