/** Both generations of containerd, up, used and gone. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTAINERD_TOOLS, startContainerd, type ContainerdGeneration } from './containerd.ts';
import { requireTool } from './require-tool.ts';

const GENERATIONS: readonly ContainerdGeneration[] = [1, 2];

describe.each(GENERATIONS)('containerd %i', (generation) => {
  test('answers ctr with an empty image store, then leaves nothing behind', async (context) => {
    for (const tool of CONTAINERD_TOOLS[generation]) if (requireTool(tool) === undefined) context.skip();
    const containerd = await startContainerd(generation);
    try {
      const server = (await containerd.ctr(['version'])).stdout.split('Server:')[1];
      expect(server).toMatch(new RegExp(`Version:\\s+v?${generation}\\.`));
      expect(await containerd.ctr(['images', 'list', '--quiet'])).toMatchObject({ exitCode: 0, stdout: '' });
    } finally {
      await containerd.stop();
    }
    expect(existsSync(dirname(containerd.socketPath))).toBe(false);
  });
});
