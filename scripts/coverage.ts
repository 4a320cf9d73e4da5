/**
 * Computes the coverage of the unit tests and checks its limits (R40). Much of Samovar is processes that start
 * processes; V8 reports what those ran (`NODE_V8_COVERAGE`), which is merged, statement by statement, with what Istanbul
 * counted inside the test runner. Node strips types without moving a character, so V8's offsets are those of the source.
 */
import { readFile, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(import.meta.dirname, "..");
const folder = join(root, "coverage");

/** Over 90 % for the code of messages, nodes and tasks; over 80 % overall. */
const LIMITS: readonly { readonly name: string; readonly below: string; readonly percent: number }[] = [
  { name: "message persistence: outbox", below: "packages/outbox/src", percent: 90 },
  { name: "message persistence: sqlite", below: "packages/sqlite/src", percent: 90 },
  { name: "message persistence: project data", below: "apps/api/src/sessions/durable-object", percent: 90 },
  { name: "node lifecycle", below: "apps/api/src/nodes/durable-object", percent: 90 },
  { name: "task execution", below: "apps/api/src/tasks/workflow", percent: 90 },
  { name: "client", below: "packages/client/src", percent: 90 },
  { name: "pure cores", below: "packages/domain/src", percent: 90 },
  { name: "overall", below: "", percent: 80 },
];

interface Statement {
  readonly start: { readonly line: number; readonly column: number };
}

interface CountedFile {
  readonly statementMap: Readonly<Record<string, Statement>>;
  readonly s: Readonly<Record<string, number>>;
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Tally {
  readonly path: string;
  readonly covered: number;
  readonly total: number;
}

/** Prints the table, and returns a sentence for each limit that is not met. */
export async function checkCoverage(): Promise<string[]> {
  const counted = await countedFiles();
  if (counted === null) return ["coverage was not counted: the unit tests broke before their end"];
  const ran = await rangesOfProcesses(new Set(Object.keys(counted)));
  const files = await Promise.all(
    Object.entries(counted).map(([path, file]) => countTally(path, file, ran.get(path) ?? [])),
  );
  const faults: string[] = [];
  console.log("\nStatements covered");
  for (const { name, below, percent } of LIMITS) {
    const some = files.filter(({ path }) => path.startsWith(below));
    const share = (100 * sum(some, "covered")) / sum(some, "total");
    console.log(`${name.padEnd(36)} ${share.toFixed(1).padStart(6)} %   (limit ${percent} %)`);
    if (!(share >= percent)) faults.push(`coverage of ${name} is ${share.toFixed(1)} %, below ${percent} %`);
  }
  return faults;
}

async function countedFiles(): Promise<Record<string, CountedFile> | null> {
  try {
    return JSON.parse(await readFile(join(folder, "coverage-final.json"), "utf8")) as Record<string, CountedFile>;
  } catch {
    return null;
  }
}

const sum = (files: readonly Tally[], field: "covered" | "total") => files.reduce((all, file) => all + file[field], 0);

async function countTally(path: string, file: CountedFile, runs: readonly (readonly Range[])[]): Promise<Tally> {
  const lines = lineOffsets(await readFile(path, "utf8"));
  const statements = Object.entries(file.statementMap);
  const covered = statements.filter(([id, { start }]) => {
    if ((file.s[id] ?? 0) > 0) return true;
    const offset = (lines[start.line - 1] ?? 0) + start.column;
    return runs.some((ranges) => countAt(ranges, offset) > 0);
  });
  return { path: relative(root, path), covered: covered.length, total: statements.length };
}

/** V8's ranges nest: the innermost one around the offset has its count. */
function countAt(ranges: readonly Range[], offset: number): number {
  let innermost: Range | null = null;
  for (const range of ranges) {
    if (offset < range.startOffset || offset >= range.endOffset) continue;
    if (innermost === null || range.endOffset - range.startOffset <= innermost.endOffset - innermost.startOffset)
      innermost = range;
  }
  return innermost?.count ?? 0;
}

function lineOffsets(source: string): number[] {
  const offsets = [0];
  for (let at = source.indexOf("\n"); at !== -1; at = source.indexOf("\n", at + 1)) offsets.push(at + 1);
  return offsets;
}

interface ProcessReport {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Range[] }[];
  }[];
}

/** Null when a killed process had not finished writing the file. */
function wholeReport(text: string): ProcessReport | null {
  try {
    return JSON.parse(text) as ProcessReport;
  } catch {
    return null;
  }
}

/** For each file: the ranges of each process that ran it. */
async function rangesOfProcesses(files: ReadonlySet<string>): Promise<Map<string, (readonly Range[])[]>> {
  const found = new Map<string, (readonly Range[])[]>();
  for (const name of await readdir(join(folder, "processes")).catch(() => [])) {
    const report = wholeReport(await readFile(join(folder, "processes", name), "utf8"));
    for (const { url, functions } of report?.result ?? []) {
      const path = url.startsWith("file:") ? fileURLToPath(url) : "";
      if (!files.has(path)) continue;
      found.set(path, [...(found.get(path) ?? []), functions.flatMap(({ ranges }) => ranges)]);
    }
  }
  return found;
}
