/** What renders charts here, and what is said where nothing does. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openChartRenderer } from '../../../src/kubernetes/rendering/open-renderer.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { CORPUS, requestFor } from './corpus.ts';

const temp = useTempDir();

test('a helm on PATH renders charts; what cannot be run, and relative folders, are passed over', async () => {
  const helm = requireTool('helm4');
  const [chart] = CORPUS;
  if (helm === undefined || chart === undefined) return;
  await mkdir(temp.join('bin'));
  await mkdir(temp.join('folder', 'helm'), { recursive: true });
  await writeFile(temp.join('helm'), 'text', { mode: 0o644 });
  await symlink(helm, temp.join('bin', 'helm'));
  const path = ['', '.', 'bin', temp.path, temp.join('folder'), temp.join('bin')].join(':');
  const renderer = await openChartRenderer({ path });
  expect(renderer.name).toBe('helm');
  expect((await renderer.render(await requestFor(chart))).manifest).toMatch(chart.holds);
});

test.each(['', undefined])('without one it is said how to get one (PATH %j)', async (path) => {
  await expect(openChartRenderer({ path })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'charts cannot be rendered: there is no helm on PATH',
    hint: expect.stringContaining('helm 3.14 or newer') as string,
  });
});
