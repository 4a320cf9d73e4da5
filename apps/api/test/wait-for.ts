/** Inside workerd, what a test waits for runs in the same process as the test: it has a core when the test has one. */
import { vi } from "vitest";
import { waitFor } from "../../../packages/testing/src/wait-for.ts";

const wholeCore = () => 1;

vi.waitFor = (look, options) => waitFor(look, wholeCore, typeof options === "number" ? { timeout: options } : options);
