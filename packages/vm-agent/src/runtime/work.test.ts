/** Work that agents do, in a sandbox with its network: projects are installed, built, tested, served and committed there. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { OPEN_EGRESS } from "@samovar/contracts";
import { isLong } from "@samovar/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SshServer } from "../daemon/git/servers.testing.ts";
import { PUBLIC_ADDRESS, createOutside, createUse } from "../egress/outside.testing.ts";
import { chooseRuntime } from "./choose-runtime.ts";
import { type NetworkRig, SYSTEM_PATH, openRig } from "./network/rig.testing.ts";
import { createLockfile, type PackageRegistry, startPackageRegistry, WHEEL, writeFiles } from "./packages.testing.ts";

/** This Node, and the system's npm and Python. */
const PATH = `${dirname(process.execPath)}:${SYSTEM_PATH}`;
/** Where user namespaces are restricted, there is no sandbox; the runtimes' contract says so. */
const choice = await chooseRuntime({ mode: "sandbox", readOnlyPaths: [] }, "/nonexistent", { PATH });
const REGISTRY = "registry.example";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

let node: string;
let rig: NetworkRig;
let registry: PackageRegistry;
let checkout: string;

/** A workspace whose connections to this name end at a port of loopback. */
async function open(name: string, port: number): Promise<void> {
  const outside = createOutside(port);
  outside.names.set(name, [[PUBLIC_ADDRESS]]);
  rig = await openRig(node, choice, outside);
  ends.push(() => rig.end());
  rig.network?.use(createUse(OPEN_EGRESS));
  checkout = rig.runtime.toNodePath(rig.runtime.seen.checkout ?? "") ?? "";
}

/** Runs a shell line that ends at its first failure, in a checkout with these files. Returns its output, and whether it failed. */
async function work(line: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  writeFiles(checkout, files);
  await rig.give();
  return rig.run(`set -e\ntrap '[ $? = 0 ] || echo FAILED' EXIT\n${line}`, { PATH, LANG: "C.UTF-8" });
}

interface Ability {
  readonly what: string;
  readonly line: string;
  readonly prints: RegExp;
}

const IDENTITY = "git config --global user.name Ann; git config --global user.email ann@tea.example";

/** What programs expect of a system, each found missing in some sandbox. */
const ABILITIES: readonly Ability[] = [
  {
    what: "programs run from the checkout, the home, /tmp and /dev/shm",
    line: `for place in . "$HOME" /tmp /dev/shm; do printf '#!/bin/sh\\necho ran\\n' >"$place/run"; chmod +x "$place/run"; "$place/run"; done`,
    prints: /^(ran\n){3}ran$/,
  },
  {
    what: "programs see all cores",
    line: "nproc; node -p 'os.cpus().length'",
    prints: new RegExp(`^${execFileSync("nproc", { encoding: "utf8" })}${cpus().length}$`),
  },
  {
    what: "time zones and UTF-8 work",
    line: `TZ=Asia/Tokyo date +%z; node -p 'new Date(0).toLocaleString("de", { timeZone: "Asia/Tokyo" })'; python3 -c 'import locale; print(locale.setlocale(locale.LC_ALL, ""), "чай")'`,
    prints: /^\+0900\n1\.1\.1970, 09:00:00\nC\.UTF-8 чай$/i,
  },
  {
    what: "a program watches a directory and its subdirectories",
    line: `mkdir -p deep/er; node -e 'const watcher = fs.watch(".", { recursive: true }, (event, name) => { if (name === "deep/er/leaf") { console.log(name); watcher.close(); } }); fs.writeFileSync("deep/er/leaf", "1")'`,
    prints: /^deep\/er\/leaf$/,
  },
  {
    what: "unix sockets connect in the checkout and in /tmp",
    line: `for place in "$PWD" /tmp; do node -e 'const server = net.createServer((socket) => socket.end("tea\\n")).listen(process.argv[1], () => net.connect(process.argv[1]).on("end", () => server.close()).pipe(process.stdout))' "$place/s.sock"; done`,
    prints: /^tea\ntea$/,
  },
  {
    what: "processes share memory",
    line: `python3 -c 'import multiprocessing as m; print(m.Pool(2).map(abs, [-1, -2])); from multiprocessing.shared_memory import SharedMemory as S; s = S(create=True, size=1 << 20); print(s.size); s.unlink()'`,
    prints: /^\[1, 2\]\n1048576$/,
  },
  {
    what: "a debugger attaches to a program that it started",
    line: `python3 -c '
import ctypes, subprocess
child = subprocess.Popen(["sleep", "1000"])
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
print(ptrace(16, child.pid, None, None), open(f"/proc/{child.pid}/maps").read(1) != "")
child.kill()'`,
    prints: /^0 True$/,
  },
  {
    what: "the user's home is the workspace's, for programs that do not read HOME too",
    line: `env -u HOME node -p 'os.homedir() + " " + os.userInfo().homedir'; env -u HOME python3 -c 'import os; print(os.path.expanduser("~"))'`,
    prints: /^\/home\/agent \/home\/agent\n\/home\/agent$/,
  },
  { what: "a program gets a terminal", line: "script -qec tty /dev/null", prints: /^\/dev\/pts\/\d+$/ },
  {
    what: "git makes commits, branches, clones and worktrees, and signs with a key of ssh-keygen",
    line: `${IDENTITY}; git init -q --initial-branch=main cup; cd cup; echo tea >leaf; git add leaf; git commit -q -m First
ssh-keygen -q -t ed25519 -N '' -f "$HOME/key"; git clone -q . ../clone; git worktree add -q ../tree -b side; cd ../tree; echo more >>leaf
git -c gpg.format=ssh -c user.signingkey="$HOME/key" commit -q -a -S -m Second; git log --format=%s; git cat-file -p HEAD | grep -c 'BEGIN SSH SIGNATURE'; git -C ../clone status --short --branch`,
    prints: /^Second\nFirst\n1\n## main\.\.\.origin\/main$/,
  },
];

const NODE_PROJECT = {
  "package.json": JSON.stringify({
    name: "tea",
    version: "1.0.0",
    dependencies: { kettle: "1.0.0" },
    scripts: {
      postinstall: "node -e 'fs.writeFileSync(`installed`, os.homedir())'",
      build: "mkdir -p dist && cp serve.js dist",
      test: "node --test && kettle",
    },
  }),
  "tea.test.js": `require("node:test")("three minutes a cup", () => require("assert").equal(require("kettle").boil(2), 6));\n`,
  "serve.js": `const answer = "<p id=a></p><script>a.textContent = 6 * 7</script>";
require("http").createServer((q, r) => r.setHeader("content-type", "text/html").end(answer)).listen(0, "127.0.0.1", function () {
  console.log(this.address().port);
});\n`,
};

const PYTHON_PROJECT = {
  "test_tea.py":
    "import unittest\nfrom kettle import boil\n\n\nclass Tea(unittest.TestCase):\n    def test_three_minutes_a_cup(self):\n        self.assertEqual(boil(2), 6)\n",
};

const GO_PROJECT = {
  "go.mod": "module tea.example/tea\n\ngo 1.18\n",
  "tea.go": `package main\n\nimport "fmt"\n\nfunc boil(cups int) int { return cups * 3 }\n\nfunc main() { fmt.Println("minutes:", boil(2)) }\n`,
  "tea_test.go": `package main\n\nimport "testing"\n\nfunc TestBoil(t *testing.T) {\n\tif boil(2) != 6 {\n\t\tt.Fatal("not three minutes a cup")\n\t}\n}\n`,
};

const RUST_PROJECT = {
  "Cargo.toml": `[package]\nname = "tea"\nversion = "1.0.0"\nedition = "2021"\n`,
  "src/main.rs": `fn boil(cups: u32) -> u32 {\n    cups * 3\n}\n\nfn main() {\n    println!("minutes: {}", boil(2));\n}\n\n#[test]\nfn three_minutes_a_cup() {\n    assert_eq!(boil(2), 6);\n}\n`,
};

if (choice.kind === "sandbox") {
  describe("[R48] [R50] in a sandbox", () => {
    beforeEach(async () => {
      node = mkdtempSync(join(tmpdir(), "smv-work-"));
      ends.push(() => rmSync(node, { recursive: true, force: true }));
      registry = await startPackageRegistry(REGISTRY, join(node, "registry"));
      ends.push(() => registry.close());
      await open(REGISTRY, registry.port);
    });

    test.for(ABILITIES)("$what", async ({ line, prints }) => {
      expect((await work(line)).replaceAll("\r", "")).toMatch(prints);
    });

    test("a Node project is installed by its lockfile from a registry, built and tested", async () => {
      const files = { ...NODE_PROJECT, "package-lock.json": createLockfile(REGISTRY, registry) };
      const output = await work(
        `npm ci --registry http://${REGISTRY}/ --no-audit; cat installed; npm run build; ls dist; npm test`,
        files,
      );
      expect(output).toContain("added 1 package");
      expect(output).toContain("/home/agent");
      expect(output).toMatch(/^serve\.js$/m);
      expect(output).toMatch(/pass 1$/m);
      expect(output).toMatch(/^the kettle sings$/m);
      expect(output).not.toContain("FAILED");
      expect(registry.requests).toContain("/kettle/-/kettle-1.0.0.tgz");
    });

    test("a development server on loopback is fetched by curl, and by a browser that runs its page", async () => {
      const browser = `chromium --headless --no-sandbox --disable-gpu --dump-dom`;
      const output = await work(
        `mkfifo up; node serve.js >up & read -r port <up; curl -s -w '\\n' http://localhost:$port/; ${browser} http://127.0.0.1:$port/ 2>chromium.log || cat chromium.log; kill $!`,
        NODE_PROJECT,
      );
      expect(output).toContain("<p id=a></p><script>");
      expect(output).toContain('<p id="a">42</p>');
    });

    test("a Python project gets an environment and packages from an index and from a directory, and is tested", async () => {
      const index = `--index-url http://${REGISTRY}/simple/ --trusted-host ${REGISTRY}`;
      const output = await work(
        `python3 -m venv .venv; . .venv/bin/activate; pip download -q ${index} -d wheels kettle; ls wheels
pip install -q --no-index --find-links wheels kettle; python3 -m unittest 2>&1; python3 -c 'import sys; print(sys.prefix)'`,
        PYTHON_PROJECT,
      );
      expect(output).toContain(WHEEL);
      expect(output).toMatch(/Ran 1 test in .*\n\nOK/);
      expect(output).toMatch(/\/workspace\/\.venv$/);
      expect(registry.requests).toEqual(["/simple/kettle/", `/${WHEEL}`]);
    });

    test("git clones and pushes over ssh, with the key and the known hosts of the workspace's home", async () => {
      const server = await new SshServer(join(node, "sshd")).start();
      ends.push(() => server.stop());
      await open("git.example", server.port);
      const home = rig.runtime.toNodePath(rig.runtime.seen.home) ?? "";
      writeFiles(home, { ".ssh/config": "StrictHostKeyChecking accept-new\n" });
      cpSync(join(node, "sshd/user"), join(home, ".ssh/id_ed25519"));
      const bare = join(node, "cup.git");
      execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", bare]);
      const output = await work(
        `${IDENTITY}; git clone -q ssh://${userInfo().username}@git.example${bare} cup; cd cup; git commit -q --allow-empty -m Tea; git push -q origin HEAD:main; git ls-remote origin 2>&1`,
      );
      expect(output).toMatch(/\trefs\/heads\/main$/);
      expect(execFileSync("git", ["-C", bare, "log", "--format=%an %s", "main"], { encoding: "utf8" })).toBe(
        "Ann Tea\n",
      );
      expect(readFileSync(join(home, ".ssh/known_hosts"), "utf8")).toMatch(/^(git\.example|\|1\|)/);
    });

    if (isLong) {
      test("a Go program is built and tested, with its cache in the home", async () => {
        const output = await work(`go vet; go build; ./tea; go test; go env GOCACHE`, GO_PROJECT);
        expect(output).toMatch(/^minutes: 6$/m);
        expect(output).toMatch(/^ok\s+tea\.example\/tea/m);
        expect(output).toMatch(/^\/home\/agent\/\.cache\/go-build$/m);
        expect(output).not.toContain("FAILED");
      });

      test("a Rust program is built and tested", async () => {
        const output = await work(`cargo build --offline; target/debug/tea; cargo test --offline`, RUST_PROJECT);
        expect(output).toMatch(/^minutes: 6$/m);
        expect(output).toMatch(/test three_minutes_a_cup \.\.\. ok/);
        expect(output).not.toContain("FAILED");
      });
    }
  });
}
