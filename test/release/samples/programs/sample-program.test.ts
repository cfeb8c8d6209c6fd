/** What sample images do when they run: probes are answered, commands end as a chart expects, signals end them at once. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStaticElf } from '../../../../src/release/samples/machine/static-elf.ts';
import { readyProbe } from '../../../../src/release/samples/programs/ready-probe.ts';
import { sampleProgram } from '../../../../src/release/samples/programs/sample-program.ts';
import { roleOf } from '../../../../src/release/samples/sample-roles.ts';
import { openNetworkNamespace, type Command, type NetworkNamespace } from '../../../helpers/network-namespace.ts';
import { startProcess, type ProcessResult, type RunningProcess } from '../../../helpers/process.ts';
import { requireTool } from '../../../helpers/require-tool.ts';
import { toolPath } from '../../../helpers/tools.ts';
import { makeTempDir } from '../../../helpers/temp.ts';
import { RUNNABLE, toCommand } from '../runnable.ts';

const NAMES = ['control-plane', 'ui', 'edge-agent', 'database', 'cli', 'other'];
let temp: Awaited<ReturnType<typeof makeTempDir>>;
// The ports are fixed, as the chart's are; nobody else has them in a network of its own.
let network: NetworkNamespace;

beforeAll(async () => {
  network = await openNetworkNamespace();
  temp = await makeTempDir();
});

afterAll(async () => {
  await network.close();
  await temp[Symbol.asyncDispose]();
});

describe.each(RUNNABLE)('a sample for linux/%s', (architecture) => {
  const bannerOf = (name: string): string => `hexabase/${name} 1.5.0 linux/${architecture}`;
  const at = (name: string): string => temp.join(`${architecture}/${name}`);
  const command = (name: string, ...args: readonly string[]): Command => toCommand(architecture, at(name), args);
  const runSample = (name: string, ...args: readonly string[]): Promise<ProcessResult> =>
    network.run(...command(name, ...args));
  const start = async (name: string, ...args: readonly string[]): Promise<RunningProcess> => {
    const process = await startProcess(...network.wrap(...command(name, ...args)));
    await process.waitUntil('it said that it was ready', () => process.stdout.includes('a sample; it answers'));
    return process;
  };

  beforeAll(async () => {
    await mkdir(temp.join(architecture));
    for (const name of NAMES) {
      const program = sampleProgram(bannerOf(name), roleOf(`hexabase/${name}`));
      await writeFile(at(name), createStaticElf(architecture, program), { mode: 0o755 });
    }
    await writeFile(at('pg_isready'), createStaticElf(architecture, readyProbe(5432)), { mode: 0o755 });
  });

  it.each([
    [
      'control-plane',
      ['serve'],
      ['127.0.0.1:8080/healthz', '127.0.0.1:8080/readyz', '127.0.0.1:9090/metrics', '[::1]:8443/'],
    ],
    ['ui', [], ['127.0.0.1:8080/healthz', '[::1]:8080/readyz']],
    ['edge-agent', [], ['127.0.0.1:8081/healthz', '127.0.0.1:8081/readyz']],
    ['other', ['anything', '--at=all'], ['127.0.0.1:8080/healthz']],
  ])('%s answers its probes until SIGTERM', async (name, args, addresses) => {
    const curl = requireTool('curl') as string;
    await using server = await start(name, ...args);
    const urls = addresses.map((address) => `http://${address}`);
    const options = ['--silent', '--show-error', '--globoff', '--max-time', '60', '--write-out', '%{http_code}\n'];
    const { stdout, stderr } = await network.run(curl, [...options, ...urls]);
    expect([stdout, stderr]).toEqual([`# ${bannerOf(name)}: a sample\n200\n`.repeat(urls.length), '']);
    expect(await server.stop()).toMatchObject({ exitCode: 0, signal: null, stderr: '' });
    expect(server.stdout).toMatch(new RegExp(`^${bannerOf(name)}: a sample; .*\n${bannerOf(name)}: stopped\n$`));
  });

  it('a server goes on while clients say nothing, and keeps the newest of them', async () => {
    await using server = await start('ui');
    const script = `const { connect } = require('node:net');
      const ended = [];
      const open = (at) => new Promise((resolve) => connect(8080, '127.0.0.1').on('connect', function () { resolve(this); })
        .on('end', () => ended.push(at)).on('error', () => ended.push(at)));
      (async () => {
        const silent = [];
        for (let at = 0; at < 40; at++) silent.push(await open(at));
        const answer = await (await fetch('http://127.0.0.1:8080/')).text();
        silent.at(-1).end('GET / HTTP/1.1\\r\\n\\r\\n').once('data', (data) => {
          console.log(answer.trim(), data.toString().split('\\r\\n')[0], ended.every((at) => at <= 40 - 32));
          process.exit();
        });
      })();`;
    const { stdout } = await network.run(process.execPath, ['-e', script]);
    expect(stdout).toBe(`# ${bannerOf('ui')}: a sample HTTP/1.1 200 OK true\n`);
    expect(await server.stop(60_000, 'SIGINT')).toMatchObject({ exitCode: 0 });
  });

  it('a port that another has ends a platform part, and is done without by any other image', async () => {
    await using server = await start('other');
    const taken = { exitCode: 1, stdout: '', stderr: `${bannerOf('ui')}: cannot listen at 8080\n` };
    expect(await runSample('ui')).toMatchObject(taken);
    await using second = await start('other');
    expect(await second.stop()).toMatchObject({ exitCode: 0 });
    expect(await server.stop()).toMatchObject({ exitCode: 0 });
  });

  it('pg_isready finds the database at the port of both, and says when it finds none', async () => {
    const probe = ['-h', '127.0.0.1', '-p', '6432', '-U', 'hexabase', '-d', 'hexabase'];
    const silent = { exitCode: 2, stdout: '127.0.0.1 - no response\n' };
    expect(await runSample('pg_isready', ...probe)).toMatchObject(silent);
    await using database = await start('database', '-c', 'config_file=/etc/x.conf', '-c', 'port=6432');
    const accepting = { exitCode: 0, stdout: '127.0.0.1 - accepting connections\n' };
    expect(await runSample('pg_isready', ...probe)).toMatchObject(accepting);
    expect(await runSample('pg_isready')).toMatchObject(silent);
    expect(await database.stop()).toMatchObject({ exitCode: 0 });
    await using ordinary = await start('database');
    expect(await runSample('pg_isready', '-p')).toMatchObject(accepting);
    expect(await ordinary.stop()).toMatchObject({ exitCode: 0 });
  });

  it('a client of the database is told in its own protocol that there are no data', async () => {
    await using database = await start('database');
    const script = `require('node:net').connect(5432, '127.0.0.1')
      .on('data', (data) => console.log(data.toString('base64'))).write('startup')`;
    const { stdout } = await network.run(process.execPath, ['-e', script]);
    const answer = Buffer.from(stdout, 'base64');
    const message = `${bannerOf('database')}: a sample; it stores nothing`;
    expect([answer.toString('latin1', 0, 1), answer.readInt32BE(1)]).toEqual(['E', answer.length - 1]);
    expect(answer.toString('latin1', 5)).toBe(`SFATAL\0VFATAL\0C0A000\0M${message}\0\0`);
    expect(await database.stop()).toMatchObject({ exitCode: 0 });
  });

  it('commands end as a chart expects, and the same when they are run again', async () => {
    const [config, output] = [temp.join('init-config.yaml'), temp.join('backups')];
    await writeFile(config, 'kind: InitConfig\n');
    await mkdir(output, { recursive: true });
    const says = (name: string, text: string): object => ({
      exitCode: 0,
      stdout: `${bannerOf(name)}: ${text}\n`,
      stderr: '',
    });
    for (let times = 0; times < 2; times++) {
      const init = await runSample('cli', 'init', `--config-file=${config}`);
      expect(init).toMatchObject(says('cli', 'init: the configuration is there; a sample sets nothing up'));
      const backup = await runSample('cli', 'backup', `--output=${output}`, '--keep=7');
      expect(backup).toMatchObject(says('cli', 'backup: wrote sample.dump, without data'));
    }
    expect(await readFile(`${output}/sample.dump`, 'utf8')).toBe(`${bannerOf('cli')}\n`);
    const rotation = await runSample('cli', 'rotate-keys', '--keys=database,storage,backup', '--max-age-days=90');
    expect(rotation).toMatchObject(says('cli', 'rotate-keys: a sample changes nothing'));
    expect(await runSample('control-plane', 'migrate')).toMatchObject(
      says('control-plane', 'migrate: a sample changes nothing'),
    );
    expect(await runSample('cli')).toMatchObject({ exitCode: 0, stdout: `${bannerOf('cli')}\n` });
  });

  it.each([
    ['cli', ['init', '--config-file=/nowhere/init.yaml'], 1, 'init: cannot open the file of --config-file=FILE'],
    ['cli', ['init'], 1, 'init: cannot open the file of --config-file=FILE'],
    [
      'cli',
      ['backup', '--output=/proc/self'],
      1,
      'backup: cannot write sample.dump into the folder of --output=FOLDER',
    ],
    ['cli', ['initialise'], 2, 'this sample knows init, backup, rotate-keys'],
    ['control-plane', ['serv'], 2, 'this sample knows serve, migrate'],
  ])('%s %s is refused', async (name, args, exitCode, text) => {
    expect(await runSample(name, ...args)).toMatchObject({
      exitCode,
      stdout: '',
      stderr: `${bannerOf(name)}: ${text}\n`,
    });
  });

  it('runs as the first process of its container: no root, nothing to write on, no privilege, and SIGTERM ends it', async () => {
    await chmod(temp.path, 0o755);
    const user = '--reuid=65532 --regid=65532 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all';
    const script = `mount --bind / / && mount -o remount,bind,ro / && exec setpriv ${user} -- "$@"`;
    const [program, args] = command('control-plane', 'serve');
    const container = ['--pid', '--fork', '--kill-child', '--mount', '--', 'sh', '-c', script, 'sh', program, ...args];
    await using parent = await startProcess(...network.wrap(toolPath('unshare'), container));
    await parent.waitUntil('it said that it was ready', () => parent.stdout.includes('it answers at 8080, 8443, 9090'));
    const [pid] = (await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8')).split(' ');
    process.kill(Number(pid), 'SIGTERM');
    expect(await parent.ended).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/: stopped\n$/) as string });
  });
});
