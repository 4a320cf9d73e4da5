/** What this cloud offers. A server is a share of one machine, so it costs nothing and its figures promise nothing. */

export interface ServerType {
  readonly id: number;
  readonly name: string;
  readonly cores: number;
  /** GB */
  readonly memory: number;
  /** GB */
  readonly disk: number;
}

export const SERVER_TYPES: readonly ServerType[] = [
  { id: 1, name: "local2", cores: 2, memory: 4, disk: 40 },
  { id: 2, name: "local4", cores: 4, memory: 8, disk: 80 },
  { id: 3, name: "local8", cores: 8, memory: 16, disk: 160 },
];

export const LOCATION = {
  id: 1,
  name: "local",
  description: "This machine",
  country: "",
  city: "",
  latitude: 0,
  longitude: 0,
  network_zone: "local",
} as const;

export const IMAGE = { id: 1, name: "debian-12", description: "A directory of this machine" } as const;

export const architecture = process.arch === "arm64" ? "arm" : "x86";
