/** The parts of Node's modules that are used inside workerd (`nodejs_compat`); Node's own types would clash with the platform's. */
declare module "node:crypto" {
  interface Hash {
    update(data: string | Uint8Array): Hash;
    digest(encoding: "hex" | "base64"): string;
    digest(): Uint8Array;
  }
  export function createHash(algorithm: "sha256"): Hash;
  export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
  export function randomBytes(size: number): Uint8Array;
}
