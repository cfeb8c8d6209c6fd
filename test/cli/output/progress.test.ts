/** What people see of long work: lines in a log, bars on a terminal, nothing when they asked for nothing. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createContext, wantsColor, type GlobalOptions, type Surroundings } from '../../../src/cli/context.ts';
import { Rate } from '../../../src/cli/output/progress-bars.ts';
import { openProgress } from '../../../src/cli/output/progress.ts';
import { sha256 } from '../../../src/oci/digest.ts';

const MIB = 1024 * 1024;
const descriptor = { mediaType: 'application/octet-stream', digest: sha256('blob'), size: 4 * MIB };
const small = { ...descriptor, digest: sha256('small'), size: 10 };
const target = 'registry.internal/app';

function surroundings(
  isTTY: boolean,
  env: Record<string, string> = {},
): Surroundings & { readonly stderr: PassThrough } {
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 120 });
  const stdout = new PassThrough();
  const signal = new AbortController().signal;
  return { stdin: new PassThrough(), stdout, stderr, isTTY, env, signal, now: () => new Date(0) };
}

async function shown(isTTY: boolean, options: GlobalOptions): Promise<string> {
  const around = surroundings(isTTY);
  {
    using progress = await openProgress(createContext(around, options));
    progress.begin('verification', 'verifying', 8 * MIB);
    progress.begin('copy', 'archive.tar', 8 * MIB, MIB);
    progress.onImage('app', 1, 1);
    progress.onCopy({ type: 'started', descriptor, target });
    progress.onCopy({ type: 'started', descriptor: small, target });
    progress.onCopy({ type: 'progress', descriptor, target, bytes: MIB });
    progress.onCopy({ type: 'retrying', descriptor, target, error: new Error('cut \x1b[2J'), delayMs: 250 });
    progress.onCopy({ type: 'resumed', descriptor, target, bytes: MIB });
    progress.onCopy({ type: 'progress', descriptor, target, bytes: 3 * MIB });
    progress.onCopy({ type: 'copied', descriptor, target });
    progress.onCopy({ type: 'mounted', descriptor: small, target });
    progress.onVerified(4 * MIB, 8 * MIB);
    progress.onVerified(8 * MIB, 8 * MIB);
    progress.onVerified(8 * MIB, 8 * MIB);
    progress.onCopy({ type: 'tagged', descriptor, target, tag: '1.0' });
  }
  return String(around.stderr.read() ?? '');
}

test('a log gets one line per finished item', async () => {
  const [long, short] = [descriptor.digest.slice(0, 19), small.digest.slice(0, 19)];
  expect(await shown(false, {})).toBe(
    [
      'archive.tar: 8.0 MiB, 1.0 MiB of it already there',
      'resolved 1/1  app',
      `trying again in 250 ms: ${long} (4.0 MiB): cut \\x1b[2J`,
      `resumed ${long} (4.0 MiB) after 1.0 MiB`,
      `copied  ${long} (4.0 MiB) to registry.internal/app`,
      `mounted ${short} (10 B) in registry.internal/app`,
      'verified 8.0 MiB in 0 ms',
      'tagged  registry.internal/app:1.0',
      '',
    ].join('\n'),
  );
});

test.each([{ quiet: true }, { json: true }])('%j says nothing', async (options) => {
  expect(await shown(false, options)).toBe('');
  expect(await shown(true, options)).toBe('');
});

test('a terminal gets bars that end where the work does, and is left clean', async () => {
  const text = await shown(true, {});
  // A broken try is taken out of the total again: 1 MiB was there, 4 MiB came.
  expect(text).toMatch(/archive\.tar +\[=+ +\] +62% {2}5\.0 MiB \/ 8\.0 MiB/);
  expect(text).toMatch(/verifying +\[={24}\] 100% {2}8\.0 MiB \/ 8\.0 MiB/);
  expect(text).toContain('cut \\x1b[2J');
  expect(text.lastIndexOf('\x1b[?25h')).toBeGreaterThan(text.lastIndexOf('\x1b[?25l'));
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

test('colour needs a terminal, and nothing that speaks against it', () => {
  expect(wantsColor(surroundings(true))).toBe(true);
  expect(wantsColor(surroundings(true), { color: false })).toBe(false);
  expect(wantsColor(surroundings(true, { NO_COLOR: '1' }))).toBe(false);
  expect(wantsColor(surroundings(true, { TERM: 'dumb' }))).toBe(false);
  expect(wantsColor(surroundings(false))).toBe(false);
});
