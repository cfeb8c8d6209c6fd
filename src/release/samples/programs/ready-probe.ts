/** The sample of `pg_isready`: says whether something accepts connections at a port of this machine. */
import { add, branch, call, label, load, set, type Instruction } from '../machine/instructions.ts';
import { begin, end, findArgument, print, readNumber, STANDARD_OUTPUT, textData } from './common.ts';
import { ADDRESS_AT, IPV4, socketAddress, STREAM } from './socket-address.ts';

const TEXTS = {
  accepting: Buffer.from('127.0.0.1 - accepting connections\n'),
  silent: Buffer.from('127.0.0.1 - no response\n'),
};

/**
 * Connects to 127.0.0.1 at the port behind `-p`, or `port`. Ends with 0, or with 2 where nothing answers, as the
 * real one does; other arguments are not looked at.
 * @see https://www.postgresql.org/docs/current/app-pg-isready.html
 */
export function readyProbe(port: number): readonly Instruction[] {
  return [
    ...begin(),
    set('number', port),
    ...findArgument('-p\0', 'connect'),
    load('word', 'cursor', 8, 8),
    branch('word', 'equal', 0, 'connect'),
    ...readNumber(),
    label('connect'),
    ...socketAddress(IPV4.family, 'loopback'),
    call('socket', IPV4.family, STREAM, 0),
    set('word', 'result'),
    ...[set('cursor', 'memory'), add('cursor', ADDRESS_AT), call('connect', 'word', 'cursor', IPV4.bytes)],
    branch('result', 'less', 0, 'silent port'),
    print(STANDARD_OUTPUT, TEXTS, 'accepting'),
    end(0),
    label('silent port'),
    print(STANDARD_OUTPUT, TEXTS, 'silent'),
    end(2),
    ...textData(TEXTS),
  ];
}
