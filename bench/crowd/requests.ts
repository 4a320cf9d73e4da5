/** HTTP requests to the control plane by route, from its log, which has a line for each request except `/api/health`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { type Spread, spread } from "../table.ts";

const requestLine = z.object({
  event: z.literal("http.request"),
  method: z.string(),
  path: z.string(),
  ms: z.number(),
});

const ID = /[a-z]{3}_[0-9a-z]{26}/g;

/** Milliseconds of each request inside the control plane; the most frequent route first. */
export async function requestsByRoute(dataDir: string): Promise<Spread[]> {
  const log = await readFile(join(dataDir, "logs/samovar.log"), "utf8");
  const byRoute = new Map<string, number[]>();
  for (const line of log.split("\n")) {
    // The last line may be incomplete.
    if (!line.includes('"http.request"') || !line.endsWith("}")) continue;
    const { method, path, ms } = requestLine.parse(JSON.parse(line));
    const route = `${method} ${path.replaceAll(ID, ":id")}`;
    byRoute.set(route, [...(byRoute.get(route) ?? []), ms]);
  }
  return [...byRoute].map(([route, took]) => spread(route, took)).toSorted((a, b) => b.count - a.count);
}
