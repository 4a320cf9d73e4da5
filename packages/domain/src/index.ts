/** Pure cores: `(state, event, now) → { state, effects }`. Imports no platform. */
export * from "./transcript-digest.ts";
