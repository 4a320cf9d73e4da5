/** Formats the result of a transcript verification. */
import type { TranscriptVerification } from "@samovar/contracts";

/** Such as "transcript complete: 14/14 messages, digest 3f2a9c41d07be655". */
export function formatVerification({ agreed, claimed, stored }: TranscriptVerification): string {
  const counts = `${stored.count}/${claimed.count} messages`;
  if (agreed) return `transcript complete: ${counts}, digest ${stored.digest.slice(0, 16)}`;
  if (stored.count !== claimed.count) return `transcript incomplete: ${counts}`;
  return `transcript differs: ${counts}, digest ${stored.digest.slice(0, 16)} stored, ${claimed.digest.slice(0, 16)} sent`;
}
