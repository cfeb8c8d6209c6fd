/** docs/report.schema.json is the schema of the reports. `UPDATE=1 npx vitest run test/report/verify-report.test.ts` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { formatReportSchema } from '../../src/report/verify-report.ts';

const COPY = new URL('../../docs/report.schema.json', import.meta.url);

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatReportSchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatReportSchema()));
});

test('forbids unknown fields and keeps the pattern of digests', () => {
  const schema = JSON.parse(formatReportSchema()) as { properties: Record<string, unknown> };
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    additionalProperties: false,
    required: ['schemaVersion', 'kind', 'archive', 'verdict', 'trust', 'read'],
  });
  expect(schema.properties['digest']).toMatchObject({ type: 'string', pattern: '^sha256:[a-f0-9]{64}$' });
});
