/** How sample programs run on this machine: by itself, or with the emulator of the other architecture, where it is there. */
import type { Command } from '../../helpers/network-namespace.ts';
import { findTool } from '../../helpers/tools.ts';

const NATIVE = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
const EMULATORS: Readonly<Record<string, string>> = { amd64: 'qemu-x86_64-static', arm64: 'qemu-aarch64-static' };

/** Architectures whose programs run here. The others' bytes are pinned, and ran where they can. */
export const RUNNABLE: readonly string[] = Object.keys(EMULATORS).filter(
  (architecture) => architecture === NATIVE || findTool(EMULATORS[architecture] as string) !== undefined,
);

/** The command that runs a program of an architecture. */
export function toCommand(architecture: string, program: string, args: readonly string[]): Command {
  const emulator = architecture === NATIVE ? undefined : findTool(EMULATORS[architecture] as string);
  return emulator === undefined ? [program, args] : [emulator, [program, ...args]];
}
