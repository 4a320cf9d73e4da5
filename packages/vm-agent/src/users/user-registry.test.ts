import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UserRegistry, WORKSPACE_IDS } from "./user-registry.ts";

let root: string;
let registry: UserRegistry;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "smv-users-"));
  registry = new UserRegistry(join(root, "users"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function makeWorkspace(name: string): string {
  const directory = join(root, name);
  mkdirSync(directory);
  return directory;
}

test("[R48] two workspaces never have the same user, whichever daemon asks, and each keeps its own", () => {
  const other = new UserRegistry(join(root, "users"));
  const names = Array.from({ length: 20 }, (_none, at) => makeWorkspace(`w${at}`));
  const given = names.map((name, at) => (at % 2 === 0 ? registry : other).give(name).id);
  expect(new Set(given).size).toBe(20);
  expect(names.map((name) => new UserRegistry(join(root, "users")).give(name).id)).toEqual(given);
  expect(names.map((name) => other.find(name))).toEqual(given);
});

test("[R48] a user is given again only after its release, and then as late as possible", () => {
  const [a, b, c] = [makeWorkspace("a"), makeWorkspace("b"), makeWorkspace("c")];
  const [first, second] = [registry.give(a).id, registry.give(b).id];
  registry.release(a);
  expect(registry.find(a)).toBeNull();
  expect(registry.give(c)).toEqual({ id: second + 1, isLeftover: false });
  expect(first).toBe(WORKSPACE_IDS.first);
});

test("[R48] users in use are left out, and one that was never released is a leftover", () => {
  const [kept, lost] = [makeWorkspace("kept"), makeWorkspace("lost")];
  expect(registry.restore(kept, WORKSPACE_IDS.first)).toBe(true);
  expect(registry.restore(lost, WORKSPACE_IDS.first + 1)).toBe(true);
  rmSync(lost, { recursive: true });
  const next = registry.give(makeWorkspace("next"));
  expect(next).toEqual({ id: WORKSPACE_IDS.first + 1, isLeftover: true });
  expect(registry.find(lost)).toBeNull();
  expect(registry.give(makeWorkspace("after"))).toEqual({ id: WORKSPACE_IDS.first + 2, isLeftover: false });
});

test("[R48] a workspace whose record was lost gets its user back, unless another has it by now", () => {
  const [a, b] = [makeWorkspace("a"), makeWorkspace("b")];
  expect(registry.restore(a, WORKSPACE_IDS.first + 7)).toBe(true);
  expect(registry.restore(b, WORKSPACE_IDS.first + 7)).toBe(false);
  expect(registry.find(a)).toBe(WORKSPACE_IDS.first + 7);
});
