/** How the CLI starts: on which Node, and from what. Real processes, in a checkout made for each test. */
import { execFile } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";

const bin = join(import.meta.dirname, "../bin");
const SOURCE = "apps/cli/src/command-line.ts";
let checkout: string;

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), "cli-start-"));
  for (const name of ["samovar", "samovar.mjs"]) place(`apps/cli/bin/${name}`, join(bin, name));
  write(SOURCE, `const from: string = "sources"; console.log(from, process.argv.slice(2).join(","));`);
  write("package.json", `{ "type": "module" }`);
});
afterEach(() => rmSync(checkout, { recursive: true }));

function place(path: string, from: string): void {
  mkdirSync(dirname(join(checkout, path)), { recursive: true });
  copyFileSync(from, join(checkout, path));
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(checkout, path)), { recursive: true });
  writeFileSync(join(checkout, path), text);
}

/** As scripts/build-cli.ts leaves it. */
function build(): void {
  write("dist/cli/command-line.js", `console.log("bundle", process.argv.slice(2).join(","));`);
  const { mtimeMs, size } = statSync(join(checkout, SOURCE));
  write("dist/cli/sources.json", JSON.stringify({ [SOURCE]: [mtimeMs, size] }));
}

async function start(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  // Node hands the variable on to each child that is given none.
  const given = { PATH: "/usr/bin:/bin", XDG_CACHE_HOME: join(checkout, "cache"), NODE_V8_COVERAGE: "", ...env };
  return (await promisify(execFile)(file, args, { env: given })).stdout.trim();
}

const startMain = (env?: Readonly<Record<string, string>>) =>
  start(process.execPath, [join(checkout, "apps/cli/bin/samovar.mjs"), "tasks", "--json"], env);

it("runs the bundle while its sources are unchanged, and the sources otherwise", async () => {
  expect(await startMain()).toBe("sources tasks,--json");
  build();
  expect(await startMain()).toBe("bundle tasks,--json");
  const { atime, mtimeMs } = statSync(join(checkout, SOURCE));
  utimesSync(join(checkout, SOURCE), atime, (mtimeMs + 1_000) / 1_000);
  expect(await startMain()).toBe("sources tasks,--json");
  build();
  rmSync(join(checkout, "dist/cli/sources.json"));
  expect(await startMain()).toBe("sources tasks,--json");
});

it("runs the sources while coverage is measured", async () => {
  build();
  expect(await startMain({ NODE_V8_COVERAGE: join(checkout, "coverage") })).toBe("sources tasks,--json");
});

it("starts on the bundled Node through npm's link, from any directory", async () => {
  mkdirSync(join(checkout, "node_modules/.bin"), { recursive: true });
  mkdirSync(join(checkout, "node_modules/node/bin"), { recursive: true });
  symlinkSync(process.execPath, join(checkout, "node_modules/node/bin/node"));
  symlinkSync("../../apps/cli/bin/samovar", join(checkout, "node_modules/.bin/samovar"));
  expect(await start(join(checkout, "node_modules/.bin/samovar"), ["run", "two words"])).toBe("sources run,two words");
});

it("explains what to do when Node is too old", async () => {
  const old = `Object.defineProperty(process.versions, "node", { value: "20.1.0" });`;
  write("old.cjs", old);
  const args = ["-r", join(checkout, "old.cjs"), join(checkout, "apps/cli/bin/samovar.mjs")];
  await expect(start(process.execPath, args)).rejects.toMatchObject({
    code: 2,
    stderr: "Samovar needs Node 24, but this is Node 20.1.0.\nInstall it with: npm ci\n",
  });
});
