/** For tests: a package registry for npm and pip, on loopback. It has one package, `kettle`, whose version is 1.0.0 in both. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { listenOnLoopback } from "../listen.ts";

export interface PackageRegistry {
  readonly port: number;
  /** The checksum of the npm package, as lockfiles have it. */
  readonly integrity: string;
  /** Paths, in the order of the requests. */
  readonly requests: readonly string[];
  close(): void;
}

const TARBALL = "/kettle/-/kettle-1.0.0.tgz";
export const WHEEL = "kettle-1.0.0-py3-none-any.whl";

/** `host`: the name by which programs reach it. `directory`: for its files. */
export async function startPackageRegistry(host: string, directory: string): Promise<PackageRegistry> {
  const tarball = makeTarball(join(directory, "npm"));
  const wheel = makeWheel(join(directory, "pip"));
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const dist = { tarball: `http://${host}${TARBALL}`, integrity };
  const version = { name: "kettle", version: "1.0.0", bin: { kettle: "kettle.js" }, dist };
  const answers: Readonly<Record<string, string | Buffer>> = {
    "/kettle": JSON.stringify({ name: "kettle", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } }),
    [TARBALL]: tarball,
    "/simple/kettle/": `<!doctype html><a href="/${WHEEL}">${WHEEL}</a>`,
    [`/${WHEEL}`]: wheel,
  };
  const requests: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    requests.push(url);
    const answer = answers[url];
    response.writeHead(answer === undefined ? 404 : 200, {
      "content-type": url.startsWith("/simple/") ? "text/html" : "application/octet-stream",
    });
    response.end(answer);
  });
  const port = await listenOnLoopback(server);
  return {
    port,
    integrity,
    requests,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The lockfile of a Node project whose only dependency is `kettle`. */
export function createLockfile(host: string, { integrity }: PackageRegistry): string {
  const kettle = { version: "1.0.0", resolved: `http://${host}${TARBALL}`, integrity, bin: { kettle: "kettle.js" } };
  const packages = { "": { dependencies: { kettle: "1.0.0" } }, "node_modules/kettle": kettle };
  return JSON.stringify({ name: "tea", lockfileVersion: 3, requires: true, packages });
}

export function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}

function makeTarball(directory: string): Buffer {
  writeFiles(directory, {
    "package/package.json": JSON.stringify({ name: "kettle", version: "1.0.0", bin: { kettle: "kettle.js" } }),
    "package/index.js": "exports.boil = (cups) => cups * 3;\n",
    "package/kettle.js": `#!/usr/bin/env node\nconsole.log("the kettle sings");\n`,
  });
  execFileSync("tar", ["-C", directory, "-czf", join(directory, "kettle.tgz"), "package"]);
  return readFileSync(join(directory, "kettle.tgz"));
}

function makeWheel(directory: string): Buffer {
  const info = "kettle-1.0.0.dist-info";
  writeFiles(directory, {
    "kettle/__init__.py": "def boil(cups):\n    return cups * 3\n",
    [`${info}/METADATA`]: "Metadata-Version: 2.1\nName: kettle\nVersion: 1.0.0\n",
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${info}/RECORD`]: `kettle/__init__.py,,\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`,
  });
  execFileSync("python3", ["-m", "zipfile", "-c", WHEEL, "kettle", info], { cwd: directory });
  const wheel = readFileSync(join(directory, WHEEL));
  rmSync(join(directory, WHEEL));
  return wheel;
}
