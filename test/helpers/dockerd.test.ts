/** Both generations of the Docker Engine, up, used and gone. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DOCKERD_TOOLS, startDockerd, type DockerGeneration } from './dockerd.ts';
import { mountsBelow } from './mounts.ts';
import { requireTool } from './require-tool.ts';
import { runOk } from './run.ts';
import { useTempDir } from './temp.ts';

const temp = useTempDir();
const GENERATIONS: readonly DockerGeneration[] = [20, 28];

describe.each(GENERATIONS)('Docker Engine %i', (generation) => {
  test('answers its own client with an empty image store, then leaves nothing behind', async (context) => {
    for (const tool of DOCKERD_TOOLS[generation]) if (requireTool(tool) === undefined) context.skip();
    const engine = await startDockerd(generation);
    try {
      const version = await engine.docker(['version', '--format', '{{.Server.Version}}']);
      expect(version.stdout).toMatch(generation === 20 ? /^20\.10\./ : /^(2[89]|[3-9]\d)\./);
      expect(await engine.docker(['images', '--quiet'])).toMatchObject({ exitCode: 0, stdout: '' });
      const tar = temp.join('rootfs.tar');
      await writeFile(temp.join('hello'), 'hello');
      await runOk('tar', ['-C', temp.path, '-cf', tar, 'hello']);
      const imported = await engine.docker(['import', tar, 'airgap.test/hello:1']);
      expect(imported).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^sha256:/) as string });
      const driver = await engine.docker(['info', '--format', '{{.DriverStatus}}']);
      expect(driver.stdout.includes('io.containerd.snapshotter')).toBe(generation === 28);
    } finally {
      await engine.stop();
    }
    expect(existsSync(dirname(engine.socketPath))).toBe(false);
    expect(await mountsBelow(dirname(engine.socketPath))).toEqual([]);
  });
});
