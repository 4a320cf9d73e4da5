/**
 * The pre-commit hook (`npm run hooks` installs it): checks format, lint and types of staged files. Reads the files as they are
 * in the working tree. Exits 1 with the output of the tools that fail.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = (name: string) => join(root, "node_modules/.bin", name);

/** Which TypeScript programs a path belongs to; changes of packages may break every program that imports them. */
const PROGRAMS: readonly (readonly [program: string, paths: RegExp])[] = [
  ["tsconfig.json", /^(packages|apps\/cli|[^/]+\.config\.ts)/],
  ["apps/api", /^(packages|apps\/api)/],
  ["apps/web", /^(packages|apps\/web)/],
  ["tests", /^(packages|apps\/cli|tests|bench|scripts)/],
];

const staged = execFileSync("git", ["diff", "--cached", "--name-only", "--diff-filter=ACMR", "-z"], {
  encoding: "utf8",
})
  .split("\0")
  .filter((path) => path !== "");
const sources = staged.filter((path) => /\.(ts|tsx|mjs|js)$/.test(path));
const formatted = staged.filter((path) => /\.(ts|tsx|mjs|js|json|css|html|yml)$/.test(path));
const programs = PROGRAMS.filter(([, paths]) => sources.some((path) => paths.test(path))).map(([program]) => program);

const commands: readonly (readonly [name: string, args: readonly string[]])[] = [
  ...(formatted.length > 0 ? [["oxfmt", ["--check", "--no-error-on-unmatched-pattern", ...formatted]] as const] : []),
  ...(sources.length > 0 ? [["oxlint", sources] as const] : []),
  ...programs.map((program) => ["tsc", ["-p", program]] as const),
];

for (const [name, args] of commands) {
  const { status } = spawnSync(bin(name), args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
