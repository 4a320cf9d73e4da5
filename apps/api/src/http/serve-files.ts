/**
 * Serves the built files that are not routed past the Worker (`run_worker_first` in wrangler.jsonc): the pages, and what nodes
 * download. A page's route is not a file, so it gets the page. A missing file never does: a node would take the page for its
 * vm-agent, and an open page for a part of its code.
 */
import { SamovarError } from "@samovar/contracts";
import type { Context } from "hono";
import type { AppContext } from "./context.ts";
import { isPageHost } from "./hosts.ts";
import { respondWithoutPages } from "./respond-without-pages.ts";
import { HASHED_FILES } from "./security-headers.ts";

/** The files that nodes download. */
const FOR_NODES = "/agent/";
const WELL_KNOWN = "/.well-known/";

/** Throws `not_found` for a missing file of nodes and for pages at another address. */
export async function serveFiles(c: Context<AppContext>): Promise<Response> {
  const { path } = c.req;
  const isForNodes = path.startsWith(FOR_NODES);
  if (path.startsWith(WELL_KNOWN)) throw noSuchFile();
  if (!isPageHost(c) && !isForNodes) return respondWithoutPages(c);
  const found = await c.env.ASSETS.fetch(c.req.raw);
  if (found.status !== 404) return found;
  if (isForNodes) throw noSuchFile();
  if (path.startsWith(HASHED_FILES)) return c.text("Not found.", 404, { "cache-control": "no-store" });
  return c.env.ASSETS.fetch(new Request(new URL("/", c.req.url), c.req.raw));
}

const noSuchFile = () => new SamovarError("not_found", "There is no such file.");
