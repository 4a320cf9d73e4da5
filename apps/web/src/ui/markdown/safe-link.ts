/** Which addresses of an agent's text may be followed. Everything else is shown as text. */

const ALLOWED = new Set(["http:", "https:", "mailto:"]);

/** The normalised address, or null. */
export function toSafeLink(href: string): string | null {
  try {
    const url = new URL(href);
    return ALLOWED.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
