import { expect, test } from "vitest";
import { readRequestedUnits } from "./first-boot.ts";

test.each([
  ["", [], []],
  ["enable --now x.service", ["x.service"], ["x.service"]],
  ["enable x", ["x.service"], []],
  ["--quiet start x y.service", [], ["x.service", "y.service"]],
  ["enable --now x\ndisable --now x", [], []],
  ["daemon-reload\ndisable --now apt-daily.timer", [], []],
  ["enable x\nenable x\nrestart x\nstop x", ["x.service"], []],
])("systemctl %j", (requests, enabled, started) => {
  expect(readRequestedUnits(requests)).toEqual({ enabled, started });
});
