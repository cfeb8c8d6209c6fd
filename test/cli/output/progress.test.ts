/** What people see of long work: lines in a log, bars on a terminal, nothing when they asked for nothing. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createContext, wantsColor, type GlobalOptions, type Surroundings } from '../../../src/cli/context.ts';
import { formatAmount, Rate } from '../../../src/cli/output/rate.ts';
import { openProgress } from '../../../src/cli/output/open-progress.ts';
import { sha256 } from '../../../src/oci/digest.ts';

const MIB = 1024 * 1024;
const descriptor = { mediaType: 'application/octet-stream', digest: sha256('blob'), size: 4 * MIB };
const small = { ...descriptor, digest: sha256('small'), size: 10 };
const target = 'registry.internal/app';

const names = new Map([[descriptor.digest, 'app:1.0 and 2 more']]);

function surroundings(
  isTTY: boolean,
  env: Record<string, string> = {},
  columns = 120,
): Surroundings & { readonly stderr: PassThrough; tick(ms: number): void } {
  const stderr = Object.assign(new PassThrough(), { isTTY, columns });
  const stdout = new PassThrough();
  const signal = new AbortController().signal;
  let now = 1_000_000;
  const tick = (ms: number): void => void (now += ms);
  return { stdin: new PassThrough(), stdout, stderr, isTTY, env, signal, now: () => new Date(now), tick };
}

async function shown(isTTY: boolean, options: GlobalOptions, columns = 120): Promise<string> {
  const around = surroundings(isTTY, {}, columns);
  {
    using progress = await openProgress(createContext(around, options));
    progress.begin('verification', 'verifying', 8 * MIB);
    progress.name(names);
    progress.begin('copy', 'archive.tar', 8 * MIB, MIB);
    progress.onImage('app', 1, 1);
    progress.onCopy({ type: 'started', descriptor, target });
    progress.onCopy({ type: 'started', descriptor: small, target });
    progress.onCopy({ type: 'progress', descriptor, target, bytes: MIB });
    progress.onCopy({ type: 'retrying', descriptor, target, error: new Error('cut \x1b[2J'), delayMs: 250 });
    progress.onCopy({ type: 'resumed', descriptor, target, bytes: MIB });
    around.tick(11_000);
    progress.onCopy({ type: 'progress', descriptor, target, bytes: 2 * MIB });
    progress.onCopy({ type: 'progress', descriptor, target, bytes: MIB });
    progress.onCopy({ type: 'copied', descriptor, target });
    progress.onCopy({ type: 'mounted', descriptor: small, target });
    progress.onVerified(4 * MIB, 8 * MIB);
    progress.onVerified(8 * MIB, 8 * MIB);
    progress.onVerified(8 * MIB, 8 * MIB);
    progress.onCopy({ type: 'tagged', descriptor, target, tag: '1.0' });
  }
  return String(around.stderr.read() ?? '');
}

const [long, short] = [descriptor.digest.slice(0, 19), small.digest.slice(0, 19)];

test('a log gets a line now and then, and one for what is remarkable', async () => {
  expect(await shown(false, {})).toBe(
    [
      'archive.tar: 8.0 MiB, 1.0 MiB of it already there',
      'resolved 1/1  app',
      'trying again in 250 ms: app:1.0 and 2 more (4.0 MiB): cut \\x1b[2J',
      // A broken try is taken out of the total again.
      'copied   50%  4.0 MiB / 8.0 MiB  279 KiB/s  15 s left',
      'verified 8.0 MiB in 11.0 s',
      '',
    ].join('\n'),
  );
});

test('with --verbose a log gets a line for each piece of content', async () => {
  const text = await shown(false, { verbose: true });
  expect(text).toContain('resumed app:1.0 and 2 more (4.0 MiB) after 1.0 MiB');
  expect(text).toContain(`copied  app:1.0 and 2 more (4.0 MiB) ${long} to registry.internal/app`);
  expect(text).toContain(`mounted ${short} (10 B) ${short} in registry.internal/app`);
  expect(text).toContain('tagged  registry.internal/app:1.0');
});

test.each([{ quiet: true }, { quiet: true, json: true }, { progress: 'none' }])('%j says nothing', async (options) => {
  expect(await shown(false, options)).toBe('');
  expect(await shown(true, options)).toBe('');
});

test('--json leaves progress on standard error', async () => {
  expect(await shown(false, { json: true })).toBe(await shown(false, {}));
});

test('--progress json gives programs one event a line', async () => {
  const events = (await shown(true, { progress: 'json' }))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly event: string });
  expect(events.map(({ event }) => event)).toEqual([
    ...['began', 'began', 'resolved', 'started', 'started', 'progress', 'retrying', 'resumed', 'progress', 'copied'],
    ...['mounted', 'progress', 'progress', 'progress', 'tagged'],
  ]);
  expect(events).toContainEqual({
    ...{ event: 'copied', digest: descriptor.digest, size: descriptor.size },
    ...{ name: 'app:1.0 and 2 more', target },
  });
  expect(events.at(-2)).toEqual({ event: 'progress', work: 'verification', done: 8 * MIB, total: 8 * MIB });
});

test('a terminal gets bars that end where the work does, and is left clean', async () => {
  const text = await shown(true, {});
  expect(text).toMatch(/archive\.tar +\[=+ +\] +62% {2}5\.0 MiB \/ 8\.0 MiB/);
  expect(text).toMatch(/verifying +\[={24}\] +100% {2}8\.0 MiB \/ 8\.0 MiB/);
  expect(text).toContain('cut \\x1b[2J');
  expect(text.lastIndexOf('\x1b[?25h')).toBeGreaterThan(text.lastIndexOf('\x1b[?25l'));
});

test.each([120, 80, 60])('what a bar says fits into %i columns', async (columns) => {
  const text = await shown(true, {}, columns);
  const lines = text
    .replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, '\n')
    .split('\n')
    .filter((line) => line.includes(' MiB / '));
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
});

test('of a long title a bar shows the end, in as much room as of a short one', async () => {
  const around = surroundings(true);
  {
    using progress = await openProgress(createContext(around, {}));
    progress.begin('copy', `registry.example/${'team/'.repeat(8)}app`, MIB);
    progress.onCopy({ type: 'started', descriptor, target });
    progress.onCopy({ type: 'progress', descriptor, target, bytes: MIB });
  }
  expect(String(around.stderr.read())).toContain('…team/team/team/team/app [');
});

test('an unknown style of progress is refused with those that there are', () => {
  expect(() => createContext(surroundings(true), { progress: 'fancy' })).toThrow('auto, bars, lines, json, none');
});

test('the rate counts from the first byte and forgets the past', () => {
  let now = 0;
  const rate = new Rate(() => now);
  now = 60_000;
  expect(rate.perSecond).toBe(0);
  rate.add(0);
  now += 1000;
  rate.add(MIB);
  expect(rate.perSecond).toBe(MIB);
  for (let second = 0; second < 60; second++) {
    now += 1000;
    rate.add(10 * MIB);
  }
  expect(rate.perSecond / MIB).toBeCloseTo(10, 0);
});

test('an estimate waits until there is something to go by', () => {
  let now = 0;
  const rate = new Rate(() => now);
  rate.add(1000);
  now = 400;
  expect(formatAmount(1000, 1024 * MIB, rate)).toBe('  0%  1000 B / 1.0 GiB');
  rate.add(10 * MIB);
  now = 1000;
  expect(formatAmount(10 * MIB, 1024 * MIB, rate)).toBe('  0%  10.0 MiB / 1.0 GiB  10.0 MiB/s  1 min 41 s left');
});

test('colour needs a terminal, and nothing that speaks against it', () => {
  expect(wantsColor(surroundings(true))).toBe(true);
  expect(wantsColor(surroundings(true), { color: false })).toBe(false);
  expect(wantsColor(surroundings(true, { NO_COLOR: '1' }))).toBe(false);
  expect(wantsColor(surroundings(true, { TERM: 'dumb' }))).toBe(false);
  expect(wantsColor(surroundings(false))).toBe(false);
});
