/** docs/discover.schema.json is the schema of `discover --json`. `UPDATE=1 npx vitest run test/report/discovery-report.test.ts` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { formatDiscoverySchema } from '../../src/report/discovery-report.ts';

const COPY = new URL('../../docs/discover.schema.json', import.meta.url);

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatDiscoverySchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatDiscoverySchema()));
});
