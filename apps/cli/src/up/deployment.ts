/** Where a Samovar is reached and where its nodes run: the options of `samovar up`, checked together. */
import { isIP } from "node:net";
import { isLoopbackHost } from "@samovar/base";
import { PROVIDERS } from "@samovar/contracts";
import { CliError } from "../client/errors.ts";

export const CLOUDS = ["local", ...PROVIDERS] as const;
export type CloudName = (typeof CLOUDS)[number];

export interface DeploymentOptions {
  readonly publicUrl?: string | undefined;
  readonly cloud?: string | undefined;
  readonly host?: string | undefined;
}

export interface Deployment {
  /** The origin at which browsers, programs and nodes reach it from elsewhere; null: from this computer only. */
  readonly publicUrl: string | null;
  readonly cloud: CloudName;
  /** The address to listen on. */
  readonly host: string;
}

const LOOPBACK = "127.0.0.1";

/** On this computer, with the local cloud. */
export const LOCAL_DEPLOYMENT: Deployment = { publicUrl: null, cloud: "local", host: LOOPBACK };

/** Throws {@link CliError} for values that do not go together. */
export function parseDeployment({ publicUrl, cloud = "local", host = LOOPBACK }: DeploymentOptions): Deployment {
  const known = CLOUDS.find((name) => name === cloud);
  if (known === undefined)
    throw new CliError(`There is no cloud ${cloud.slice(0, 60)}.`, `Use one of: ${CLOUDS.join(", ")}.`);
  if (isIP(host) === 0)
    throw new CliError(`--host is ${host.slice(0, 60)}.`, "Give an IP address of this computer, such as 0.0.0.0.");
  const origin = publicUrl === undefined ? null : parsePublicUrl(publicUrl);
  if (origin === null && !isLoopbackAddress(host))
    throw new CliError(
      `With --host ${host} other computers could reach Samovar.`,
      "Name the address at which they do: --public-url https://… (see docs/one-server.md).",
    );
  if (origin === null && known !== "local")
    throw new CliError(
      `Nodes at ${known} cannot reach this computer without a public address.`,
      "Name it: --public-url https://… (see docs/one-server.md).",
    );
  return { publicUrl: origin, cloud: known, host };
}

function parsePublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isOrigin = url !== null && `${url.origin}/` === url.href;
  if (url?.protocol !== "https:" || !isOrigin)
    throw new CliError(
      `${text.slice(0, 200)} is no public address.`,
      "Give an https address without a path, such as https://samovar.example. A proxy on this server ends TLS.",
    );
  return url.origin;
}

/** Whether an address to listen on accepts connections of this computer only. */
export const isLoopbackAddress = (address: string): boolean => isLoopbackHost(formatHost(address));

/** The address at which programs on this computer reach a control plane that listens there. */
export function getLocalUrl({ host }: Deployment, port: number): string {
  const reached = host === "0.0.0.0" ? LOOPBACK : host === "::" ? "::1" : host;
  return `http://${formatHost(reached)}:${port}`;
}

/** An address as URLs and sockets write it. */
export const formatHost = (address: string): string => (isIP(address) === 6 ? `[${address}]` : address);
