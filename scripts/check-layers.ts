/**
 * Checks who imports whom between the folders of `apps/api/src`, type imports included: nouns import each other in one
 * direction only, `http/` and `database/` import no noun, and only the composition root imports `sweep/`, `app.ts` and
 * `worker.ts`. The linter checks cycles between files (`import/no-cycle`). Tests and their helpers are exempt.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const source = join(import.meta.dirname, "../apps/api/src");
const COMPOSITION_ROOT: ReadonlySet<string> = new Set(["app.ts", "worker.ts"]);
const BELOW_NOUNS: ReadonlySet<string> = new Set(["http", "database"]);
const TEST_ONLY = /\.(?:test|testing|fixture)\.ts$|(?:^|\/)scripted-[^/]+$/;

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Folder → imported folder → the imports. A file at the top level counts as a folder. */
type FolderGraph = ReadonlyMap<string, ReadonlyMap<string, readonly Import[]>>;

const imports = globSync("**/*.ts", { cwd: source })
  .filter((path) => !TEST_ONLY.test(path))
  .flatMap(listImports);
const faults = [...forbidden(imports), ...cycles(buildGraph(imports))];
if (faults.length > 0) {
  console.error(`${faults.join("\n\n")}\n\nSee ARCHITECTURE.md, "Who may import whom".`);
  process.exitCode = 1;
}

function listImports(from: string): Import[] {
  const text = readFileSync(join(source, from), "utf8");
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, path = ""]) => ({
    from,
    to: normalize(join(dirname(from), path)),
  }));
}

function getFolder(path: string): string {
  return path.split("/", 1)[0] ?? path;
}

function forbidden(all: readonly Import[]): string[] {
  return all.flatMap((each) => {
    const [from, to] = [getFolder(each.from), getFolder(each.to)];
    if (from === to || COMPOSITION_ROOT.has(from)) return [];
    if (BELOW_NOUNS.has(from) && isNoun(to)) return [`${from}/ imports no noun:\n${line(each)}`];
    if (to === "sweep" || COMPOSITION_ROOT.has(to)) return [`${to} is for the composition root:\n${line(each)}`];
    return [];
  });
}

function isNoun(folder: string): boolean {
  return !folder.endsWith(".ts") && !folder.startsWith(".") && !BELOW_NOUNS.has(folder);
}

function buildGraph(all: readonly Import[]): FolderGraph {
  const graph = new Map<string, Map<string, Import[]>>();
  for (const each of all) {
    const [from, to] = [getFolder(each.from), getFolder(each.to)];
    if (from === to || !isNoun(from) || !isNoun(to)) continue;
    const targets = graph.get(from) ?? new Map<string, Import[]>();
    graph.set(from, targets.set(to, [...(targets.get(to) ?? []), each]));
  }
  return graph;
}

/** One message per cycle, with the imports that close it. */
function cycles(graph: FolderGraph): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (folder: string, path: readonly string[]): void => {
    const start = path.indexOf(folder);
    if (start >= 0) return void found.push(describeCycle(graph, [...path.slice(start), folder]));
    if (done.has(folder)) return;
    for (const next of graph.get(folder)?.keys() ?? []) visit(next, [...path, folder]);
    done.add(folder);
  };
  for (const folder of graph.keys()) visit(folder, []);
  return found;
}

function describeCycle(graph: FolderGraph, circle: readonly string[]): string {
  const hops = circle.slice(1).map((to, index) => graph.get(circle[index] ?? "")?.get(to) ?? []);
  return `apps/api/src: nouns import each other in a circle: ${circle.join(" → ")}\n${hops.flat().map(line).join("\n")}`;
}

function line({ from, to }: Import): string {
  return `  apps/api/src/${from} imports ${to}`;
}
