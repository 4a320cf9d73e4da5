/**
 * Checks the table of `docs/security.md`: it has each of the 40 checks once, every test that it names exists, and a check that
 * counts as shown names a test.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const page = "docs/security.md";
const CHECKS = 40;
const STATES: ReadonlySet<string> = new Set(["shown", "partly", "open"]);

interface Row {
  readonly check: number;
  readonly tests: string;
  readonly state: string;
}

const rows = readFileSync(join(root, page), "utf8").split("\n").flatMap(readRow);
const faults = [...checkNumbers(rows), ...rows.flatMap(checkRow)];
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
  const named = [...tests.matchAll(/`([^`]+)`((?:,?\s*"[^"]+")*)/g)];
  const faults = [
    ...(STATES.has(state) ? [] : [`the state "${state}" is none of ${[...STATES].join(", ")}`]),
    ...(state === "shown" && named.length === 0 ? ["it counts as shown, but no test is named"] : []),
    ...named.flatMap(([, path = "", titles = ""]) => findMissing(path, titles)),
  ];
  return faults.map((fault) => `  check ${check}: ${fault}`);
}

function findMissing(path: string, titles: string): string[] {
  const file = join(root, path);
  if (!/\.test\.tsx?$/.test(path) || !existsSync(file)) return [`there is no test file ${path}`];
  const quoted = [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title);
  if (quoted.length === 0) return [`no title is given for ${path}`];
  const text = readFileSync(file, "utf8");
  return quoted.filter((title) => !text.includes(title)).map((title) => `${path} has no test "${title}"`);
}
