/** What is checked of the options before any place is asked for an image. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ImageSources } from '../../../src/operations/resolve/image-sources.ts';
import { openImageTarget } from '../../../src/release/mapping/open-target.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();

test('a file of authorities that is none is refused though no connection needs it, at a source and at a target', async () => {
  const caFile = temp.join('ca.pem');
  await writeFile(caFile, 'no certificate\n');
  const refused = expect.objectContaining({ code: 'USAGE', message: `${caFile} is not a PEM file` }) as Error;
  expect(() => new ImageSources({ caFile, env: {} })).toThrow(refused);
  const address = { kind: 'registry', host: '127.0.0.1:1', prefix: '' } as const;
  await expect(openImageTarget(address, { caFile, env: {} })).rejects.toThrow(refused);
});
