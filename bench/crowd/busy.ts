/** Processes that each keep a core busy. They exit with their parent, even when it is killed. */
import { spawn } from "node:child_process";

/** A busy loop without an event loop, so it polls the system for its parent. */
const SPIN = "const parent = process.ppid; while (process.ppid === parent);";

export interface BusyLoops {
  /** Kills them, and waits until they are gone. */
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
