/** The engine's file is taken only as it was built. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENGINE_FILES, openEngineModule } from '../../../../src/kubernetes/rendering/engine/engine-module.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { requireEngine } from '../renderers.ts';

const temp = useTempDir();
const MiB = 1024 * 1024;
const { description, module } = ENGINE_FILES;

test('where there is none, or half of one, there is no engine', async () => {
  expect(await openEngineModule(MiB, temp.path)).toBeUndefined();
  await writeFile(temp.join(description), '{}');
  expect(await openEngineModule(MiB, temp.path)).toBeUndefined();
});

test.each(['', '{}', '[]', '{"helm":"4.3.1","digest":"sha256:1","size":1}', '{"helm":"v4","size":1}'])(
  'a description %j is refused',
  async (text) => {
    await writeFile(temp.join(description), text);
    await writeFile(temp.join(module), 'x');
    await expect(openEngineModule(MiB, temp.path)).rejects.toMatchObject({ code: 'MALFORMED' });
  },
);

test('another module than the one described is refused, and one that unpacks to more', async (t) => {
  const folder = requireEngine() ?? t.skip();
  await copyFile(join(folder, description), temp.join(description));
  const packed = await readFile(join(folder, module));
  packed.writeUInt8(packed.readUInt8(5000) ^ 1, 5000);
  await writeFile(temp.join(module), packed);
  await expect(openEngineModule(512 * MiB, temp.path)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
    message: expect.stringContaining(temp.join(module)) as string,
  });
  await copyFile(join(folder, module), temp.join(module));
  const described = JSON.parse(await readFile(join(folder, description), 'utf8')) as { size: number };
  await writeFile(temp.join(description), JSON.stringify({ ...described, size: described.size - 1 }));
  await expect(openEngineModule(512 * MiB, temp.path)).rejects.toMatchObject({ code: 'MALFORMED' });
});
