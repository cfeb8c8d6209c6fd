/**
 * A server that answers everything on its ports with one answer until it is told to stop: one process without children,
 * so that it can be the first of its container. That one ignores signals that nothing waits for.
 */
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
} from '../machine/instructions.ts';
import { end, print, sizeOf, STANDARD_ERROR, STANDARD_OUTPUT, type Texts } from './common.ts';
import { ADDRESS_AT, IPV4, IPV6, NONBLOCKING, socketAddress, STREAM } from './socket-address.ts';

/** Connections that may be silent at one time; one more closes the oldest. */
const CONNECTIONS = 32;
/** `struct pollfd`: descriptor, events, events that came. @see https://man7.org/linux/man-pages/man2/poll.2.html */
const POLL_BYTES = 8;
const CAME_AT = 6;
const READABLE = 1;
const BUFFER_AT = 1024;
/** More than a probe asks. What is not read before the end makes the kernel reset the connection. */
const BUFFER_BYTES = 3000;

/** @see https://man7.org/linux/man-pages/man7/signal.7.html */
const INTERRUPT = 2;
const TERMINATE = 15;
const SIGNALS = Buffer.alloc(8);
SIGNALS.writeUInt32LE(2 ** (INTERRUPT - 1) + 2 ** (TERMINATE - 1));
const BLOCK_SIGNALS = 0;

const SOCKET_LEVEL = 1;
const REUSE_ADDRESS = 2;
const BACKLOG = 128;

/** What {@link serve} is to do. */
export interface Serving {
  /** Ports, each on all addresses; `number` stands for the one that is in that register. */
  readonly ports: readonly (number | 'number')[];
  /** The label of what every connection is answered once it says something. */
  readonly answer: string;
  /** Labels of what is printed once the ports are open, and at the end. */
  readonly ready: string;
  readonly stopped: string;
  /** What is printed for a port that cannot be had, which then ends all; absent: it goes on without that port. */
  readonly busy: string | undefined;
}

/** Serves until SIGTERM or SIGINT, then ends with 0; with 1 for the want of a port. */
export function serve(serving: Serving, texts: Texts): readonly Instruction[] {
  const { ports, answer } = serving;
  const firstConnection = POLL_BYTES * (1 + ports.length);
  const entriesEnd = firstConnection + POLL_BYTES * CONNECTIONS;
  const closed = [set('byte', -1), store('byte', 'cursor', 0, 4)];
  return [
    call('rt_sigprocmask', BLOCK_SIGNALS, addressOf('signals'), 0, SIGNALS.length),
    call('signalfd4', -1, addressOf('signals'), SIGNALS.length, 0),
    ...pollFor('result', 0),
    ...ports.flatMap((port, at) => listen(port, POLL_BYTES * (at + 1), serving.busy !== undefined)),
    ...[set('cursor', 'memory'), add('cursor', firstConnection), set('number', CONNECTIONS)],
    label('clear'),
    ...closed,
    ...[add('cursor', POLL_BYTES), add('number', -1), branch('number', 'unequal', 0, 'clear')],
    print(STANDARD_OUTPUT, texts, serving.ready),
    ...[set('number', 'memory'), add('number', firstConnection)],
    label('wait'),
    call('ppoll', 'memory', entriesEnd / POLL_BYTES, 0, 0, SIGNALS.length),
    set('cursor', 'memory'),
    load('byte', 'cursor', CAME_AT, 2),
    branch('byte', 'unequal', 0, 'stop'),

    label('next listener'),
    add('cursor', POLL_BYTES),
    ...[set('byte', 'memory'), add('byte', firstConnection), branch('cursor', 'equal', 'byte', 'connection')],
    load('byte', 'cursor', CAME_AT, 2),
    branch('byte', 'equal', 0, 'next listener'),
    load('word', 'cursor', 0, 4),
    call('accept4', 'word', 0, 0, NONBLOCKING),
    branch('result', 'less', 0, 'next listener'),
    set('word', 'result'),
    load('byte', 'number', 0, 4),
    branch('byte', 'less', 0, 'free'),
    call('close', 'byte'),
    label('free'),
    store('word', 'number', 0, 4),
    ...[set('byte', READABLE), store('byte', 'number', 4, 4)],
    add('number', POLL_BYTES),
    ...[set('byte', 'memory'), add('byte', entriesEnd), branch('number', 'unequal', 'byte', 'next listener')],
    ...[set('number', 'memory'), add('number', firstConnection), jump('next listener')],

    label('connection'),
    load('byte', 'cursor', CAME_AT, 2),
    branch('byte', 'equal', 0, 'next connection'),
    load('word', 'cursor', 0, 4),
    ...[set('byte', 'memory'), add('byte', BUFFER_AT), call('read', 'word', 'byte', BUFFER_BYTES)],
    branch('result', 'less', 1, 'over'),
    call('write', 'word', addressOf(answer), sizeOf(texts, answer)),
    label('over'),
    call('close', 'word'),
    ...closed,
    label('next connection'),
    add('cursor', POLL_BYTES),
    ...[set('byte', 'memory'), add('byte', entriesEnd), branch('cursor', 'equal', 'byte', 'wait')],
    jump('connection'),

    label('no port'),
    ...(serving.busy === undefined ? [] : [print(STANDARD_ERROR, texts, serving.busy), end(1)]),
    label('stop'),
    ...[print(STANDARD_OUTPUT, texts, serving.stopped), end(0)],
    ...data('signals', SIGNALS),
    ...data('one', Buffer.from([1, 0, 0, 0])),
  ];
}

/** Makes an entry of what is waited for. */
function pollFor(descriptor: 'result' | 'word', at: number): readonly Instruction[] {
  return [store(descriptor, 'memory', at, 4), set('byte', READABLE), store('byte', 'memory', at + 4, 4)];
}

/** Opens a port for both families, or for the older one where a machine knows no other. */
function listen(port: number | 'number', at: number, isNeeded: boolean): readonly Instruction[] {
  const [older, open, none] = [`older family ${at}`, `open ${at}`, `none ${at}`];
  const attempt = (
    family: { readonly family: number; readonly bytes: number },
    otherwise: string,
  ): readonly Instruction[] => [
    call('socket', family.family, STREAM + NONBLOCKING, 0),
    branch('result', 'less', 0, otherwise),
    set('word', 'result'),
    // A container that starts again finds connections of the one before still closing.
    call('setsockopt', 'word', SOCKET_LEVEL, REUSE_ADDRESS, addressOf('one'), 4),
    ...socketAddress(family.family),
    ...[set('cursor', 'memory'), add('cursor', ADDRESS_AT), call('bind', 'word', 'cursor', family.bytes)],
    branch('result', 'less', 0, otherwise),
    call('listen', 'word', BACKLOG),
    branch('result', 'less', 0, otherwise),
  ];
  return [
    ...(port === 'number' ? [] : [set('number', port)]),
    ...attempt(IPV6, older),
    jump(open),
    label(older),
    ...attempt(IPV4, isNeeded ? 'no port' : none),
    ...[jump(open), label(none), set('word', -1)],
    label(open),
    ...pollFor('word', at),
  ];
}
