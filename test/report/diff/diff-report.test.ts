/** docs/diff.schema.json is the schema of `diff --json`. `UPDATE=1 npx vitest run test/report/diff/diff-report.test.ts` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { formatDiffSchema } from '../../../src/report/diff/diff-report.ts';

const COPY = new URL('../../../docs/diff.schema.json', import.meta.url);

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatDiffSchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatDiffSchema()));
});
