/** Set-up of every suite in Node: a single way to wait, with a timeout that stretches with the machine's load. */
import { expect, vi } from "vitest";
import { coreShare } from "./packages/testing/src/core-share.ts";
import { waitPatiently } from "./packages/testing/src/patience.ts";

vi.waitFor = (check, options) =>
  waitPatiently(check, coreShare, typeof options === "number" ? { timeout: options } : options);

expect.poll = () => {
  throw new Error("use vi.waitFor, whose timeout stretches with the load and whose error shows the last failure");
};
