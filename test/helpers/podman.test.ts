/** A podman store that starts empty and is gone afterwards. */
import { expect, test } from 'vitest';
import { createPodman } from './podman.ts';
import { requireTool } from './require-tool.ts';

test('is empty and apart from the machine’s own store', async (context) => {
  if (requireTool('podman') === undefined) context.skip();
  await using store = await createPodman();
  expect(await store.podman(['images', '--quiet'])).toMatchObject({ exitCode: 0, stdout: '' });
  const { stdout } = await store.podman(['info', '--format', '{{.Store.GraphRoot}} {{.Store.GraphDriverName}}']);
  expect(stdout).toMatch(/airgap-podman-.* vfs\n$/);
});
