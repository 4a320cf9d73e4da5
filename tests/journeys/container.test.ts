/** The container image: built from the Dockerfile without a registry, it runs the demo, and `samovar up` for a public address. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { reportOmission } from "@samovar/testing";
import { startTestEngine } from "@samovar/testing/docker-engine";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

const root = join(import.meta.dirname, "../..");
const NAME = `samovar-journey-${process.pid}`;
const found = await startTestEngine();

if (typeof found === "string") {
  test("without a docker engine, this journey is named at the end of the run", () => {
    reportOmission({ what: "the container image", tests: 3, reason: found });
  });
} else {
  const engine = found;
  describe("the image", () => {
    beforeAll(() => {
      execFileSync(process.execPath, [join(root, "scripts/assemble-image.ts")], { cwd: root });
      const images = ["BUILD_IMAGE", "BASE_IMAGE"].flatMap((name) => ["--build-arg", `${name}=${engine.image}`]);
      // Without a network: nothing is fetched.
      engine.docker(
        "build",
        "--network",
        "none",
        ...images,
        "--file",
        join(root, "deploy/Dockerfile"),
        "--tag",
        NAME,
        root,
      );
    });

    afterAll(async () => {
      engine.docker("rmi", "--force", NAME);
      await engine.stop();
    });

    const run = (...args: readonly string[]) =>
      spawnSync("docker", [...(engine.address === null ? [] : ["--host", engine.address]), "run", ...args], {
        encoding: "utf8",
      });

    test("[R53] runs the demo as an ordinary user, without capabilities and without a network", () => {
      const hardened = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
      const demo = run(
        "--rm",
        "--init",
        "--network",
        "none",
        ...hardened,
        NAME,
        "demo",
        "--once",
        "--data-dir",
        "/data/demo",
      );
      expect(demo.stdout + demo.stderr).toMatch(/transcript complete: (\d+)\/\1 messages/);
      expect(demo.status, demo.stderr).toBe(0);
      const who = run("--rm", "--network", "none", "--entrypoint", "id", NAME, "-u");
      expect(who.stdout.trim()).toBe("10001");
    });

    test("[R53] [security 42] refuses to listen for others without a public address, and says what is missing", () => {
      const refused = run("--rm", "--network", "none", NAME);
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toContain("--public-url");
    });

    test("[R53] serves a public address, is healthy, keeps its data and stops cleanly", async () => {
      const settings = ["--env", "SAMOVAR_PUBLIC_URL=https://samovar.example", "--env", "SAMOVAR_CLOUD=hetzner"];
      expect(run("--detach", "--init", "--network", "none", "--name", NAME, ...settings, NAME).status).toBe(0);
      try {
        const ask = `fetch("http://127.0.0.1:7266/api/health").then(async (r) => console.log(r.status, await r.text()))`;
        await vi.waitFor(() => expect(engine.docker("exec", NAME, "node", "-e", ask)).toBe('200 {"ok":true}\n'), {
          interval: 300,
        });
        const samovar = (...words: string[]) =>
          engine.docker("exec", NAME, "node", "/opt/samovar/apps/cli/bin/samovar.mjs", ...words);
        expect(samovar("login")).toMatch(/^https:\/\/samovar\.example\/sign-in#/);
        expect(samovar("backup", "/data/backup.tar.gz")).toContain("Samovar stood still for");
        engine.docker("stop", "--time", "60", NAME);
        expect(engine.docker("inspect", "--format", "{{.State.ExitCode}}", NAME).trim()).toBe("0");
      } finally {
        engine.docker("rm", "--force", "--volumes", NAME);
      }
    });
  });
}

test("the compose file opens the proxy's ports only, and gives Samovar the proxy that it trusts", () => {
  const text = readFileSync(join(root, "deploy/compose.yaml"), "utf8");
  const [samovar = "", caddy = ""] = text.split(/^ {2}caddy:$/m);
  expect(samovar).not.toContain("ports:");
  expect(samovar).toContain('TRUSTED_PROXIES: "1"');
  expect(caddy.match(/^ {6}- "\d+:\d+"$/gm)).toEqual(['      - "80:80"', '      - "443:443"']);
  expect(caddy).toContain("SAMOVAR_UPSTREAM: samovar:7266");
  expect(caddy).toContain("./Caddyfile:/etc/caddy/Caddyfile:ro");
});

test("systemd accepts the unit, and counts it among the well protected ones", () => {
  const unit = join(root, "deploy/samovar.service");
  if (spawnSync("systemd-analyze", ["--version"]).status !== 0) {
    reportOmission({ what: "systemd's check of the unit", tests: 1, reason: "systemd is not installed" });
    return;
  }
  const checked = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
  // The only thing it may miss on this machine is the checkout in /opt.
  const complaints = checked.stderr.split("\n").filter((line) => line.includes("samovar.service"));
  expect(complaints.filter((line) => !line.includes("/opt/samovar/"))).toEqual([]);
  const judged = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=45", unit], {
    encoding: "utf8",
  });
  expect(judged.status, judged.stdout.split("\n").slice(-3).join("\n")).toBe(0);
});
