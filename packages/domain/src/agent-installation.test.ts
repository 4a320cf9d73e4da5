import { expect, test } from "vitest";
import { nameInstallation } from "./agent-installation.ts";

test("[security 36] a package is installed apart for each lockfile, and without one", () => {
  const tea = { name: "@tea/agent", version: "1.2.3" };
  expect(nameInstallation(tea)).toBe("@tea+agent-1.2.3");
  expect(nameInstallation({ ...tea, lockfiles: { other: "a".repeat(64) } })).toBe("@tea+agent-1.2.3");
  expect(nameInstallation({ ...tea, lockfiles: { "@tea/agent": "b".repeat(64) } })).toBe(
    "@tea+agent-1.2.3-bbbbbbbbbbbb",
  );
});
