/**
 * The network of one workspace: a separate place, the egress proxy in it, and what its programs need to use that. Started before a
 * session is known where a standby host waits for one: it holds no secret, and lets nothing out until then.
 */
import { join } from "node:path";
import type { Logger } from "@samovar/base";
import type { ConnectorPorts, EgressUse } from "../../egress/connector.ts";
import { createProxyEnvironment, SSH_PROXY_SCRIPT } from "../../egress/environment.ts";
import { type EgressProxy, startEgressProxy } from "../../egress/proxy.ts";
import { createSystemNetwork } from "../../egress/system-network.ts";
import type { Listen } from "../../listen.ts";
import { writeShownFile } from "../../users/places.ts";

/** What a runtime needs to start a program in it. */
export interface ProgramNetwork {
  /** Before the argv. Empty: programs are started in a network of their own without anything in it. */
  readonly enter: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Files that programs see read-only: by the path that they see, the node's path. */
  readonly files: Readonly<Record<string, string>>;
  /** Ports of the node's loopback that programs reach at the same port of their own; more may come. */
  readonly ports: ReadonlySet<number>;
}

/** Where programs are that reach nothing but the servers of this process that listen there. */
export interface NetworkPlace {
  /** Before a program's argv: starts it there. Empty where the runtime does it. */
  readonly enter: readonly string[];
  readonly listen: Listen;
  readonly ports: ReadonlySet<number>;
  /** Programs inside keep it until they end. */
  close(): void;
}

export interface WorkspaceNetworkPorts {
  /** Rejects when this machine cannot make such a place. `listeners`: how many servers are expected. */
  readonly openPlace: (listeners: number) => Promise<NetworkPlace>;
  /** Of the node, for files of this network that programs see. */
  readonly directory: string;
  /** Node, as programs see it. */
  readonly node: string;
  readonly log: Logger;
  /** The node's network by default. */
  readonly outside?: Omit<ConnectorPorts, "log">;
}

/** Where programs reach nothing. */
export const NO_NETWORK = { programs: { enter: [], environment: {}, files: {}, ports: new Set<number>() } } as const;

/** The model's gateway and the egress proxy. */
const LISTENERS = 2;
const SSH_PROXY = "/run/samovar/ssh-proxy.mjs";

export class WorkspaceNetwork {
  readonly #ports: WorkspaceNetworkPorts;
  #starting: Promise<void> | null = null;
  #open: {
    readonly place: NetworkPlace;
    readonly proxy: EgressProxy;
    readonly programs: ProgramNetwork;
  } | null = null;
  #isClosed = false;

  constructor(ports: WorkspaceNetworkPorts) {
    this.#ports = ports;
  }

  /** Repeatable. Rejects when this machine cannot make such a network. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Throws before {@link start} has resolved: no program starts without its network. */
  get programs(): ProgramNetwork {
    return this.#require().programs;
  }

  /** A server of this process listens inside. Waits for the start. */
  readonly listen: Listen = async (server) => {
    await this.start();
    return this.#require().place.listen(server);
  };

  /** Lets the workspace's connections out, by these rules. */
  use(use: EgressUse): void {
    this.#require().proxy.use(use);
  }

  /** Call it when no program runs in it any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#starting?.catch(() => {
      // Then there is nothing to close.
    });
    const open = this.#open;
    this.#open = null;
    await open?.proxy.close();
    open?.place.close();
  }

  #require() {
    if (this.#open === null) throw new Error("the workspace's network is not open");
    return this.#open;
  }

  async #start(): Promise<void> {
    const { openPlace, directory, node, log, outside = createSystemNetwork() } = this.#ports;
    if (this.#isClosed) throw new Error("the workspace's network is closed");
    const place = await openPlace(LISTENERS);
    const script = join(directory, "ssh-proxy.mjs");
    writeShownFile(script, SSH_PROXY_SCRIPT);
    const proxy = await startEgressProxy({ ...outside, listen: place.listen, log });
    const environment = createProxyEnvironment(proxy.port, { node, script: SSH_PROXY });
    this.#open = {
      place,
      proxy,
      programs: { enter: place.enter, environment, files: { [SSH_PROXY]: script }, ports: place.ports },
    };
  }
}
