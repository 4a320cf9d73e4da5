/** The demo's repository: a real one, with a bug and a failing test. */
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const BROKEN = `/** The price of \`count\` cups, with one free cup for every ten. */
export function priceOf(count, perCup) {
  return count * perCup;
}
`;

const FIXED = `/** The price of \`count\` cups, with one free cup for every ten. */
export function priceOf(count, perCup) {
  const free = Math.floor(count / 10);
  return (count - free) * perCup;
}
`;

const TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { priceOf } from "./price.mjs";

test("nine cups are paid in full", () => assert.equal(priceOf(9, 2), 18));
test("the tenth cup is free", () => assert.equal(priceOf(10, 2), 18));
`;

/** The demo's task, as steps for the script agent. */
export const DEMO_TASK = `Fix the failing test

The tea house gives every tenth cup away, but the price does not account for it.

\`\`\`plan
- [ ] See the test fail
- [ ] Give every tenth cup away
- [ ] See the test pass
\`\`\`

\`\`\`sh continue
node --test
\`\`\`

\`\`\`say
The second test fails: ten cups cost 20, but the tenth is free. \`priceOf\` must not charge for every tenth cup.
\`\`\`

\`\`\`write price.mjs
${FIXED}\`\`\`

\`\`\`sh
node --test
\`\`\`

\`\`\`say
Both tests pass now. **Every tenth cup is free**, and the price of nine cups has not changed.
\`\`\`
`;

/** Creates the repository at `path`, replacing an existing one. */
export async function makeDemoRepository(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "price.mjs"), BROKEN);
  await writeFile(join(path, "price.test.mjs"), TEST);
  await writeFile(join(path, "README.md"), "# Tea house\n\nWhat cups of tea cost.\n");
  const git = (...args: string[]) => run("git", ["-C", path, ...args]);
  await git("init", "--quiet", "--initial-branch=main");
  await git("add", "--all");
  const identity = ["-c", "user.name=Tea house", "-c", "user.email=tea@localhost", "-c", "commit.gpgsign=false"];
  await git(...identity, "commit", "--quiet", "--message", "Price of tea");
}
