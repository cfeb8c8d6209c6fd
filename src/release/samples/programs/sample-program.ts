/** The program of a sample image: does of its commands what a cluster can see, and says that it does no more. */
import { addressOf, branch, call, jump, label, load, set, type Instruction } from '../machine/instructions.ts';
import type { SampleCommand, SampleRole } from '../sample-roles.ts';
import { sampleTexts } from './sample-texts.ts';
import { begin, end, findArgument, is, print, readNumber, sizeOf, textData, type Texts } from './common.ts';
import { STANDARD_ERROR, STANDARD_OUTPUT } from './common.ts';
import { serve } from './server.ts';

const WORKING_DIRECTORY = -100;
const READ_ONLY = 0;
/** O_WRONLY, O_CREAT and O_TRUNC. */
const WRITE_ANEW = 0o1 + 0o100 + 0o1000;
const OWNER_ONLY = 0o600;
/** Behind the number of arguments and the name of the program. */
const FIRST_ARGUMENT_AT = 16;

/**
 * The program of a role. Commands end with 0, with 1 when they cannot do what they do, with 2 when they are not known;
 * a server ends with 0 once it is told to stop. Whatever is printed starts with the banner.
 */
export function sampleProgram(banner: string, role: SampleRole): readonly Instruction[] {
  const texts = sampleTexts(banner, role);
  const commands = Object.entries(role.commands);
  const isServer = role.ports.length > 0;
  return [
    ...begin(),
    load('word', 'arguments', FIRST_ARGUMENT_AT, 8),
    branch('word', 'equal', 0, 'no command'),
    ...commands.flatMap(([name]) => [...is(name, `not ${name}`), jump(`run ${name}`), label(`not ${name}`)]),
    ...(role.otherwise === 'serve' ? [jump('serve')] : [print(STANDARD_ERROR, texts, 'unknown'), end(2)]),
    label('no command'),
    ...(isServer ? [jump('serve')] : [print(STANDARD_OUTPUT, texts, 'usage'), end(0)]),
    ...commands.flatMap(([name, command]) => [label(`run ${name}`), ...run(name, command, texts)]),
    ...(isServer ? [label('serve'), ...server(role, texts)] : []),
    ...textData(texts),
  ];
}

function run(name: string, command: SampleCommand, texts: Texts): readonly Instruction[] {
  const [done, failed] = [`${name} done`, `${name} failed`];
  const finish = [
    ...[label(done), print(STANDARD_OUTPUT, texts, `did ${name}`), end(0)],
    ...[label(failed), print(STANDARD_ERROR, texts, `failed ${name}`), end(1)],
  ];
  switch (command) {
    case 'serve':
      return [jump('serve')];
    case 'report':
      return finish.slice(0, 3);
    case 'read-config':
      return [
        ...findArgument('--config-file=', failed),
        call('openat', WORKING_DIRECTORY, 'word', READ_ONLY, 0),
        branch('result', 'less', 0, failed),
        ...finish,
      ];
    case 'write-output':
      return [
        ...findArgument('--output=', failed),
        call('openat', WORKING_DIRECTORY, 'word', READ_ONLY, 0),
        set('word', 'result'),
        call('openat', 'word', addressOf('output file'), WRITE_ANEW, OWNER_ONLY),
        branch('result', 'less', 0, failed),
        set('word', 'result'),
        call('write', 'word', addressOf('usage'), sizeOf(texts, 'usage')),
        branch('result', 'less', 0, failed),
        ...finish,
      ];
  }
}

function server(role: SampleRole, texts: Texts): readonly Instruction[] {
  const serving = { answer: 'answer', ready: 'ready', stopped: 'stopped', busy: role.needsPorts ? 'busy' : undefined };
  const [port] = role.ports;
  if (role.portArgument === undefined || port === undefined) return serve({ ...serving, ports: role.ports }, texts);
  return [
    set('number', port),
    ...findArgument(role.portArgument, 'port is known'),
    ...readNumber(),
    label('port is known'),
    ...serve({ ...serving, ports: ['number'] }, texts),
  ];
}
