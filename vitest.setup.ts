/** Set-up of every suite in Node: a single way to wait, with a timeout that stretches with the machine's load. */
import { expect, vi } from "vitest";
import { getCoreShare } from "./packages/testing/src/core-share.ts";
import { waitFor } from "./packages/testing/src/wait-for.ts";

vi.waitFor = (check, options) =>
  waitFor(check, getCoreShare, typeof options === "number" ? { timeout: options } : options);

expect.poll = () => {
  throw new Error("use vi.waitFor, whose timeout stretches with the load and whose error shows the last failure");
};
