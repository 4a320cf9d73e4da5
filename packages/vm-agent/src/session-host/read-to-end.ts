/**
 * Reads what an exited process left in its pipe. A child of the process may keep the pipe open, so waiting for its end could
 * take for ever. But everything that the process wrote is in the kernel, and is read in the next turns of the event loop.
 */
import type { Readable } from "node:stream";

/** Turns of the event loop in a row without data. One polls the pipe; the second covers a read that the first started. */
const IDLE_TURNS = 2;

/** Resolves when the stream has ended or holds no more data. Switches it to flowing mode. */
export function readToEnd(stream: Readable): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let idleTurns = 0;
    const onData = () => {
      idleTurns = 0;
    };
    const finish = () => {
      stream.off("data", onData).off("close", finish);
      idleTurns = Number.POSITIVE_INFINITY;
      resolve();
    };
    const turn = () => {
      if (idleTurns > IDLE_TURNS) return;
      if (idleTurns === IDLE_TURNS) return finish();
      idleTurns += 1;
      setImmediate(turn);
    };
    stream.on("data", onData).once("close", finish).resume();
    setImmediate(turn);
  });
}
