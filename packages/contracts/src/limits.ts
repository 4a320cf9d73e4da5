/** Limits that both sides of an interface must agree on. Other limits are settings of one side. */

export const LIMITS = {
  /** Rows in one delivery. */
  deliveryMaxMessages: 100,
  /** Bytes of one delivery's JSON body. */
  deliveryMaxBytes: 256 * 1024,
  /** Bytes (UTF-8) of one message's content; longer is cut and marked. */
  messageMaxContentBytes: 200 * 1024,
  /** Bytes (UTF-8, as JSON) of one message's tool metadata; longer parts are cut and marked. */
  toolMetadataMaxBytes: 128 * 1024,
  /** Characters of a task's description. */
  taskDescriptionMaxChars: 64_000,
  /** Characters of a task's title. */
  taskTitleMaxChars: 200,
  /** Bytes of any JSON request of a person. */
  requestMaxBytes: 512 * 1024,
  /** Arrays and objects inside each other in the JSON of a request or a WebSocket's frame. */
  jsonMaxDepth: 64,
  /** Bytes of a git bundle of commits that could not be pushed. */
  bundleMaxBytes: 16 * 1024 * 1024,
  /** Bytes of one link frame. */
  linkFrameMaxBytes: 1024 * 1024,
  /** Bytes of a node's user data (Hetzner: 32768). */
  userDataMaxBytes: 32_768,
  /** Rows of one page of any list. */
  pageMax: 200,
} as const;

export const SEARCH_LIMITS = {
  /** Characters of what is searched for. */
  queryChars: 200,
  /** Words of what is searched for; more are refused. */
  queryWords: 16,
  /** Hits of one page. */
  pageMax: 50,
} as const;
