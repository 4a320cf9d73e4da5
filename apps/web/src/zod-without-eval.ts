/**
 * zod compiles its parsers with `new Function` where it can. The page's content security policy forbids that, and
 * even the probe is reported as a violation. Must be imported before any schema is made.
 */
const zodConfig = { jitless: true } as const;

Object.assign(globalThis, { __zod_globalConfig: zodConfig });
