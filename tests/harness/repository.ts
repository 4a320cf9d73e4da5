/** Real git repositories for tests. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export function git(directory: string, ...args: readonly string[]): string {
  return execFileSync("git", ["-C", directory, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

/** Creates a repository on `main` with one commit of these files. */
export function makeRepository(
  directory: string,
  files: Readonly<Record<string, string>> = { "README.md": "# Tea\n" },
): string {
  mkdirSync(directory, { recursive: true });
  git(directory, "init", "--quiet", "--initial-branch=main");
  git(directory, "config", "user.name", "Test");
  git(directory, "config", "user.email", "test@localhost");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  if (Object.keys(files).length > 0) {
    git(directory, "add", "--all");
    git(directory, "commit", "--quiet", "--message", "First");
  }
  return directory;
}

/** Creates a bare repository with the same commit, like one on a git host; its hooks run on pushes. */
export function makeRemote(
  directory: string,
  hooks: Readonly<Record<string, string>> = {},
  files?: Readonly<Record<string, string>>,
): string {
  const source = makeRepository(`${directory}.source`, files);
  execFileSync("git", ["clone", "--quiet", "--bare", "--", source, directory]);
  for (const [name, text] of Object.entries(hooks))
    writeFileSync(join(directory, "hooks", name), text, { mode: 0o755 });
  return directory;
}
