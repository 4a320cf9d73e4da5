/** What the filter of system calls answers, on machines of both architectures: run here as the kernel runs it. The escape suite makes the calls. */
import { constants } from "node:os";
import { expect, test } from "vitest";
import { createCallFilter } from "./call-filter.ts";

const X64 = 0xc000003e;
const X86 = 0x40000003;
const ARM64 = 0xc00000b7;
const ARM = 0x40000028;
const AF_VSOCK = 40;

interface Call {
  readonly machine: string;
  readonly audit: number;
  readonly number: number;
  /** The first argument. */
  readonly argument?: number;
}

/** `allowed`, or the name of the error. */
function filter({ machine, audit, number, argument = 0 }: Call): string {
  const program = createCallFilter(machine);
  if (program === null) throw new Error(`no filter for ${machine}`);
  const data = new Map([0, 4, 16].map((offset, at) => [offset, [number, audit, argument][at]]));
  let loaded: number | undefined;
  for (let at = 0; at < program.length; at += 8) {
    const [code, otherwise, value] = [
      program.readUInt16LE(at),
      program.readUInt8(at + 3),
      program.readUInt32LE(at + 4),
    ];
    if (code === 0x20) loaded = data.get(value);
    else if (code === 0x06) return describe(value);
    else if (code === 0x15) at += loaded === value ? 0 : otherwise * 8;
    else if (code === 0x35) at += (loaded ?? 0) >= value ? 0 : otherwise * 8;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the program has no end");
}

const describe = (result: number): string =>
  result === 0x7fff0000
    ? "allowed"
    : (Object.entries(constants.errno).find(([, errno]) => (0x00050000 | errno) === result)?.[0] ?? `${result}`);

const CALLS: readonly (readonly [what: string, call: Call, answer: string])[] = [
  ["read", { machine: "x64", audit: X64, number: 0 }, "allowed"],
  ["keyctl", { machine: "x64", audit: X64, number: 250 }, "ENOSYS"],
  ["ptrace, for debuggers", { machine: "x64", audit: X64, number: 101 }, "allowed"],
  ["keyctl by the convention x32", { machine: "x64", audit: X64, number: 0x400000fa }, "ENOSYS"],
  ["keyctl of a 32-bit program", { machine: "x64", audit: X86, number: 288 }, "ENOSYS"],
  ["read of a 32-bit program", { machine: "x64", audit: X86, number: 3 }, "allowed"],
  ["a socket by IPv6", { machine: "x64", audit: X64, number: 41, argument: 10 }, "allowed"],
  ["a socket to the machine's host", { machine: "x64", audit: X64, number: 41, argument: AF_VSOCK }, "EAFNOSUPPORT"],
  [
    "such a socket of a 32-bit program",
    { machine: "x64", audit: X86, number: 359, argument: AF_VSOCK },
    "EAFNOSUPPORT",
  ],
  ["all socket calls in one, of a 32-bit program", { machine: "x64", audit: X86, number: 102 }, "ENOSYS"],
  ["a unix socket", { machine: "arm64", audit: ARM64, number: 198, argument: 1 }, "allowed"],
  ["io_uring", { machine: "arm64", audit: ARM64, number: 425 }, "ENOSYS"],
  ["keyctl of a 32-bit program on arm64", { machine: "arm64", audit: ARM, number: 311 }, "ENOSYS"],
  ["a call of another machine", { machine: "arm64", audit: X64, number: 0 }, "ENOSYS"],
];

test.for(CALLS)("[security 37] answers %s", ([, call, answer]) => {
  expect(filter(call)).toBe(answer);
});

test("there is none for a machine whose calls have unknown numbers", () => {
  expect(createCallFilter("riscv64")).toBeNull();
});
