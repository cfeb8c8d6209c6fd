/** The command that sets a platform up: in a pod of it, once for each release, and what is told when it does not go well. */
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { planInit } from '../../../src/operations/deploy/steps/init-step.ts';
import { useBuiltCli } from '../../cli/built-cli.ts';
import { sharedCluster, type SharedCluster } from '../../helpers/cluster.ts';
import { makeDeployableRelease, type DeployableRelease } from './deployable-release.ts';

const cli = useBuiltCli();
let cluster: SharedCluster | undefined;
let release: DeployableRelease | undefined;

beforeAll(async () => {
  cluster = await sharedCluster();
  if (cluster !== undefined) release = await makeDeployableRelease(cli, cluster.kubeconfig);
});
afterAll(async () => {
  if (cluster !== undefined && release !== undefined)
    await rm(join(cluster.programs, release.initProgram), { force: true });
  await release?.[Symbol.asyncDispose]();
});

const PASSWORD = 'correct-horse-battery';

interface Site {
  readonly namespace: string;
  /** Makes the program: its lines, in the shell of this machine. */
  readonly write: (...lines: readonly string[]) => Promise<void>;
  /** How often it ran. */
  readonly runs: () => Promise<number>;
  readonly deploy: DeployableRelease['deploy'];
  readonly words: DeployableRelease['words'];
  readonly values: readonly string[];
}

async function site(skip: () => never): Promise<Site> {
  if (cluster === undefined || release === undefined) return skip();
  const { temp, initProgram, deploy, words } = release;
  const namespace = `set-up-${randomBytes(4).toString('hex')}`;
  const log = temp.join(`${namespace}.log`);
  await writeFile(log, '');
  const values = temp.join(`${namespace}.env`);
  await writeFile(values, `SITE_API_PASSWORD=${PASSWORD}\n`);
  const program = join(cluster.programs, initProgram);
  return {
    namespace,
    write: async (...lines) => {
      await writeFile(program, ['#!/bin/sh', `echo "$*" >> ${log}`, ...lines, ''].join('\n'));
      await chmod(program, 0o755);
    },
    runs: async () => (await readFile(log, 'utf8')).split('\n').filter((line) => line === 'all').length,
    deploy,
    words,
    values: ['--site-values', values],
  };
}

describe('the command that sets a platform up', () => {
  test('runs once, when everything is ready, and is on record; its output hides the values of the site', async (t) => {
    const { namespace, write, runs, deploy, values } = await site(t.skip);
    await write(`echo "made the first account"`, `echo "its password is ${PASSWORD}"`);
    const log = release?.temp.join(`${namespace}.jsonl`) ?? '';
    const plan = await deploy('set-up', namespace, ...values, '--plan');
    const title = `${release?.initProgram ?? ''} all in Deployment ${namespace}/control`;
    expect(plan).toMatchObject({ exitCode: 7, stdout: expect.stringContaining(`  run        ${title}\n`) as string });
    expect(await runs()).toBe(0);
    const first = await deploy('set-up', namespace, ...values, '--audit-log', log);
    expect(first).toMatchObject({ exitCode: 0, stderr: expect.stringContaining(`  ${title} runs\n`) as string });
    expect(first.stdout).toMatch(new RegExp(`^${title} ran, in Pod ${namespace}/control-\\S+\n  \\| made the first account\n  \\| its password is \\(hidden\\)$`, 'm')); // prettier-ignore
    const steps = (await readFile(log, 'utf8')).trimEnd().split('\n').map((line) => (JSON.parse(line) as { step?: { name: string } }).step?.name); // prettier-ignore
    expect(steps.filter((name) => name !== undefined)).toEqual(['load', 'namespaces', 'settings', 'platform', 'init', 'check']); // prettier-ignore
    for (const _ of [1, 2]) {
      const again = await deploy('set-up', namespace);
      expect(again).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(`${title} had run already\n`) as string,
      });
    }
    expect(await runs()).toBe(1);
    expect(await deploy('set-up', namespace, '--plan')).toMatchObject({ exitCode: 0 });
  });

  test('that failed ends the deployment with its last lines, and runs again the next time', async (t) => {
    const { namespace, write, runs, deploy, values } = await site(t.skip);
    await write('echo "no database at db:5432" >&2', 'exit 3');
    const failed = await deploy('set-up', namespace, ...values, '--json');
    expect(failed.exitCode).toBe(1);
    // Fake nodes do not pass the exit code on (test/kubernetes/cluster/exec.test.ts has it), only that there was one.
    expect(failed.stderr).toContain('step init: cannot run');
    await write('echo "ok"');
    const again = await deploy('set-up', namespace);
    expect(again).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('runs again: an earlier run began it') as string,
    });
    expect(await runs()).toBe(2);
  });

  test('whose deployment was stopped in between runs again, and that is said', async (t) => {
    const { namespace, write, runs, deploy, words, values } = await site(t.skip);
    await write('exec sleep 20');
    const stop = new AbortController();
    const stopped = cli.airgap(words('set-up', namespace, ...values), { signal: stop.signal });
    await expect.poll(runs, { timeout: 120_000, interval: 100 }).toBe(1);
    stop.abort(new DOMException('interrupted', 'AbortError'));
    expect(await stopped).toMatchObject({ exitCode: 130 });
    await write('echo "ok"');
    const again = await deploy('set-up', namespace);
    expect(again).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('runs again: an earlier run began it') as string,
    });
    expect(await runs()).toBe(2);
  });
});

describe('a repair', () => {
  test('begins with the step that is named, which is on record, and calls nothing complete that is not', async (t) => {
    const { namespace, write, deploy, values } = await site(t.skip);
    const { api } = cluster ?? t.skip();
    await write('echo "ok"');
    expect(await deploy('set-up', namespace, ...values)).toMatchObject({ exitCode: 0 });
    await api.request('DELETE', `/apis/apps/v1/namespaces/${namespace}/deployments/control`);
    const log = release?.temp.join(`${namespace}.jsonl`) ?? '';
    const words = ['--from', 'platform', '--audit-log', log];
    const repaired = await deploy('set-up', namespace, ...words);
    expect(repaired).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('\n1 created, 0 configured, 0 unchanged\n') as string,
      stderr: expect.stringContaining('what comes before step platform is taken as it is (--from)') as string,
    });
    const entries = (await readFile(log, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; step?: { name: string }; cluster?: { from?: string } });
    expect(entries.map(({ event, step }) => step?.name ?? event)).toEqual(
      ['started', 'load', 'platform', 'init', 'check', 'completed'],
    ); // prettier-ignore
    expect(entries[0]?.cluster?.from).toBe('platform');

    await api.request('DELETE', `/api/v1/namespaces/${namespace}/configmaps/dsn`);
    const lacking = await deploy('set-up', namespace, '--from', 'platform', '--step-timeout', '2');
    const missing = `ConfigMap ${namespace}/dsn: it is not there`;
    expect(lacking).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(missing) as string });
    expect(await deploy('set-up', namespace, '--from', 'platform', '--plan')).toMatchObject({ exitCode: 2 });
    expect(await deploy('set-up', namespace)).toMatchObject({ exitCode: 0 });
  });
});

describe('where the command runs', () => {
  const workload = (image: string): Parameters<typeof planInit>[2] => [
    {
      name: 'platform',
      isSerial: false,
      objects: [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'control', namespace: 'shop' },
          spec: {
            template: {
              spec: {
                containers: [
                  { name: 'side', image: 'a' },
                  { name: 'main', image },
                ],
              },
            },
          },
        },
      ],
    },
  ];
  const init = { workload: 'Deployment/control', command: ['tool', 'init'], timeoutSeconds: 60 };

  test('is the first container, or the one that is named', () => {
    expect(planInit(init, 'plain', workload('b'))).toMatchObject({ container: 'side', timeoutMs: 60_000 });
    expect(planInit({ ...init, container: 'main' }, 'plain', workload('b'))?.container).toBe('main');
  });

  test('decides, with the command and the image, whether it has run', () => {
    const digests = [
      planInit({ ...init, container: 'main' }, 'plain', workload('b')),
      planInit({ ...init, container: 'main' }, 'plain', workload('c')),
      planInit({ ...init, container: 'main', command: ['tool', 'init', '--all'] }, 'plain', workload('b')),
      planInit({ ...init, container: 'side' }, 'plain', workload('b')),
    ].map((planned) => planned?.digest);
    expect(new Set(digests).size).toBe(4);
    expect(planInit({ ...init, container: 'main', timeoutSeconds: 5 }, 'plain', workload('b'))?.digest).toBe(
      digests[0],
    );
  });

  test('is nowhere for profiles that it is not for; in one that lacks it, nothing is deployed', () => {
    expect(planInit({ ...init, profiles: ['edge'] }, 'plain', workload('b'))).toBeUndefined();
    expect(() => planInit({ ...init, workload: 'Deployment/other' }, 'plain', workload('b'))).toThrow(UsageError);
    expect(() => planInit({ ...init, container: 'other' }, 'plain', workload('b'))).toThrow(
      'no container other in Deployment control',
    );
  });
});
