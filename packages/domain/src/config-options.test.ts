import { agentCapabilities } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  toConfigRequest,
  resolveOption,
  toCapabilities,
  readConfigOptions,
  findUnattendedMode,
} from "./config-options.ts";

const option = (category: string, options: readonly object[], currentValue: string) => ({
  id: `${category}-option`,
  name: category,
  category,
  type: "select",
  currentValue,
  options,
});
const claude = {
  modes: { currentModeId: "default", availableModes: [{ id: "default", name: "Manual" }] },
  configOptions: [
    option(
      "mode",
      [
        { value: "default", name: "Manual", description: "Always ask" },
        { value: "bypassPermissions", name: "Bypass" },
      ],
      "default",
    ),
    option(
      "model",
      [
        { value: "default", name: "Default" },
        { value: "opus", name: "Opus" },
      ],
      "default",
    ),
    { id: "fast", name: "Fast", category: "model_config", type: "boolean", currentValue: false },
  ],
};
const gemini = {
  modes: {
    currentModeId: "default",
    availableModes: [
      { id: "default", name: "Default" },
      { id: "yolo", name: "YOLO" },
    ],
  },
  models: {
    currentModelId: "auto",
    availableModels: [
      { modelId: "auto", name: "Auto" },
      { modelId: "pro", name: "Pro" },
    ],
  },
};

describe("what an agent lets people choose", () => {
  it("[R15] is read from config options, and set by them", () => {
    const { model, mode } = readConfigOptions(claude);
    expect(toCapabilities({ model, mode })).toEqual({
      models: [
        { id: "default", name: "Default", description: null },
        { id: "opus", name: "Opus", description: null },
      ],
      modes: [
        { id: "default", name: "Manual", description: "Always ask" },
        { id: "bypassPermissions", name: "Bypass", description: null },
      ],
    });
    expect(model && toConfigRequest(model, "s1", "opus")).toEqual({
      method: "session/set_config_option",
      params: { sessionId: "s1", configId: "model-option", value: "opus" },
    });
  });

  it("[R15] is read from the older lists, and set by their requests", () => {
    const { model, mode } = readConfigOptions(gemini);
    expect(model && toConfigRequest(model, "s1", "pro")).toEqual({
      method: "session/set_model",
      params: { sessionId: "s1", modelId: "pro" },
    });
    expect(mode && toConfigRequest(mode, "s1", "yolo")).toEqual({
      method: "session/set_mode",
      params: { sessionId: "s1", modeId: "yolo" },
    });
  });

  it("finds the values of groups", () => {
    const grouped = [{ group: "a", name: "A", options: [{ value: "one", name: "One" }] }];
    const { model } = readConfigOptions({ configOptions: [option("model", grouped, "one")] });
    expect(model?.values.map(({ id }) => id)).toEqual(["one"]);
  });

  it("keeps the capabilities within the contract, whatever the agent reports", () => {
    const value = fc.oneof(fc.anything(), fc.string({ maxLength: 400 }));
    const choice = fc.record({ value, id: value, modelId: value, name: value, description: value });
    const session = fc.record({
      modes: fc.oneof(fc.anything(), fc.record({ availableModes: fc.array(choice, { maxLength: 80 }) })),
      models: fc.oneof(fc.anything(), fc.record({ availableModels: fc.array(choice, { maxLength: 250 }) })),
      configOptions: fc.oneof(
        fc.anything(),
        fc.array(
          fc.record({
            id: value,
            category: fc.constantFrom("mode", "model"),
            type: fc.constant("select"),
            options: fc.array(choice),
          }),
        ),
      ),
    });
    fc.assert(
      fc.property(session, (fields) => agentCapabilities.safeParse(toCapabilities(readConfigOptions(fields))).success),
    );
  });
});

describe("a requested value", () => {
  const { model, mode } = readConfigOptions(claude);

  it("is set when it is offered, and not when it is set already", () => {
    expect(resolveOption("model", model, "opus")).toEqual({ ok: true, value: "opus" });
    expect(resolveOption("model", model, "default")).toEqual({ ok: true, value: null });
    expect(resolveOption("model", model, null)).toEqual({ ok: true, value: null });
  });

  it("is refused with the list of offered values when the agent does not offer it", () => {
    expect(resolveOption("model", model, "o9")).toEqual({
      ok: false,
      error: 'The agent offers no model "o9". It offers: default, opus.',
    });
    expect(resolveOption("permission mode", null, "yolo")).toMatchObject({
      error: expect.stringContaining("does not offer a choice"),
    });
  });

  it("that was not spoken: the mode that asks for nothing, where it is known", () => {
    expect(findUnattendedMode(mode)).toBe("bypassPermissions");
    expect(findUnattendedMode(readConfigOptions(gemini).mode)).toBe("yolo");
    expect(
      findUnattendedMode(readConfigOptions({ modes: { availableModes: [{ id: "build" }, { id: "plan" }] } }).mode),
    ).toBeNull();
  });
});
