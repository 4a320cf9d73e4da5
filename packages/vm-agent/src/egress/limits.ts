/** Bounds of one workspace's egress proxy. */

export const MAX_CONNECTIONS = 256;
export const HEADERS_MAX_BYTES = 16 * 1024;
export const HEADERS_TIMEOUT_MS = 30_000;
/** For each of a name's addresses, of which the first few are tried. */
export const CONNECT_TIMEOUT_MS = 10_000;
export const MAX_ATTEMPTS = 4;
/** How long both sides of a connection may send nothing. */
export const IDLE_TIMEOUT_MS = 900_000;
