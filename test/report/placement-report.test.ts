/** docs/placement.schema.json is the schema of `place --json`. `UPDATE=1 npx vitest run test/report/placement-report.test.ts` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { formatPlacementSchema } from '../../src/report/placement-report.ts';

const COPY = new URL('../../docs/placement.schema.json', import.meta.url);

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatPlacementSchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatPlacementSchema()));
});
