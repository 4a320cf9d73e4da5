/** What the page fetches before its first transcript, from the build's manifest: gzipped bytes of JavaScript and CSS. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as z from "zod";

const web = join(import.meta.dirname, "../dist/web");

const manifest = z.record(
  z.string(),
  z.object({ file: z.string(), imports: z.array(z.string()).default([]), css: z.array(z.string()).default([]) }),
);

export async function initialBytes(): Promise<{ readonly js: number; readonly css: number }> {
  const chunks = manifest.parse(JSON.parse(await readFile(join(web, ".vite/manifest.json"), "utf8")));
  const js = new Set<string>();
  const css = new Set<string>();
  const waiting = ["index.html"];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const chunk = chunks[name];
    if (chunk === undefined || js.has(chunk.file)) continue;
    js.add(chunk.file);
    for (const file of chunk.css) css.add(file);
    waiting.push(...chunk.imports);
  }
  return { js: await gzipped([...js, "theme.js"]), css: await gzipped([...css]) };
}

async function gzipped(files: readonly string[]): Promise<number> {
  const sizes = await Promise.all(files.map(async (file) => gzipSync(await readFile(join(web, file))).length));
  return sizes.reduce((sum, size) => sum + size, 0);
}
