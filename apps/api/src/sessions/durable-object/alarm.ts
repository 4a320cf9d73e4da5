/** An object has one alarm: whoever needs it sets it if none is earlier. */
import type { Millis } from "@samovar/base";

export async function wakeBy(storage: DurableObjectStorage, at: Millis): Promise<void> {
  const set = await storage.getAlarm();
  if (set === null || at < set) await storage.setAlarm(at);
}
