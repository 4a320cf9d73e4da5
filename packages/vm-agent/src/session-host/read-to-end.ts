/**
 * Reads what a process that has exited left in its pipe. The pipe may stay open, held by something that it started, so
 * its end is no sign; but all that the process wrote is in the kernel already, and is read in the loop's next turns.
 */
import type { Readable } from "node:stream";

/** Turns of the event loop in a row that brought nothing. One polls the pipe; the second covers what the first began. */
const QUIET_TURNS = 2;

/** Resolves when the stream has ended or has nothing more to give now. Sets it flowing. */
export function readToEnd(stream: Readable): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let quietTurns = 0;
    const onData = () => {
      quietTurns = 0;
    };
    const finish = () => {
      stream.off("data", onData).off("close", finish);
      quietTurns = Number.POSITIVE_INFINITY;
      resolve();
    };
    const turn = () => {
      if (quietTurns > QUIET_TURNS) return;
      if (quietTurns === QUIET_TURNS) return finish();
      quietTurns += 1;
      setImmediate(turn);
    };
    stream.on("data", onData).once("close", finish).resume();
    setImmediate(turn);
  });
}
