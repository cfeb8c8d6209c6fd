/** What scripts/helm-engine/build.sh leaves: of the sources here, with the licences of its parts, and nothing of the machine. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { collectNotices } from '../../../../scripts/helm-engine/notices.ts';
import { ENGINE_FILES, isOfTheseSources } from '../../../../scripts/helm-engine/sources.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { requireEngine } from '../renderers.ts';

const temp = useTempDir();
const [description, module, notices] = ENGINE_FILES;

test('the engine is of these sources', (t) => {
  const folder = requireEngine() ?? t.skip();
  expect(isOfTheseSources(folder)).toBe(true);
});

test('one of other sources, or half of one, is none', async () => {
  expect(isOfTheseSources(temp.path)).toBe(false);
  await writeFile(temp.join(description), '{"sources":"sha256:0"}');
  expect(isOfTheseSources(temp.path)).toBe(false);
  for (const file of [module, notices]) await writeFile(temp.join(file), '');
  expect(isOfTheseSources(temp.path)).toBe(false);
});

test('it names no folder of the machine it was built on', async (t) => {
  const folder = requireEngine() ?? t.skip();
  const bytes = zstdDecompressSync(await readFile(join(folder, module)));
  expect(bytes.includes('helm.sh/helm/v4@v')).toBe(true);
  for (const word of ['/pkg/mod/', '/home/', '/root/', process.cwd()]) expect(bytes.includes(word)).toBe(false);
});

test('the licences of all its parts travel with it', async (t) => {
  const folder = requireEngine() ?? t.skip();
  const text = await readFile(join(folder, notices), 'utf8');
  for (const part of ['Go: LICENSE', 'helm.sh/helm/v4 v', 'k8s.io/client-go v', 'github.com/Masterminds/sprig/v3 v']) {
    expect(text).toContain(`==== ${part}`);
  }
});

test('a part without a licence stops the build; source files of such names are none', async () => {
  await writeFile(temp.join('LICENSE.md'), ' You may. ');
  expect(collectNotices(`one v1 ${temp.path}\n`)).toContain('==== one v1: LICENSE.md\n\nYou may.\n');
  await mkdir(temp.join('bare'));
  await writeFile(temp.join('bare', 'license.go'), 'package bare');
  await writeFile(temp.join('bare', 'NOTICE'), 'Notice.');
  expect(() => collectNotices(`one v1 ${temp.path}\ntwo v2 ${temp.join('bare')}`)).toThrow(/two has no licence/);
});
