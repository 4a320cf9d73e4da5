/**
 * Checks the table of `docs/security.md`: it has each of the 42 checks once, every test that it names exists, and a check that
 * counts as shown names a test. Then the section of the escape suite, which must be what the probes say; `--write` brings it up to date.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ESCAPE_BEGIN, ESCAPE_END, ESCAPE_REFERENCES, formatEscapeSuite } from "./escape-suite.ts";

const root = join(import.meta.dirname, "..");
const page = "docs/security.md";
const CHECKS = 42;
const STATES: ReadonlySet<string> = new Set(["shown", "partly", "open"]);

interface Row {
  readonly check: number;
  readonly tests: string;
  readonly state: string;
}

if (process.argv.includes("--write")) writeEscapeSuite();
const rows = readFileSync(join(root, page), "utf8").split("\n").flatMap(readRow);
const faults = [...checkNumbers(rows), ...rows.flatMap(checkRow), ...checkEscapeSuite()];
if (faults.length > 0) {
  console.error(`${page}:\n${faults.join("\n")}`);
  process.exitCode = 1;
}

function readRow(line: string): Row[] {
  const [, check = "", , tests = "", state = ""] = line.split("|").map((cell) => cell.trim());
  return /^\d+$/.test(check) ? [{ check: Number(check), tests, state }] : [];
}

function checkNumbers(all: readonly Row[]): string[] {
  const isOrdered = all.length === CHECKS && all.every(({ check }, at) => check === at + 1);
  return isOrdered ? [] : [`  the table must have the checks 1 to ${CHECKS}, each once and in order`];
}

function checkRow({ check, tests, state }: Row): string[] {
  const named = readNamed(tests);
  const faults = [
    ...(STATES.has(state) ? [] : [`the state "${state}" is none of ${[...STATES].join(", ")}`]),
    ...(state === "shown" && named.length === 0 ? ["it counts as shown, but no test is named"] : []),
    ...named.flatMap(({ path, titles }) => findMissing(path, titles)),
  ];
  return faults.map((fault) => `  check ${check}: ${fault}`);
}

function readNamed(tests: string): readonly { readonly path: string; readonly titles: string }[] {
  const found = [...tests.matchAll(/`([^`]+)`((?:,?\s*"[^"]+")*)/g)];
  return found.map(([, path = "", titles = ""]) => ({ path, titles }));
}

function findMissing(path: string, titles: string): string[] {
  const file = join(root, path);
  if (!/\.test\.tsx?$/.test(path) || !existsSync(file)) return [`there is no test file ${path}`];
  const quoted = [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title);
  if (quoted.length === 0) return [`no title is given for ${path}`];
  const text = readFileSync(file, "utf8");
  return quoted.filter((title) => !text.includes(title)).map((title) => `${path} has no test "${title}"`);
}

/** The section's beginning, itself and its end; null where the page has no such section. */
function splitPage(): readonly [before: string, section: string, after: string] | null {
  const text = readFileSync(join(root, page), "utf8");
  const [from, to] = [text.indexOf(ESCAPE_BEGIN), text.indexOf(ESCAPE_END)];
  if (from === -1 || to < from) return null;
  const end = to + ESCAPE_END.length;
  return [text.slice(0, from), text.slice(from, end), text.slice(end)];
}

function writeEscapeSuite(): void {
  const parts = splitPage();
  if (parts !== null) writeFileSync(join(root, page), [parts[0], formatEscapeSuite(), parts[2]].join(""));
}

function checkEscapeSuite(): string[] {
  const missing = readNamed(ESCAPE_REFERENCES).flatMap(({ path, titles }) => findMissing(path, titles));
  const isUpToDate = splitPage()?.[1] === formatEscapeSuite();
  return [
    ...missing.map((fault) => `  escape suite: ${fault}`),
    ...(isUpToDate
      ? []
      : ["  the section of the escape suite differs from the probes: node scripts/check-security-tests.ts --write"]),
  ];
}
