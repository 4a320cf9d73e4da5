/**
 * The security headers of every answer. The Worker sets them (`headers.ts`); for files that are served without it,
 * `scripts/build.ts` writes them into `_headers`. The page may load from this origin only.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** For addresses with TLS; browsers ignore it on others. */
export const STRICT_TRANSPORT_SECURITY = "max-age=31536000; includeSubDomains";

/** Below this path a file's name changes with its content. */
export const HASHED_FILES = "/assets/";

/** Cloudflare's `_headers` file for the built pages. */
export function renderHeadersFile(): string {
  const everywhere = { ...SECURITY_HEADERS, "strict-transport-security": STRICT_TRANSPORT_SECURITY };
  return [
    formatRule("/*", everywhere),
    formatRule(`${HASHED_FILES}*`, { "cache-control": "public, max-age=31536000, immutable" }),
  ].join("\n");
}

const formatRule = (path: string, headers: Readonly<Record<string, string>>) =>
  `${path}\n${Object.entries(headers)
    .map(([name, value]) => `  ${name}: ${value}\n`)
    .join("")}`;
