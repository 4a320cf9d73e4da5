/** axe-core in a page: WCAG 2.0 to 2.2, levels A and AA. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import * as z from "zod";

const source = await readFile(join(import.meta.dirname, "../../node_modules/axe-core/axe.min.js"), "utf8");

const findings = z.array(
  z.object({
    id: z.string(),
    impact: z.string().nullable(),
    help: z.string(),
    nodes: z.array(z.object({ html: z.string(), failureSummary: z.string().optional() })),
  }),
);

const EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** The rules that depend on the theme. */
const COLOURS = ["color-contrast", "link-in-text-block"];

/** Serious and critical faults, one line per element. */
export async function seriousFaults(page: Page, of: "everything" | "colours" = "everything"): Promise<string[]> {
  // Bypasses the page's content security policy, as the developer tools do.
  await page.evaluate(source);
  const found = findings.parse(
    await page.evaluate(`axe.run(document, {
      runOnly: ${JSON.stringify(of === "everything" ? EVERYTHING : COLOURS)},
      resultTypes: ['violations'],
    }).then(({ violations }) => violations)`),
  );
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(
        ({ html, failureSummary = "" }) => `${id}: ${html.slice(0, 160)} — ${failureSummary.split("\n")[1]?.trim()}`,
      ),
    );
}
