/** Clouds that Samovar can get machines from. */
export * from "./provider.ts";
