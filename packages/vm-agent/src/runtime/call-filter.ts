/**
 * The sandbox's filter of system calls, as bubblewrap takes it: a program for the kernel's seccomp. It closes what the other walls
 * leave open, because no namespace holds it (keys of the login session, sockets to the machine's host), and large parts of the
 * kernel that work in a checkout does not need. Docker and Flatpak close the same calls for their programs.
 */
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";

interface Architecture {
  /** The kernel's `AUDIT_ARCH_…`. */
  readonly audit: number;
  /** Answered as if the kernel did not have them. */
  readonly closed: readonly number[];
  readonly socket: number;
  /** From this number on, calls are those of another convention (x32). */
  readonly end?: number;
}

const IO_URING = [425, 426, 427] as const;

/** In each: add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd, io_uring. */
const X64: Architecture = {
  audit: 0xc000003e,
  closed: [248, 249, 250, 298, 321, 323, ...IO_URING],
  socket: 41,
  end: 0x40000000,
};
/** With socketcall, whose arguments a filter cannot read; C libraries have not needed it since 2015. */
const X86: Architecture = {
  audit: 0x40000003,
  closed: [286, 287, 288, 336, 357, 374, ...IO_URING, 102],
  socket: 359,
};
const ARM64: Architecture = {
  audit: 0xc00000b7,
  closed: [217, 218, 219, 241, 280, 282, ...IO_URING],
  socket: 198,
};
const ARM: Architecture = {
  audit: 0x40000028,
  closed: [309, 310, 311, 364, 386, 388, ...IO_URING, 102],
  socket: 281,
};

/** 64-bit machines run 32-bit programs too, whose calls have other numbers. */
const MACHINES: Readonly<Record<string, readonly Architecture[]>> = { x64: [X64, X86], arm64: [ARM64, ARM] };

/** AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK. */
const FAMILIES = [1, 2, 10, 16] as const;

/** Offsets in `struct seccomp_data`, on little-endian machines. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const fail = (errno: number) => 0x00050000 | errno;

interface Instruction {
  readonly code: number;
  readonly value: number;
  /** How many instructions are left out when a condition does not hold. */
  readonly otherwise?: number;
}

/** Null on a machine whose numbers are not known. `machine`: Node's name of its architecture. */
export function createCallFilter(machine: string): Buffer | null {
  const architectures = MACHINES[machine];
  if (architectures === undefined) return null;
  const closed = { code: RETURN, value: fail(constants.errno.ENOSYS) };
  const program = [{ code: LOAD, value: ARCHITECTURE }, ...architectures.flatMap(filterArchitecture), closed];
  return Buffer.concat(program.map(toBytes));
}

function filterArchitecture({ audit, closed, socket, end }: Architecture): readonly Instruction[] {
  const rules = [
    { code: LOAD, value: NUMBER },
    ...(end === undefined ? [] : answer(IF_AT_LEAST, end, fail(constants.errno.ENOSYS))),
    ...closed.flatMap((call) => answer(IF_EQUAL, call, fail(constants.errno.ENOSYS))),
    ...when(IF_EQUAL, socket, [
      { code: LOAD, value: FIRST_ARGUMENT },
      ...FAMILIES.flatMap((family) => answer(IF_EQUAL, family, ALLOW)),
      { code: RETURN, value: fail(constants.errno.EAFNOSUPPORT) },
    ]),
    { code: RETURN, value: ALLOW },
  ];
  return when(IF_EQUAL, audit, rules);
}

const answer = (code: number, value: number, result: number) => when(code, value, [{ code: RETURN, value: result }]);

const when = (code: number, value: number, then: readonly Instruction[]): readonly Instruction[] => [
  { code, value, otherwise: then.length },
  ...then,
];

/** `struct sock_filter`. */
function toBytes({ code, value, otherwise = 0 }: Instruction): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(0, 2);
  bytes.writeUInt8(otherwise, 3);
  bytes.writeUInt32LE(value >>> 0, 4);
  return bytes;
}

/** To a bubblewrap that reads it from the pipe `descriptor`. One that has ended says why by its exit. */
export function passCallFilter(child: ChildProcess, descriptor: number, filter: Buffer | null): void {
  const pipe = child.stdio[descriptor];
  if (filter === null || pipe === null || pipe === undefined || !("end" in pipe)) return;
  pipe.on("error", () => {});
  pipe.end(filter);
}
