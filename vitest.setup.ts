/** Set-up of every suite in Node: one way to wait, with a patience that the machine's load stretches. */
import { expect, vi } from "vitest";
import { coreShare } from "./packages/testing/src/core-share.ts";
import { waitPatiently } from "./packages/testing/src/patience.ts";

vi.waitFor = (look, options) =>
  waitPatiently(look, coreShare, typeof options === "number" ? { timeout: options } : options);

expect.poll = () => {
  throw new Error("wait with vi.waitFor: it is patient, and fails with what it saw");
};
