/** Debian packages of programs that the tests use and npm does not have. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** The file whose presence shows that a package is installed. */
const SHOWS: Record<string, string> = {
  bubblewrap: "/usr/bin/bwrap",
  caddy: "/usr/bin/caddy",
  chromium: "/usr/bin/chromium",
  "cloud-init": "/usr/bin/cloud-init",
  "docker.io": "/usr/sbin/dockerd",
  "hcloud-cli": "/usr/bin/hcloud",
  procps: "/usr/bin/ps",
  curl: "/usr/bin/curl",
  "git-lfs": "/usr/bin/git-lfs",
  "openssh-server": "/usr/sbin/sshd",
  "golang-go": "/usr/bin/go",
  "python3-venv": "/usr/share/doc/python3-venv",
  rustc: "/usr/bin/rustc",
  cargo: "/usr/bin/cargo",
  "python3-yaml": "/usr/lib/python3/dist-packages/yaml/__init__.py",
};

/** Installs missing packages, as root or with sudo. Throws with what to do when neither works. */
export async function installSystemPackages(packages: readonly string[]): Promise<void> {
  const missing = packages.filter((name) => !existsSync(SHOWS[name] ?? ""));
  if (missing.length === 0) return;
  console.error(`Installing ${missing.join(", ")} …`);
  const apt = (args: readonly string[]) => {
    const words = process.getuid?.() === 0 ? ["apt-get", ...args] : ["sudo", "-n", "apt-get", ...args];
    const [program = "apt-get", ...rest] = words;
    const done = spawnSync(program, rest, {
      stdio: ["ignore", "ignore", "inherit"],
      // The tests start their own engine: the system's, with its changes of the firewall, is left as it is.
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", SYSTEMD_OFFLINE: "1" },
    });
    if (done.status !== 0)
      throw new Error(`These are needed for the tests: ${missing.join(", ")}. Install them, then try again.`);
  };
  apt(["update", "-qq"]);
  apt(["install", "-y", "-qq", "--no-install-recommends", ...missing]);
}
