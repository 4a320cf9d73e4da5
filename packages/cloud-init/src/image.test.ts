/** The recipe of an image: its user data, and the script that makes it with a scripted `hcloud`. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { userDataInput } from "./builders.testing.ts";
import { IMAGE_STEPS, renderImageUserData } from "./image.ts";
import { parseUserData } from "./parse.ts";
import { PATHS, renderUserData, TOOLS } from "./render.ts";

const run = promisify(execFile);
const script = join(import.meta.dirname, "../../../infra/image/create-image.sh");
let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "samovar-image-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("the image's user data", () => {
  test("has the steps of a first boot that need no installation, and powers off only when all have succeeded", () => {
    const parsed = parseUserData(renderImageUserData());
    if (!parsed.ok) return expect.fail(parsed.error);
    const [command = []] = parsed.value.runcmd;
    expect(command[2]).toMatch(/^set -e; .*; poweroff$/);
    for (const step of IMAGE_STEPS) expect(command[2]).toContain(`sh ${PATHS.installScript} ${step.join(" ")};`);
    expect(command[2]).not.toContain("agent");
    expect(parsed.value.files.map(({ path }) => path)).toEqual([PATHS.installScript]);
  });

  test("installs every package that a node's own first boot asks for", () => {
    const node = parseUserData(renderUserData(userDataInput()));
    const steps = node.ok ? node.value.runcmd : [];
    expect(steps).toContainEqual(["sh", PATHS.installScript, "tools", ...TOOLS]);
    expect(IMAGE_STEPS).toContainEqual(["tools", "curl", ...TOOLS]);
  });
});

describe("create-image.sh", () => {
  /** `answers`: what each `hcloud server describe` prints, in order; then it is an error, as for a server that is gone. */
  function scriptHcloud(answers: readonly string[], created = "Image 4711 created from server 42"): void {
    mkdirSync(join(directory, "bin"));
    writeFileSync(join(directory, "answers"), answers.map((each) => `${each}\n`).join(""));
    const hcloud = `#!/bin/sh
cd '${directory}'
echo "$*" >>calls
case "$2" in
  create) for file in "$@"; do :; done; cp "$file" given ;;
  describe) sed -n 1p answers | grep . || exit 1; sed -i 1d answers ;;
  create-image) echo '${created}' ;;
esac
`;
    writeFileSync(join(directory, "bin/hcloud"), hcloud, { mode: 0o755 });
    writeFileSync(join(directory, "bin/sleep"), "#!/bin/sh\n", { mode: 0o755 });
  }
  const create = (env: Readonly<Record<string, string>> = {}) =>
    run("/bin/sh", [script, "cx23", "fsn1"], {
      env: { PATH: `${directory}/bin:/usr/bin:/bin`, NODE: process.execPath, TMPDIR: directory, ...env },
    });
  const calls = () =>
    readFileSync(join(directory, "calls"), "utf8")
      .replaceAll(/samovar-image-\d+/g, "NAME")
      .trimEnd();

  test("prints the id of the snapshot, and deletes the server", async () => {
    scriptHcloud(["initializing", "running", "off", "off"]);
    const { stdout, stderr } = await create();
    expect(stdout).toBe("4711\n");
    expect(stderr).toContain("HETZNER_IMAGE=4711");
    expect(readFileSync(join(directory, "given"), "utf8")).toBe(renderImageUserData());
    expect(
      calls()
        .split("\n")
        .map((call) => call.split(" ")[1]),
    ).toEqual(["create", "describe", "describe", "describe", "create-image", "describe", "delete"]);
    expect(calls()).toContain("server create --name NAME --type cx23 --image debian-12 --location fsn1 ");
  });

  test("deletes the server, and says what to do, when the installation does not finish", async () => {
    scriptHcloud(Array.from({ length: 9 }, () => "running"));
    await expect(create({ SAMOVAR_IMAGE_TIMEOUT_S: "20" })).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("did not finish within 20 s"),
    });
    expect(calls().split("\n").at(-1)).toBe("server delete NAME");
    expect(calls()).not.toContain("create-image");
  });

  test("fails when hcloud does not name the snapshot", async () => {
    scriptHcloud(["off", "off"], "something else");
    await expect(create()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("something else") });
    expect(existsSync(join(directory, "calls"))).toBe(true);
  });

  test("[lesson 44] is plain POSIX shell", async () => {
    await expect(run("dash", ["-n", script])).resolves.toBeDefined();
  });
});
