import { env } from "cloudflare:workers";
import { MAX_STEPS } from "@samovar/domain/run-waits";
import { expect, test } from "vitest";
import text from "../wrangler.jsonc?raw";
import { parseWranglerConfig, toMiniflareOptions } from "./wrangler-config.ts";

test("the tests' Worker has every binding of wrangler.jsonc [R52]", () => {
  const { d1Databases, durableObjects, workflows, assets } = toMiniflareOptions(parseWranglerConfig(text));
  const names = [...[d1Databases, durableObjects, workflows].flatMap(Object.keys), assets.binding];
  expect(names.toSorted()).toEqual(["ASSETS", "DB", "NODE_LIFECYCLE", "PROJECT_DATA", "TASK_RUN"]);
  expect(Object.keys(env)).toEqual(expect.arrayContaining(names));
});

test("every class of an object has an object migration, without which Cloudflare refuses it [R52]", () => {
  const { durable_objects, migrations } = parseWranglerConfig(text);
  const created = migrations.flatMap((each) => each.new_sqlite_classes);
  expect(created.toSorted()).toEqual(durable_objects.bindings.map((each) => each.class_name).toSorted());
});

test("refuses a binding that would exist on Cloudflare only [R52]", () => {
  const withQueue = text.replace('"workers_dev": true', '"queues": { "producers": [] }, "workers_dev": true');
  expect(() => parseWranglerConfig(withQueue)).toThrow(/wrangler\.jsonc.*queues/s);
});

test("a run may take as many steps as it counts on", () => {
  const [run] = parseWranglerConfig(text).workflows;
  expect(run?.limits.steps).toBe(MAX_STEPS);
});
