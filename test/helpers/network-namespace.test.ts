/** The two proofs of being offline, each with a control that fires. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { childScript } from './child-script.ts';
import { mountsBelow } from './mounts.ts';
import { openNetworkNamespace, parseTargets, traceConnects } from './network-namespace.ts';
import { startProcess } from './process.ts';
import { requireTool } from './require-tool.ts';
import { makeTempDir } from './temp.ts';

// TEST-NET-1 (RFC 5737): no machine has it. 9 is discard.
const FOREIGN = '192.0.2.1';

function connectScript(host: string, port: number): readonly string[] {
  const call = `require('node:net').connect(${port}, '${host}', () => process.exit(0))`;
  return ['-e', `${call}.on('error', (error) => { console.log(error.code); process.exit(1); })`];
}

describe('a network namespace', () => {
  test('has loopback and no way out', async () => {
    await using namespace = await openNetworkNamespace();
    const out = await namespace.run(process.execPath, connectScript(FOREIGN, 9));
    expect(out).toMatchObject({ exitCode: 1, stdout: 'ENETUNREACH\n' });
    const local = await namespace.run(process.execPath, connectScript('127.0.0.1', 9));
    expect(local).toMatchObject({ exitCode: 1, stdout: 'ECONNREFUSED\n' });
  });

  test('is shared by the commands that are started in it, and by nothing else', async () => {
    await using namespace = await openNetworkNamespace();
    const script = `const s = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`;
    await using server = await startProcess(...namespace.wrap(process.execPath, ['-e', script]));
    await server.waitUntil('it listened', () => server.stdout !== '');
    const connect = connectScript('127.0.0.1', Number(server.stdout));
    expect(await namespace.run(process.execPath, connect)).toMatchObject({ exitCode: 0 });
    await using other = await openNetworkNamespace();
    expect(await other.run(process.execPath, connect)).toMatchObject({ exitCode: 1 });
  });
});

describe('a namespace that owns its processes', () => {
  /** How many processes of the machine have a word in their command. */
  function countProcesses(word: string): number {
    const isOne = (entry: string): boolean => {
      try {
        return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0').includes(word);
      } catch {
        return false;
      }
    };
    return readdirSync('/proc').filter(isOne).length;
  }

  /** Leaves a mount behind, and a daemon in a session of its own: what reads its output waits until it is that. */
  function script(seconds: string, folder: string): readonly string[] {
    const daemon = `setsid sh -c 'echo left; exec sleep ${seconds} </dev/null >/dev/null 2>&1' &`;
    return ['-c', `mount -t tmpfs none ${folder} && echo "$(${daemon})"`];
  }

  test('ends daemons with it, and keeps what is mounted to itself', async () => {
    await using folder = await makeTempDir();
    const seconds = `${randomInt(1e8, 1e9)}`;
    const namespace = await openNetworkNamespace({ ownsProcesses: true });
    expect(await namespace.run('/bin/sh', script(seconds, folder.path))).toMatchObject({ stdout: 'left\n' });
    await expect.poll(() => countProcesses(seconds)).toBe(1);
    expect(await mountsBelow(folder.path)).toEqual([]);
    await namespace.close();
    await expect.poll(() => countProcesses(seconds)).toBe(0);
  });

  test('ends with the process that made it, when that is killed', async () => {
    await using folder = await makeTempDir();
    const seconds = `${randomInt(1e8, 1e9)}`;
    const child = await childScript(new URL('namespace-child.ts', import.meta.url));
    await using maker = await startProcess(process.execPath, [child, ...script(seconds, folder.path)]);
    await maker.waitUntil('the daemon was left', () => maker.stdout.includes('left'));
    await expect.poll(() => countProcesses(seconds)).toBe(1);
    process.kill(maker.pid, 'SIGKILL');
    await expect.poll(() => countProcesses(seconds)).toBe(0);
  });
});

describe('traceConnects', () => {
  test('sees a connection to this machine', async (context) => {
    if (requireTool('strace') === undefined) context.skip();
    const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const result = await traceConnects(process.execPath, connectScript('127.0.0.1', port));
    server.close();
    expect(result.exitCode).toBe(0);
    expect(result.targets).toEqual([{ family: 'inet', address: '127.0.0.1', port, isLocal: true }]);
  });

  test('sees a try that fails, and a lookup of a name', async (context) => {
    if (requireTool('strace') === undefined) context.skip();
    await using namespace = await openNetworkNamespace();
    const failed = await traceConnects(process.execPath, connectScript(FOREIGN, 9), { namespace });
    expect(failed.targets).toEqual([{ family: 'inet', address: FOREIGN, port: 9, isLocal: false }]);
    const lookup = await traceConnects(process.execPath, connectScript('airgap.invalid', 443), { namespace });
    expect(lookup.targets.some((target) => target.port === 53)).toBe(true);
  });

  test('sees nothing where nothing is tried', async (context) => {
    if (requireTool('strace') === undefined) context.skip();
    expect((await traceConnects('/bin/true', [])).targets).toEqual([]);
  });
});

test('parses every form strace writes', () => {
  const trace = [
    '12 connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.7")}, 16) = -1 EINPROGRESS',
    '12 sendto(3, ""..., 2, 0, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 2',
    '12 connect(3, {sa_family=AF_UNIX, sun_path="/run/docker.sock"}, 110) = 0',
    '12 sendto(3, [{}], 20, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 20',
    '12 connect(3, {sa_family=AF_UNSPEC, sa_data=""}, 16) = 0',
  ].join('\n');
  expect(parseTargets(trace)).toEqual([
    { family: 'inet', address: '192.0.2.7', port: 443, isLocal: false },
    { family: 'inet6', address: '2001:db8::1', port: 53, isLocal: false },
    { family: 'unix', address: '/run/docker.sock', port: 0, isLocal: true },
    { family: 'other', address: 'NETLINK nl_pid=0, nl_groups=00000000', port: 0, isLocal: true },
  ]);
});
