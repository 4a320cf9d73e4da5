/** Inside workerd, what a test waits for runs in the same process as the test: it has a core when the test has one. */
import { vi } from "vitest";
import { waitPatiently } from "../../../packages/testing/src/patience.ts";

const wholeCore = () => 1;

vi.waitFor = (look, options) =>
  waitPatiently(look, wholeCore, typeof options === "number" ? { timeout: options } : options);
