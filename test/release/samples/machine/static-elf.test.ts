/** Executables made of instructions: they run, are the same bytes everywhere, and what has no room is refused. */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { sha256 } from '../../../../src/oci/digest.ts';
import {
  add,
  addressOf,
  branch,
  call,
  data,
  jump,
  label,
  load,
  set,
  store,
  type Instruction,
} from '../../../../src/release/samples/machine/instructions.ts';
import { createStaticElf } from '../../../../src/release/samples/machine/static-elf.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { RUNNABLE, toCommand } from '../runnable.ts';

const temp = useTempDir();

const TEXT = Buffer.from('to the last letter\n');
const PRINT: readonly Instruction[] = [
  call('write', 1, addressOf('text'), TEXT.length),
  call('exit_group', 0),
  ...data('text', TEXT),
];

/** Ends with 0 if all that can be asked of a processor is answered rightly, with the number of the question if not. */
function arithmetic(): readonly Instruction[] {
  const questions: readonly (readonly Instruction[])[] = [
    [set('word', -1), add('word', 1), branch('word', 'equal', 0, 'right 0')],
    [set('word', 0x12345678), set('byte', 0x12345678), branch('word', 'equal', 'byte', 'right 1')],
    [set('word', -5), branch('word', 'less', -4, 'right 2')],
    [set('word', 7), set('byte', -7), add('word', 'byte'), branch('word', 'equal', 0, 'right 3')],
    // Four bytes are read with their sign, one and two without.
    [
      set('word', -2),
      store('word', 'memory', 8, 4),
      load('byte', 'memory', 8, 4),
      branch('byte', 'equal', -2, 'right 4'),
    ],
    [load('byte', 'memory', 8, 1), branch('byte', 'equal', 0xfe, 'right 5')],
    [load('byte', 'memory', 8, 2), set('word', 0xfffe), branch('byte', 'equal', 'word', 'right 6')],
    [set('word', 0), store('word', 'memory', 16, 8), set('number', 0x0102), store('number', 'memory', 18, 2)].concat([
      load('byte', 'memory', 16, 8),
      set('word', 0x01020000),
      branch('byte', 'equal', 'word', 'right 7'),
    ]),
    [set('cursor', 0x41), store('cursor', 'memory', 17, 1), load('byte', 'memory', 17, 1)].concat([
      branch('byte', 'equal', 0x41, 'right 8'),
    ]),
    [set('cursor', addressOf('eight')), load('number', 'cursor', 0, 8), set('word', 8)].concat([
      branch('number', 'equal', 'word', 'right 9'),
    ]),
    [call('close', -1), branch('result', 'equal', -9, 'right 10')], // EBADF
    [set('word', 1), branch('word', 'unequal', 1, 'never'), jump('right 11'), label('never')],
    [set('byte', 2), branch('byte', 'less', 2, 'never again'), jump('right 12'), label('never again')],
  ];
  return [
    set('arguments', 'stack'),
    add('stack', -4032),
    set('memory', 'stack'),
    ...questions.flatMap((question, at) => [...question, call('exit_group', at + 1), label(`right ${at}`)]),
    call('exit_group', 0),
    ...data('eight', Buffer.from([8, 0, 0, 0, 0, 0, 0, 0])),
  ];
}

async function runProgram(architecture: string, program: readonly Instruction[]): Promise<readonly unknown[]> {
  const file = temp.join('program');
  await writeFile(file, createStaticElf(architecture, program), { mode: 0o755 });
  const result = spawnSync(...toCommand(architecture, file, []));
  return [result.status, result.stdout.toString(), result.stderr.toString()];
}

it.each(RUNNABLE)('a program prints its text and ends on linux/%s', async (architecture) => {
  expect(await runProgram(architecture, PRINT)).toEqual([0, TEXT.toString(), '']);
});

it.each(RUNNABLE)('every instruction does on linux/%s what it says', async (architecture) => {
  expect(await runProgram(architecture, arithmetic())).toEqual([0, '', '']);
});

it.each([
  ['amd64', 'sha256:c6afaec2013daf25a64e711d06ec70bda5b4c909c1c3289437e1427596b38e94'],
  ['arm64', 'sha256:829783530607b9275e80f6b86cde669f9bae3e54f6329c7d31c3d376a03cfee6'],
])('the instructions for %s stay the bytes that ran', (architecture, digest) => {
  expect(sha256(createStaticElf(architecture, arithmetic()))).toBe(digest);
});

it('another architecture and a program that is too large are refused', () => {
  expect(() => createStaticElf('riscv64', PRINT)).toThrow('riscv64');
  const large = data('large', Buffer.alloc(64 * 1024));
  expect(() => createStaticElf('amd64', large)).toThrow('a sample program of 65712 bytes is larger than 65536');
});

it.each([
  ['a label that is not there', [jump('nowhere')], 'there is no label nowhere'],
  ['a label that stands twice', [label('here'), label('here')], 'the label here stands twice'],
  ['a number without room in its instruction', [add('stack', -5000)], '5000 is no field of 12 bits'],
])('%s is an error', (_, program, message) => {
  expect(() => createStaticElf('arm64', program)).toThrow(message);
});
