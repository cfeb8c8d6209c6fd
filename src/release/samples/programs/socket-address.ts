/** Addresses of sockets, as sample programs write them into memory. */
import { load, set, store, type Instruction } from '../machine/instructions.ts';

/** Where in memory an address is made. */
export const ADDRESS_AT = 512;
const SCRATCH_AT = ADDRESS_AT + 64;

/** @see https://man7.org/linux/man-pages/man7/ipv6.7.html */
export const IPV6 = { family: 10, bytes: 28 } as const;
/** @see https://man7.org/linux/man-pages/man7/ip.7.html */
export const IPV4 = { family: 2, bytes: 16 } as const;

export const STREAM = 1;
export const NONBLOCKING = 0x800;

/**
 * Writes the address of the port in `number`: on every interface (which is zero in both families), or on loopback.
 * Changes `byte`.
 */
export function socketAddress(family: number, host: 'any' | 'loopback' = 'any'): readonly Instruction[] {
  return [
    set('byte', 0),
    ...[0, 8, 16, 24].map((at) => store('byte', 'memory', ADDRESS_AT + at, 8)),
    set('byte', family),
    store('byte', 'memory', ADDRESS_AT, 2),
    // The port in the order of the network: its higher byte first.
    store('number', 'memory', SCRATCH_AT, 8),
    load('byte', 'memory', SCRATCH_AT + 1, 1),
    store('byte', 'memory', ADDRESS_AT + 2, 1),
    store('number', 'memory', ADDRESS_AT + 3, 1),
    ...(host === 'any' ? [] : [set('byte', 0x0100007f), store('byte', 'memory', ADDRESS_AT + 4, 4)]),
  ];
}
