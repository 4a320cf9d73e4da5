/**
 * The names under which the control plane answers. Any other name is refused, so that a page which has its own name lead
 * here (DNS rebinding) reads nothing. Browsers share cookies between all ports of a host; so on one computer, where anyone
 * may run a server on another port, the pages have a host name that only their user knows.
 */
import { isLoopbackHost } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { Context, MiddlewareHandler } from "hono";
import type { Config } from "../config.ts";
import type { AppContext } from "./context.ts";

type Addresses = Pick<Config, "PUBLIC_URL" | "PAGE_URL">;

/** Where nodes reach the control plane. */
export const getNodesUrl = ({ NODES_URL, PUBLIC_URL }: Pick<Config, "NODES_URL" | "PUBLIC_URL">): string =>
  NODES_URL ?? PUBLIC_URL;

export const getPageUrl = (config: Addresses): URL => new URL(config.PAGE_URL ?? config.PUBLIC_URL);

/** Refuses a request to a name that is not ours. A former name is, because nodes keep the address that they were created with. */
export const requireKnownHost: MiddlewareHandler<AppContext> = async (c, next) => {
  const { hostname, host } = new URL(c.req.url);
  const { config } = c.get("deps");
  const own = new URL(config.PUBLIC_URL);
  const isOwn = isLoopbackHost(own.hostname) ? isLoopbackHost(hostname) : host === own.host;
  const isKnown = isPageHost(c) || isOwn || isFormerHost(c) || isLocalHost(c);
  if (!isKnown) throw new SamovarError("forbidden", `Samovar does not answer to the name ${hostname}.`);
  await next();
};

/** Whether a program on the control plane's own computer calls, as far as the name says: for rate limits, never for rights. */
export function isLocalHost(c: Context<AppContext>): boolean {
  const { LOCAL_URL } = c.get("deps").config;
  return LOCAL_URL !== undefined && new URL(c.req.url).host === new URL(LOCAL_URL).host;
}

/** On one computer with any port, because a proxy for development has its own. */
export function isPageHost(c: Context<AppContext>): boolean {
  const page = getPageUrl(c.get("deps").config);
  const called = new URL(c.req.url);
  return isLoopbackHost(page.hostname) ? called.hostname === page.hostname : called.host === page.host;
}

/** Whether the call came to an earlier public address. */
export function isFormerHost(c: Context<AppContext>): boolean {
  const { host } = new URL(c.req.url);
  return c.get("deps").config.FORMER_PUBLIC_URLS.some((url) => host === new URL(url).host);
}

/** Whether `origin` is that of our pages. */
export function isPageOrigin(c: Context<AppContext>, origin: string | undefined): boolean {
  if (origin === undefined) return false;
  const page = getPageUrl(c.get("deps").config);
  return (
    origin === page.origin || (isLoopbackHost(page.hostname) && isPageHost(c) && origin === new URL(c.req.url).origin)
  );
}
