/** Processes that do nothing but use a core each. They end with whoever started them, also when it is killed. */
import { spawn } from "node:child_process";

/** A loop without an event loop: it asks the system who its parent is. */
const SPIN = "const parent = process.ppid; while (process.ppid === parent);";

export interface BusyLoops {
  /** Ends them, and waits until they are gone. */
  stop(): Promise<void>;
}

export function startBusyLoops(count: number): BusyLoops {
  const loops = Array.from({ length: count }, () => {
    const child = spawn(process.execPath, ["-e", SPIN], { stdio: "ignore", detached: true });
    const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
    return { child, gone };
  });
  return {
    async stop() {
      for (const { child } of loops) child.kill("SIGKILL");
      await Promise.all(loops.map(({ gone }) => gone));
    },
  };
}
