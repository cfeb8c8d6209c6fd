/** docs/check-report.schema.json is the schema of the reports. `UPDATE=1 npx vitest run test/report/checks` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { formatCheckSchema } from '../../../src/report/checks/check-report.ts';
import { rulesOf, PROFILE_NAMES } from '../../../src/compliance/profiles.ts';

const COPY = new URL('../../../docs/check-report.schema.json', import.meta.url);
const PAGE = new URL('../../../docs/compliance.md', import.meta.url);

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatCheckSchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatCheckSchema()));
});

test('docs/compliance.md lists every rule, in the words of its reports', async () => {
  const rows = [...(await readFile(PAGE, 'utf8')).matchAll(/^\| `([a-z0-9-]+)` +\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm)];
  expect(rows.map(([, ...cells]) => cells).sort()).toEqual(
    rulesOf(PROFILE_NAMES)
      .map(({ id, title, serves, cannotShow }) => [id, title, serves.join('; '), cannotShow])
      .sort(),
  );
});
