/**
 * The answer to a person who opens an address without pages. A former public address redirects to the pages. Any other, such as
 * `http://127.0.0.1:7266`, does not reveal the pages' address, because anyone on this computer could read it.
 */
import { isLoopbackHost } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { Context } from "hono";
import type { AppContext } from "./context.ts";
import { getPageUrl, isFormerHost } from "./hosts.ts";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Samovar</title>
<h1>Samovar's pages have a separate address</h1>
<p>Samovar is running. To open its pages and sign in, run this command on this computer:</p>
<pre>samovar login</pre>
<p>This address is for programs. Browsers share cookies between all ports of it, so a server that an agent starts could act as you.</p>
</html>
`;

/** A page for browsers. Throws `not_found` for programs. */
export function respondWithoutPages(c: Context<AppContext>): Response {
  const pages = getPageUrl(c.get("deps").config);
  if (isFormerHost(c) && !isLoopbackHost(pages.hostname)) {
    const { pathname, search } = new URL(c.req.url);
    return c.redirect(`${pages.origin}${pathname}${search}`, 302);
  }
  if (!/\btext\/html\b/.test(c.req.header("accept") ?? ""))
    throw new SamovarError("not_found", "The pages have a separate address. To open it, run: samovar login");
  return c.html(PAGE, 404, { "cache-control": "no-store", vary: "accept" });
}
