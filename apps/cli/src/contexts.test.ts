/** Which Samovar a command uses, from the command line, the environment and the file of contexts. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { anApiTokenView } from "@samovar/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  addContext,
  chooseRemote,
  getContextsFile,
  readAddress,
  readContexts,
  removeContext,
  useContext,
  writeContexts,
} from "./contexts.ts";

let home = "";
let env: Record<string, string> = {};
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "cli-contexts-"));
  env = { HOME: home };
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const remote = (name: string) => ({
  name,
  url: `https://${name}.example.com`,
  token: `smv_${name}`,
  tokenId: anApiTokenView().id,
  expiresAt: 9,
});

/** Work and home are known; home is the current one. */
async function withTwo(): Promise<void> {
  await writeContexts(env, addContext(addContext(await readContexts(env), remote("work")), remote("home")));
}

describe("the file of contexts", () => {
  it("[S1] is readable only by its owner, and says nothing before the first sign-in", async () => {
    expect(await readContexts(env)).toEqual({ version: 1, current: null, contexts: [] });
    await withTwo();
    expect(statSync(getContextsFile(env)).mode & 0o777).toBe(0o600);
    expect((await readContexts(env)).contexts.map(({ name }) => name)).toEqual(["home", "work"]);
    expect(getContextsFile({ XDG_CONFIG_HOME: "/elsewhere" })).toBe("/elsewhere/samovar/contexts.json");
  });

  it("that is damaged is never overwritten", async () => {
    mkdirSync(dirname(getContextsFile(env)), { recursive: true });
    writeFileSync(getContextsFile(env), "{");
    await expect(readContexts(env)).rejects.toThrow(`The file ${getContextsFile(env)} is damaged.`);
  });

  it("a new sign-in of the same name takes the place of the earlier one and is used", () => {
    const twice = addContext(addContext({ version: 1, current: null, contexts: [] }, remote("work")), {
      ...remote("work"),
      token: "smv_newer",
    });
    expect(twice).toMatchObject({ current: "work", contexts: [{ token: "smv_newer" }] });
  });

  it("once the current context is removed, commands use this machine's Samovar", async () => {
    await withTwo();
    const all = await readContexts(env);
    expect(removeContext(all, "home")).toMatchObject({ current: null, contexts: [{ name: "work" }] });
    expect(removeContext(all, "work")).toMatchObject({ current: "home" });
    expect(() => removeContext(all, "nowhere")).toThrow('There is no context "nowhere".');
  });
});

describe("a command uses", () => {
  it("this machine's Samovar where nothing else is said", async () => {
    expect(await chooseRemote({ env })).toBeNull();
  });

  it("the current context, or the one that --context names", async () => {
    await withTwo();
    expect(await chooseRemote({ env })).toMatchObject({ name: "home", url: "https://home.example.com" });
    expect(await chooseRemote({ env, context: "work" })).toMatchObject({ name: "work", token: "smv_work" });
    expect(await chooseRemote({ env, context: "local" })).toBeNull();
    await writeContexts(env, useContext(await readContexts(env), "local"));
    expect(await chooseRemote({ env })).toBeNull();
  });

  it("the data directory that the command line or the environment names", async () => {
    await withTwo();
    expect(await chooseRemote({ env, dataDir: "/data" })).toBeNull();
    expect(await chooseRemote({ env: { ...env, SAMOVAR_DATA_DIR: "/data" } })).toBeNull();
    await expect(chooseRemote({ env, dataDir: "/data", context: "work" })).rejects.toThrow("exclude each other");
  });

  it("the address and token in the environment, before the current context", async () => {
    await withTwo();
    const given = { ...env, SAMOVAR_URL: "https://ci.example.com/", SAMOVAR_TOKEN: "smv_ci" };
    expect(await chooseRemote({ env: given })).toEqual({ name: null, url: "https://ci.example.com", token: "smv_ci" });
    expect(await chooseRemote({ env: given, context: "work" })).toMatchObject({ name: "work" });
    await expect(chooseRemote({ env: { ...env, SAMOVAR_URL: "https://ci.example.com" } })).rejects.toThrow(
      "SAMOVAR_TOKEN is not",
    );
  });
});

describe("an address", () => {
  it.each([
    ["samovar.example.com", "https://samovar.example.com"],
    ["https://samovar.example.com/connect?code=x", "https://samovar.example.com"],
    ["http://127.0.0.1:7266", "http://127.0.0.1:7266"],
    ["http://localhost:7266/", "http://localhost:7266"],
  ])("%s is read as %s", (text, origin) => {
    expect(readAddress(text)).toBe(origin);
  });

  it.each([
    ["http://samovar.example.com", "is not encrypted"],
    ["https://user:secret@samovar.example.com", "is not the address of a Samovar"],
    ["", "is not the address of a Samovar"],
  ])("[S1] %s is refused: it %s", (text, why) => {
    expect(() => readAddress(text)).toThrow(why);
  });
});
