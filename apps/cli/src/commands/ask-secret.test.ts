/** The question on a real terminal (that of util-linux's `script`): what is typed is taken, and never shown. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const module = fileURLToPath(new URL("ask-secret.ts", import.meta.url));
const ASK = `import(${JSON.stringify(module)}).then(async ({ askSecret }) => {
  try { const got = await askSecret("Secret? "); console.log("length " + (got === null ? "none" : got.length)); }
  catch (error) { console.log("refused: " + error.message); }
  process.exit(0);
});`;

/** Types once it is asked; answers everything that the terminal showed. */
function typing(keys: string): Promise<string> {
  const command = [process.execPath, "--input-type=module", "-e", ASK].map(
    (word) => `'${word.replaceAll("'", "'\\''")}'`,
  );
  const child = spawn("script", ["-qefc", command.join(" "), "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  let shown = "";
  let typed = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    if (typed || !shown.includes("Secret? ")) return;
    typed = true;
    child.stdin.write(keys);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(shown));
  });
}

describe("[S1] prompting for a secret", () => {
  it("does not echo it, and accepts corrections", async () => {
    const shown = await typing("s3cret-of-mine\u007f\u007fXY\r");
    expect(shown).toContain("length 14");
    expect(shown).not.toMatch(/s3cret|mine|XY/);
  });

  it("is cancelled by Ctrl-C", async () => {
    expect(await typing("half\u0003")).toContain("refused: Nothing was stored.");
  });
});
