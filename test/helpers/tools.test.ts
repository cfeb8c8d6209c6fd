/** Where tools are found, and that a missing one is an error that names it. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { findTool, toolPath } from './tools.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'airgap-tools-'));
  await mkdir(join(folder, 'bin', 'a-folder'), { recursive: true });
  await writeFile(join(folder, 'bin', 'sh'), '#!/bin/sh\n');
  await writeFile(join(folder, 'bin', 'not-executable'), '');
  await chmod(join(folder, 'bin', 'sh'), 0o755);
});
beforeEach(() => {
  vi.stubEnv('AIRGAP_TOOLS', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(() => rm(folder, { recursive: true }));

test('the provisioned folder comes before PATH', () => {
  expect(findTool('sh')).toBe(join(folder, 'bin', 'sh'));
});

test('PATH is searched next', () => {
  vi.stubEnv('AIRGAP_TOOLS', '');
  expect(findTool('sh')).toMatch(/^\/(usr\/)?bin\/sh$/);
});

test('a folder or a file that cannot be run is no tool', () => {
  expect(findTool('a-folder')).toBeUndefined();
  expect(findTool('not-executable')).toBeUndefined();
});

test('a missing tool is named', () => {
  expect(() => toolPath('no-such-tool')).toThrow(/no-such-tool.*scripts\/setup-tools\.sh/);
});
